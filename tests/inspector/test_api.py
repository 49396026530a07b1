"""The API on recorded exchanges, as openapi.json says it: every answer is held against its schema."""

import base64
import json
import os
import re
import threading
import time
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import trio

from tests.capture.making import begun, ended, response
from tests.inspector.asking import Answer, ask, parts, recorded, window
from tunnel.capture.recorder import Recorder, Statistics
from tunnel.capture.store import Store
from tunnel.capture.store_schema import FAMILY, FILE
from tunnel.errors import ClientError, TunnelError
from tunnel.inspector.app import OPENAPI, Inspector
from tunnel.inspector.readers import Readers
from tunnel.model.headers import Headers

pytestmark = pytest.mark.anyio

DESCRIBED = json.loads(OPENAPI.read_text(encoding="utf-8"))


def fill(recorder: Recorder) -> None:
    """1 plain, 2 a JSON answer, 3 failed, 4 still running when the recorder ended, 5 with changed heads and trailers."""
    ended(recorder, b"/one")
    record = begun(recorder, b"/two?x=1")
    record.sent, record.upstream = record.request.raw, "127.0.0.1:3000"
    record.response = response(200, b"Content-Type: application/json\r\n")
    record.returned = record.response.raw
    record.response_body.add(b'{"a": [1, 2]}')
    record.ended = record.started + 0.2
    recorder.close(record)
    record = begun(recorder, b"/three")
    record.error = ClientError("it broke", hint="mend it")
    record.ended = record.started + 0.001
    recorder.close(record)
    recorder.show(begun(recorder, b"/four"))
    record = begun(recorder, b"/five")
    record.sent = b"GET /five HTTP/1.1\r\nHost: other.test\r\nX-Forwarded-For: 127.0.0.1\r\n\r\n"
    record.response = response(404)
    record.returned = record.response.raw
    record.request_trailers, record.response_trailers = Headers(), Headers([(b"Checked", b"yes")])
    record.informational = [response(103)]
    record.repairs = ("a cookie's domain was taken out",)
    record.ended = record.started + 0.003
    recorder.close(record)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    recorded(tmp_path, fill)
    return tmp_path


def described(answer: Answer, path: str, method: str = "get") -> Any:
    """Return the answer's JSON, which is what openapi.json says."""
    responses = DESCRIBED["paths"][path][method]["responses"]
    told = responses["200" if answer.status == 200 else "default"]["content"]["application/json"]["schema"]
    # The schemas refer to each other from the root of the document.
    jsonschema.validate(answer.json, {**told, "components": DESCRIBED["components"]}, jsonschema.Draft202012Validator)
    return answer.json


async def got(app: Inspector, target: str, path: str = "", **how: Any) -> Any:
    answer = await ask(app, target, **how)
    assert answer.status == 200, answer
    return described(answer, path or target.partition("?")[0], how.get("method", "GET").lower())


async def refused(app: Inspector, target: str, status: int, path: str = "", **how: Any) -> Any:
    answer = await ask(app, target, **how)
    assert answer.status == status, answer
    return described(answer, path or target.partition("?")[0], how.get("method", "GET").lower())


def test_every_route_and_method_is_described_and_the_other_way_round(tmp_path: Path) -> None:
    async def routes() -> set[tuple[str, str]]:
        async with window(parts(tmp_path)) as app:
            return {
                (re.sub(r":\w+}", "}", route.path), method.lower())
                for route in app.routes
                for method in (route.methods or set()) - {"HEAD"}
            }

    told = {
        (path, method)
        for path, item in DESCRIBED["paths"].items()
        for method in item
        if method in ("get", "post", "put", "patch", "delete")
    }
    assert trio.run(routes) == told


def test_the_description_is_one_of_openapi_and_its_schemas_are_schemas() -> None:
    assert DESCRIBED["openapi"] == "3.1.0"
    for name, schema in DESCRIBED["components"]["schemas"].items():
        jsonschema.Draft202012Validator.check_schema(schema)
        assert name[0].isupper()
    text = json.dumps(DESCRIBED)
    for name in re.findall(r'"#/components/schemas/(\w+)"', text):
        assert name in DESCRIBED["components"]["schemas"]


async def test_the_list_is_newest_first_in_pages(folder: Path) -> None:
    async with window(parts(folder)) as app:
        first = await got(app, "/api/exchanges?limit=2")
        second = await got(app, f"/api/exchanges?limit=2&before={first['next']}")
        third = await got(app, f"/api/exchanges?limit=2&before={second['next']}")

    assert [line["id"] for line in first["exchanges"] + second["exchanges"] + third["exchanges"]] == [5, 4, 3, 2, 1]
    assert (first["total"], third["next"]) == (5, None)
    assert first["exchanges"][1]["state"] == "interrupted"


