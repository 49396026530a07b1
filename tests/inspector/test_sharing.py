"""The share's part of the API: how it stands as openapi.json says it, and each order, given only by who may."""

from pathlib import Path
from typing import Any

import pytest

from tests.inspector.asking import ask, parts, window
from tests.inspector.test_api import described, got, refused
from tests.share.fake_gate import ANOTHER, GALAXY, FakeGate, Stops, desk
from tunnel.model.share import Access, Happening

pytestmark = pytest.mark.anyio


async def test_where_nothing_is_shared_the_answer_is_null_and_orders_are_refused(tmp_path: Path) -> None:
    async with window(parts(tmp_path)) as app:
        assert await got(app, "/api/share") is None
        told = await refused(app, "/api/share/stop", 409, method="POST", body={})

    assert told["hint"] == "begin: tunnel share 3000"


async def test_a_share_is_told_whole_in_microseconds(tmp_path: Path) -> None:
    steering = desk(FakeGate(waiting=[GALAXY]), read_only=True)
    steering.heard(Happening("asked", 0, GALAXY.name, GALAXY.address, "Galaxy S25 wants in"))
    async with window(parts(tmp_path, share=steering)) as app:
        told = await got(app, "/api/share")

    assert (told["left"], told["ends"], told["access"]) == (2_520_000_000, 1_700_002_720_000_000, "pairing")
    assert told["rules"] == ["read-only"]
    assert told["link"].endswith("token=once")
    assert told["devices"][0] == {
        "number": 1, "name": "Pixel 9", "browser": "Chrome", "address": "192.0.2.7", "rule": "pairing",
        "since": 1_700_000_000_000_000, "seen": 1_700_000_060_000_000, "requests": 12,
    }  # fmt: skip
    assert told["questions"] == [
        {
            "number": 3, "name": "Galaxy S25", "browser": "Firefox", "address": "192.0.2.44", "at": 1_700_000_100_000_000,
            "code": "42",
        }
    ]  # fmt: skip
    assert [(one["what"], one["sentence"]) for one in told["heard"]] == [("asked", "Galaxy S25 wants in")]


@pytest.mark.parametrize("access", Access)
async def test_every_rule_and_a_share_without_end_are_as_described(tmp_path: Path, access: Access) -> None:
    async with window(parts(tmp_path, share=desk(FakeGate(remaining=None), access=access))) as app:
        told = await got(app, "/api/share")

    assert (told["ends"], told["left"]) == (None, None)


async def test_each_order_is_carried_out_and_answers_the_share(tmp_path: Path) -> None:
    gate, stop = FakeGate(waiting=[GALAXY, ANOTHER]), Stops()
    async with window(parts(tmp_path, share=desk(gate, stop=stop))) as app:

        async def order(target: str, path: str, body: object = None) -> Any:
            answer = await ask(app, target, method="POST", body={} if body is None else body)
            assert answer.status == 200, answer
            return described(answer, path, "post")

        told = await order("/api/share/questions/3", "/api/share/questions/{number}", {"allow": True})
        assert [one["number"] for one in told["questions"]] == [4]
        told = await order("/api/share/devices/2/revoke", "/api/share/devices/{number}/revoke")
        assert [one["number"] for one in told["devices"]] == [1]
        told = await order("/api/share/extend", "/api/share/extend", {"seconds": 900})
        assert told["left"] == 3_420_000_000
        await order("/api/share/stop", "/api/share/stop")

    assert gate.answered == [(3, True)]
    assert stop.count == 1


@pytest.mark.parametrize(
    ("target", "body", "status", "said"),
    [
        ("/api/share/questions/9", {"allow": True}, 404, "question 9"),
        ("/api/share/devices/9/revoke", {}, 404, "number 9"),
        ("/api/share/questions/3", {}, 400, "allow"),
        ("/api/share/questions/3", {"allow": "yes"}, 400, "allow"),
        ("/api/share/questions/3", {"allow": True, "also": 1}, 400, "also"),
        ("/api/share/extend", {"seconds": -1}, 400, "cannot be added"),
        ("/api/share/extend", {"seconds": 1e300}, 400, "cannot be added"),
        ("/api/share/extend", {}, 400, "seconds"),
        ("/api/share/stop", {"really": True}, 400, "really"),
        ("/api/share/questions/x", {"allow": True}, 404, "nothing at"),
    ],
)
async def test_an_order_that_means_nothing_is_refused(
    tmp_path: Path, target: str, body: object, status: int, said: str
) -> None:
    gate, stop = FakeGate(waiting=[GALAXY]), Stops()
    async with window(parts(tmp_path, share=desk(gate, stop=stop))) as app:
        answer = await ask(app, target, method="POST", body=body)

    assert answer.status == status
    assert said in answer.json["error"]
    assert (gate.answered, stop.count, len(gate.all_devices)) == ([], 0, 2)


@pytest.mark.parametrize(
    "target",
    ["/api/share/questions/3", "/api/share/devices/1/revoke", "/api/share/extend", "/api/share/stop"],
)
async def test_nobody_without_the_token_steers_and_no_page_of_a_stranger_does(tmp_path: Path, target: str) -> None:
    gate, stop = FakeGate(waiting=[GALAXY]), Stops()
    body = {"allow": True} if "questions" in target else {"seconds": 60.0} if "extend" in target else {}
    async with window(parts(tmp_path, share=desk(gate, stop=stop))) as app:
        for how in (
            {"token": None},
            {"token": "wrong"},
            {"host": "evil.test:62894"},
            {"fields": {"origin": "https://evil.test"}},
            {"fields": {"sec-fetch-site": "cross-site"}},
        ):
            assert (await ask(app, target, method="POST", body=body, **how)).status in (403, 421), how
        form = await ask(app, target, method="POST", fields={"content-type": "application/x-www-form-urlencoded"})
        assert form.status == 415
        assert (await ask(app, target, method="GET")).status == 405
        assert (await ask(app, "/api/share", token=None)).status == 403

    assert (gate.answered, stop.count, len(gate.all_devices), gate.remaining) == ([], 0, 2, 2520.0)
