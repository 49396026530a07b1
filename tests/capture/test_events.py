"""Streams of events taken apart: as browsers read them, as RFC 7464 has them, line by line; and where each one ended."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunnel.capture.events import MOST_EVENTS, Event, events_of

KINDS = ["text/event-stream", "application/x-ndjson", "application/json-seq"]


def test_an_event_stream_is_read_as_browsers_read_it() -> None:
    body = b"\xef\xbb\xbf: hello\nid: 7\nevent: tick\ndata: one\ndata:two\n\n"
    body += b"data:three\r\n\r\nevent: none\n\ndata\r\rdata: un"

    assert events_of(body, "text/event-stream") == [
        Event("7", "tick", "one\ntwo", 49),
        Event("7", "message", "three", 62),
        Event("7", "message", "", 82),
    ]


def test_lines_of_json_are_an_event_each() -> None:
    assert events_of(b'{"a":1}\n\n [2]\r\n"th', "application/x-ndjson") == [
        Event("", "", '{"a":1}', 8),
        Event("", "", "[2]", 15),
        Event("", "", '"th', 18),
    ]


def test_a_json_text_sequence_is_taken_apart_at_its_separators() -> None:
    assert events_of(b'\x1e{"a":\n1}\n\x1e\x1e[2]\n\x1e"th', "application/json-seq") == [
        Event("", "", '{"a":\n1}', 10),
        Event("", "", "[2]", 16),
        Event("", "", '"th', 20),
    ]


@pytest.mark.parametrize("kind", ["", "text/plain", "application/json"])
def test_other_bodies_have_none(kind: str) -> None:
    assert events_of(b"data: 1\n\n", kind) is None


@given(st.lists(st.sampled_from([b"data: x", b"data", b"id: 1", b"event: e", b":", b"\n", b"\r", b"\r\n", b"\x1e", b"1"])),
       st.sampled_from(KINDS))  # fmt: skip
def test_an_event_ends_with_the_byte_that_makes_it_whole(words: list[bytes], kind: str) -> None:
    body = b"".join(words)
    events = events_of(body, kind)
    assert events is not None
    for number, event in enumerate(events):
        assert 0 < event.end <= len(body)
        until = events_of(body[: event.end], kind)
        assert until is not None
        assert [each.data for each in until] == [each.data for each in events[: number + 1]]
        if kind == "text/event-stream":
            assert events_of(body[: event.end - 1], kind) == events[:number]


@pytest.mark.parametrize("word", [b"x", b"\r", b"data: x\n", b"data\n\n", b"\x1e", b"\n", b"1\n"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_large_body_is_taken_apart_in_a_time_that_grows_with_its_length(word: bytes, kind: str) -> None:
    def taken(size: int) -> float:
        body = word * (size // len(word))
        began = time.process_time()
        found = events_of(body, kind)
        assert found is not None
        assert len(found) <= MOST_EVENTS
        return time.process_time() - began

    assert taken(1 << 20) < 64 * max(taken(1 << 16), 0.01)  # 16 times the bytes; with the square it would be 256 times