async def test_nothing_recorded_is_an_empty_list(tmp_path: Path) -> None:
    async with window(parts(tmp_path)) as app:
        assert (await got(app, "/api/exchanges"))["exchanges"] == []
        assert (await got(app, "/api/status"))["store"] is None
        assert (await got(app, "/api/overview"))["buckets"] == []
        assert (await refused(app, "/api/exchanges/1", 500, "/api/exchanges/{id}"))["hint"]


async def test_an_exchange_is_told_whole_with_what_was_changed_marked(folder: Path) -> None:
    async with window(parts(folder)) as app:
        five = await got(app, "/api/exchanges/5", "/api/exchanges/{id}")
        three = await got(app, "/api/exchanges/3", "/api/exchanges/{id}")

    assert five["request"]["fields"] == [{"name": "Host", "value": "app.test", "change": "removed"}]
    assert five["request"]["sent"] == [
        {"name": "Host", "value": "other.test", "change": "changed"},
        {"name": "X-Forwarded-For", "value": "127.0.0.1", "change": "added"},
    ]
    assert five["request"]["trailers"] == []
    assert five["response"]["trailers"] == [{"name": "Checked", "value": "yes", "change": ""}]
    assert five["informational"] == ["HTTP/1.1 103 OK"]
    assert (five["http_version"], five["tls"]["version"]) == ("1.1", "TLSv1.3")
    assert three["response"] is None
    assert three["failure"] == {"what": "it broke", "hint": "mend it", "fault": "client"}
    assert three["request"]["sent"] == []
    assert three["request"]["fields"][0]["change"] == ""


async def test_a_body_comes_as_the_page_shows_it_or_as_bytes_that_no_browser_runs(folder: Path) -> None:
    path = "/api/exchanges/{id}/body/{side}"
    async with window(parts(folder)) as app:
        view = await got(app, "/api/exchanges/2/body/response", path)
        raw = await ask(app, "/api/exchanges/2/body/response?form=raw")
        await refused(app, "/api/exchanges/2/body/middle", 404, path)
        await refused(app, "/api/exchanges/2/body/response?form=html", 400, path)

    assert (view["kind"], view["text"], view["truncated"]) == ("json", '{\n  "a": [\n    1,\n    2\n  ]\n}\n', False)
    assert raw.body == b'{"a": [1, 2]}'
    assert raw.headers["content-type"] == "application/octet-stream"
    assert raw.headers["content-disposition"].startswith("attachment")
    assert "sandbox" in raw.headers["content-security-policy"]
    assert raw.guarded


async def test_what_is_not_there_and_what_is_no_number_is_said(folder: Path) -> None:
    async with window(parts(folder)) as app:
        assert (
            "there is no exchange 99" in (await refused(app, "/api/exchanges/99", 404, "/api/exchanges/{id}"))["error"]
        )
        await refused(app, f"/api/exchanges/{2**70}", 404, "/api/exchanges/{id}")
        for wrong in (
            "limit=0",
            "limit=501",
            "limit=x",
            "before=-1",
            "before=1e3",
            "limit=%D9%A3",
            "before=" + "9" * 40,
        ):
            told = await refused(app, f"/api/exchanges?{wrong}", 400)
            assert "a whole number" in told["error"]
        nothing = await ask(app, "/api/nothing")
        wrong_method = await ask(app, "/api/exchanges", method="DELETE")

    assert (nothing.status, nothing.json["hint"]) == (404, "see /api/openapi.json")
    assert wrong_method.status == 405
    assert "GET" in wrong_method.headers["allow"]


async def test_the_status_tells_the_front_the_recorder_and_the_store(folder: Path) -> None:
    statistics = Statistics(5, 5, 0, 0, 0, 0, "")
    async with window(parts(folder, statistics=lambda: statistics)) as app:
        told = await got(app, "/api/status")
    async with window(parts(folder, url="")) as app:
        alone = await got(app, "/api/status")

    assert told["store"]["exchanges"] == 5
    assert told["recorder"]["written"] == 5
    assert (told["url"], alone["url"], alone["revealable"]) == ("https://127.0.0.1:62893", None, False)


# Saved filters


