"""Delay and loss, on both sides of tunnel: answers are right, or the sentence about them is."""

import http.client
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.fire.bad_network import BadNetwork, Weather
from tests.fire.origin import LARGE, Origin, digest, origin
from tests.helpers.fronts import Front
from tests.helpers.servers import free_port, within

CRUMBS = Weather(crumbs=1)
LATE = Weather(delay=0.02)


@pytest.fixture
def behind() -> Iterator[Origin]:
    with origin() as running:
        yield running


@contextmanager
def far_upstream(behind: Origin, folder: Path, *options: str) -> Iterator[tuple[Front, BadNetwork]]:
    """A front whose upstream is behind a bad network."""
    with within(60), BadNetwork(behind.port) as network, Front(network.port, folder, *options) as front:
        yield front, network


def ask(port: int, front: Front, method: str, target: str, body: bytes | None = None) -> tuple[int, bytes]:
    connection = http.client.HTTPSConnection("127.0.0.1", port, context=front.context(), timeout=30)
    try:
        connection.request(method, target, body, {"Accept": "application/json"})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


@pytest.mark.parametrize("weather", [CRUMBS, LATE, Weather(crumbs=7, delay=0.0005)], ids=str)
def test_requests_and_answers_arrive_whole_through_crumbs_and_delay(
    weather: Weather, tmp_path: Path, behind: Origin
) -> None:
    body = b"x" * 500
    with far_upstream(behind, tmp_path / "folder") as (front, there), BadNetwork(front.port, weather, weather) as here:
        there.up = there.down = weather
        for _ in range(2):
            assert ask(here.port, front, "GET", "/plain") == (200, b"hello")
            assert ask(here.port, front, "PUT", "/put", body) == (200, digest(body))
            assert ask(here.port, front, "POST", "/post", body) == (200, digest(body))
        assert {(row["status"], row["fault"]) for row in front.recorded(count=6)} == {(200, "")}


HEAD = len(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")


@pytest.mark.parametrize("at", [1, 9, 20, HEAD - 1])
@pytest.mark.parametrize("end", ["reset_at", "end_at"])
def test_an_answer_cut_in_its_head_is_a_502_that_says_who_broke_off(
    end: str, at: int, tmp_path: Path, behind: Origin
) -> None:
    with far_upstream(behind, tmp_path / "folder") as (front, there):
        there.down = Weather(**{end: at})
        status, told = ask(front.port, front, "GET", "/plain")

    assert status == 502
    assert b"the upstream at 127.0.0.1" in told and b"broke off" in told
    assert behind.heard == ["GET /plain"]  # a byte of the answer had come, so it was not asked again


@pytest.mark.parametrize("end", ["reset_at", "end_at"])
def test_an_answer_cut_in_its_body_is_never_taken_for_whole(end: str, tmp_path: Path, behind: Origin) -> None:
    with far_upstream(behind, tmp_path / "folder") as (front, there):
        there.down = Weather(**{end: 60_000})
        with pytest.raises((http.client.IncompleteRead, ConnectionError)):
            ask(front.port, front, "GET", "/large")
        row = front.exchange("/large")

    assert (row["status"], row["fault"]) == (200, "upstream")
    assert 0 < row["response_bytes"] < len(LARGE)
    assert "broke off" in row["error"]


@pytest.mark.parametrize("end", ["reset_at", "end_at"])
def test_a_connection_cut_before_its_answer_costs_nothing_that_may_be_sent_twice(
    end: str, tmp_path: Path, behind: Origin
) -> None:
    with far_upstream(behind, tmp_path / "folder") as (front, there):
        assert ask(front.port, front, "GET", "/plain") == (200, b"hello")
        there.down = Weather(**{end: 0})  # every connection dies with the first byte of its answer
        status, told = ask(front.port, front, "GET", "/lost")
        assert status == 502 and b"4 connections broke off" in told
        status, told = ask(front.port, front, "POST", "/posted", b"x")
        assert status == 502 and b"POST is never sent twice" in told
        there.down = Weather()
        assert ask(front.port, front, "GET", "/found") == (200, b"hello")
    assert behind.heard.count("POST /posted") <= 1


def test_an_upload_cut_on_its_way_is_a_502_and_is_not_sent_again_once_it_was_too_long_to_keep(
    tmp_path: Path, behind: Origin
) -> None:
    with far_upstream(behind, tmp_path / "folder") as (front, there):
        there.up = Weather(reset_at=80_000)
        status, told = ask(front.port, front, "PUT", "/large", LARGE * 4)

        assert status == 502 and b"not kept to be sent again" in told
        there.up = Weather()
        assert ask(front.port, front, "PUT", "/large", LARGE) == (200, digest(LARGE))
    assert behind.heard.count("PUT /large") == 2


def test_an_upstream_that_swallows_everything_is_a_504_and_its_connection_is_given_up(
    tmp_path: Path, behind: Origin
) -> None:
    with far_upstream(behind, tmp_path / "folder", "--first-byte", "500ms") as (front, there):
        there.up = Weather(swallow_at=0)
        status, told = ask(front.port, front, "GET", "/plain")
        there.wait_for_ends(1)

    assert status == 504 and b"--first-byte" in told
    assert behind.heard == []


def test_a_client_cut_in_the_middle_of_its_upload_is_told_apart_from_the_upstream(
    tmp_path: Path, behind: Origin
) -> None:
    with (
        far_upstream(behind, tmp_path / "folder") as (front, there),
        BadNetwork(front.port, Weather(reset_at=50_000)) as here,
    ):
        with pytest.raises((OSError, http.client.HTTPException)):
            ask(here.port, front, "POST", "/large", LARGE)
        row = front.exchange("/large")
        there.wait_for_ends(1)  # the upstream is freed

    assert row["fault"] == "client" and "left" in row["error"]


def test_a_client_cut_in_its_handshake_or_head_is_nobodys_news(tmp_path: Path, behind: Origin) -> None:
    with within(60), Front(behind.port, tmp_path / "folder") as front:
        for at in (0, 1, 5, 50, 200, 400, 600):
            with (
                BadNetwork(front.port, Weather(reset_at=at)) as here,
                pytest.raises((OSError, http.client.HTTPException)),
            ):
                ask(here.port, front, "GET", "/never")
        assert ask(front.port, front, "GET", "/plain") == (200, b"hello")
    assert "error" not in front.program.err.text and "failed" not in front.program.err.text


def test_a_far_port_that_refuses_is_waited_for_and_then_told(tmp_path: Path) -> None:
    port = free_port()
    with within(60), BadNetwork(port) as network, Front(network.port, tmp_path / "folder", "--wait", "300ms") as front:
        status, told = ask(front.port, front, "POST", "/", b"x")

    assert status == 502 and b"broke off" in told