async def test_filters_are_saved_replaced_and_removed(tmp_path: Path) -> None:
    async with window(parts(tmp_path)) as app:
        for name, text in (("errors", "status >= 500"), ("slow", "duration > 1s"), ("errors", "status >= 400")):
            await got(app, "/api/filters", method="POST", body={"name": name, "filter": text})
        assert await got(app, "/api/filters") == [
            {"name": "errors", "filter": "status >= 400"},
            {"name": "slow", "filter": "duration > 1s"},
        ]
        assert (tmp_path / "filters.json").stat().st_mode & 0o777 == 0o600
        left = await got(app, "/api/filters/errors", "/api/filters/{name}", method="DELETE")
        await refused(app, "/api/filters/errors", 404, "/api/filters/{name}", method="DELETE")

    assert [one["name"] for one in left] == ["slow"]
    assert os.listdir(tmp_path) == ["filters.json"]  # noqa: PTH208


@pytest.mark.parametrize(
    "body",
    [
        {"name": "", "filter": "x"},
        {"name": "x" * 81, "filter": "x"},
        {"name": "x", "filter": ""},
        {"name": "x"},
        {"name": 1, "filter": "x"},
        {"name": "x", "filter": "x", "more": 1},
        b"{",
        b"\xff",
        b"[" * 60_000,
    ],
)
async def test_a_filter_that_cannot_be_saved_is_refused_in_words(tmp_path: Path, body: object) -> None:
    async with window(parts(tmp_path)) as app:
        told = await refused(app, "/api/filters", 400, method="POST", body=body)

        assert told["error"]
        assert await got(app, "/api/filters") == []


async def test_a_body_that_is_too_large_is_not_taken(tmp_path: Path) -> None:
    async with window(parts(tmp_path)) as app:
        await refused(app, "/api/filters", 413, method="POST", body=b" " * 100_000)


async def test_a_damaged_file_of_filters_is_told_and_kept(tmp_path: Path) -> None:
    (tmp_path / "filters.json").write_text("{not json")
    async with window(parts(tmp_path)) as app:
        told = await refused(app, "/api/filters", 500)

    assert "mv " in told["hint"]
    assert (tmp_path / "filters.json").read_text() == "{not json"


# Doors


async def test_what_does_not_exist_cannot_be_copied_or_compared(folder: Path) -> None:
    async with window(parts(folder)) as app:
        await refused(app, "/api/exchanges/1/copy/telnet", 404, "/api/exchanges/{id}/copy/{kind}")
        await refused(app, "/api/compare?left=1", 400)


async def test_the_fields_of_the_filter_language_are_told(folder: Path) -> None:
    async with window(parts(folder)) as app:
        told = await got(app, "/api/fields")

    assert {field["name"]: field["type"] for field in told}["duration"] == "duration"


async def test_sending_again_and_revealing_need_a_front(folder: Path) -> None:
    async with window(parts(folder, url="")) as app:
        for what in ("replay", "reveal"):
            path = f"/api/exchanges/{{id}}/{what}"
            told = await refused(app, f"/api/exchanges/1/{what}", 409, path, method="POST", body={})
            assert "without a running front" in told["error"]


async def test_what_is_wished_for_a_replay_is_checked(folder: Path) -> None:
    async def nobody(plan: object) -> object:
        raise AssertionError("it was sent")

    path = "/api/exchanges/{id}/replay"
    async with window(parts(folder, replay=nobody)) as app:
        for wish in ({"times": 0}, {"times": 101}, {"colour": "red"}, {"headers": [["a"]]}, {"method": 1}, []):
            await refused(app, "/api/exchanges/1/replay", 400, path, method="POST", body=wish)


async def test_a_request_is_copied_and_two_are_compared(folder: Path) -> None:
    async with window(parts(folder)) as app:
        copied = await got(app, "/api/exchanges/2/copy/curl", "/api/exchanges/{id}/copy/{kind}")
        rows = (await got(app, "/api/compare?left=1&right=2"))["rows"]

    assert copied["text"].startswith("curl ") and "https://127.0.0.1:62893/two?x=1" in copied["text"]
    assert {"where": "request.head", "name": "path"}.items() <= next(row for row in rows if not row["same"]).items()


async def test_what_was_redacted_is_shown_where_the_process_still_has_it(folder: Path) -> None:
    def reveal(data: bytes) -> tuple[bytes, int]:
        return data.replace(b"app.test", b"real.test").replace(b"[1, 2]", b"[3]"), int(b"/two" in data[:10])

    async with window(parts(folder, reveal=reveal)) as app:
        told = await got(app, "/api/exchanges/2/reveal", "/api/exchanges/{id}/reveal", method="POST")

    shown = told["exchange"]
    assert shown["request"]["fields"][0]["value"] == "real.test"
    assert json.loads(shown["response"]["view"]["text"]) == {"a": [3]}
    assert base64.b64decode(shown["response"]["base64"]) == b'{"a": [3]}'
    assert told["missing"] == 1


async def test_a_filter_that_is_wrong_says_where(folder: Path) -> None:
    async with window(parts(folder)) as app:
        wrong = await got(app, "/api/check?filter=method%20=%20GET%20and%20statsu%20=%201")
        assert (wrong["column"], wrong["error"]) == (17, "there is no field statsu")
        assert "did you mean status?" in wrong["hint"]
        assert await got(app, "/api/check?filter=") == {"ok": True}
        for path in ("/api/exchanges", "/api/overview", "/api/export", "/api/feed"):
            answer = await ask(app, f"{path}?filter=method%20=%20GET%20and%20statsu%20=%201")
            assert (answer.status, answer.json) == (400, wrong), path


# Exports


@pytest.mark.parametrize("count", [0, 1, 45])
async def test_an_export_is_streamed_whole(tmp_path: Path, count: int) -> None:
    recorded(tmp_path, lambda recorder: [ended(recorder, body=b"%d" % number) for number in range(count)])
    wanted = list(range(1, count + 1))
    async with window(parts(tmp_path)) as app:
        answers = {form: await ask(app, f"/api/export?format={form}") for form in ("json", "jsonl", "har")}
        wrong = await refused(app, "/api/export?format=xml", 400)

    for form, answer in answers.items():
        assert (answer.status, answer.whole) == (200, True)
        assert answer.headers["content-disposition"] == f'attachment; filename="tunnel-export.{form}"'
        assert "content-length" not in answer.headers
    assert [one["id"] for one in answers["json"].json] == wanted
    assert [json.loads(line)["id"] for line in answers["jsonl"].body.splitlines()] == wanted
    assert [entry["response"]["content"]["text"] for entry in answers["har"].json["log"]["entries"]] == [
        str(number - 1) for number in wanted
    ]
    assert "har, json or jsonl" in wrong["error"]


# Readers


async def test_no_more_than_a_few_questions_are_worked_on_at_once(folder: Path) -> None:
    running, most = 0, 0
    turn = threading.Lock()

    def question(store: Store) -> int:
        nonlocal running, most
        with turn:
            running += 1
            most = max(most, running)
        time.sleep(0.01)  # what is counted is who works at the same time
        with turn:
            running -= 1
        return store.revision()

    readers = Readers(folder)
    async with trio.open_nursery() as nursery:
        for _ in range(20):
            nursery.start_soon(readers.ask, question)
    readers.close()

    assert most <= 2


async def test_more_than_can_wait_are_refused(folder: Path) -> None:
    readers = Readers(folder)
    go = threading.Event()
    said: list[TunnelError] = []

    async def one() -> None:
        try:
            await readers.ask(lambda store: go.wait(10))
        except TunnelError as error:
            said.append(error)
            go.set()

    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            for _ in range(100):
                nursery.start_soon(one)

    assert said
    assert {error.status for error in said} == {503}


async def test_a_question_that_takes_too_long_is_broken_off(folder: Path) -> None:
    endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT max(x) FROM n"
    over = threading.Event()

    def question(store: Store) -> None:
        try:
            store.select(endless)
        finally:
            over.set()

    readers = Readers(folder, longest=0.05)
    with pytest.raises(TunnelError, match=r"took longer than 0\.05 seconds") as raised:
        await readers.ask(question)
    assert raised.value.status == 503
    assert await trio.to_thread.run_sync(over.wait, 10)  # the thread did not go on


async def test_a_store_that_was_replaced_is_opened_anew(folder: Path) -> None:
    async with window(parts(folder)) as app:
        assert (await got(app, "/api/exchanges"))["total"] == 5
        for suffix in FAMILY:
            (folder / f"{FILE}{suffix}").unlink(missing_ok=True)
        assert (await got(app, "/api/exchanges"))["total"] == 0
        recorded(folder, lambda recorder: ended(recorder))
        assert (await got(app, "/api/exchanges"))["total"] == 1


async def test_the_page_is_served_by_an_exact_list(tmp_path: Path) -> None:
    async with window(parts(tmp_path)) as app:
        page = await ask(app, "/")
        again = await ask(app, "/", fields={"if-none-match": page.headers["etag"]})
        same = await ask(app, "/static/index.html")
        for name in (
            "../app.py",
            "%2e%2e/app.py",
            "openapi.json",
            "",
            "/index.html",
            "index.html/",
            "INDEX.HTML",
            "x\0",
        ):
            assert (await ask(app, f"/static/{name}")).status == 404, name

    assert (page.status, again.status, again.body) == (200, 304, b"")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert same.body == page.body
