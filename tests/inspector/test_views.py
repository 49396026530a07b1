"""Views: each kind of body, whole or cut, honest or hostile, becomes something to read and never an error."""

import gzip
import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunnel.capture.recode import encoder
from tunnel.inspector import views
from tunnel.inspector.views import image_type, upgraded, view
from tunnel.model.exchange import Body, Moment


def shown(data: bytes, kind: str = "", *more: str, size: int | None = None, lost: bool = False) -> dict:
    head = "\r\n".join(["HTTP/1.1 200 OK", *([f"Content-Type: {kind}"] if kind else []), *more, "", ""]).encode(
        "latin-1"
    )
    return view(Body(len(data) if size is None else size, len(data), lost), data, head)


@pytest.mark.parametrize(
    ("data", "kind", "expected"),
    [
        (b"", "text/html", "empty"),
        (b'{"a":1}', "application/json", "json"),
        (b'{"a":1}', "application/problem+json", "json"),
        (b"a=1&b=2", "application/x-www-form-urlencoded", "form"),
        (b"<p>hi", "text/html; charset=utf-8", "html"),
        (b"plain", "text/plain", "text"),
        (b"\x00\x01\x02", "application/octet-stream", "hex"),
        (b"\x89PNG", "image/png", "image"),
        (b"<svg><script>alert(1)</script></svg>", "image/svg+xml", "text"),
        (b"data: x\n\n", "text/event-stream", "events"),
        (b"{ items { id } }", "application/graphql", "graphql"),
        (b'{"query": "{ items { id } }"}', "application/json", "graphql"),
        (b'{"query": "shoes"}', "application/json", "json"),
        (b'{"query": "{a}", "page": 2}', "application/json", "json"),
        (b"\0\0\0\0\5hello", "application/grpc", "hex"),
    ],
)
def test_each_kind_is_known(data: bytes, kind: str, expected: str) -> None:
    assert shown(data, kind)["kind"] == expected


def test_a_graphql_request_shows_its_query_and_what_goes_with_it() -> None:
    told = shown(
        b'{"query":"query A($id: ID!) {\\n item(id: $id) { name }\\n}","variables":{"id":1},"operationName":"A"}'
    )

    assert told["text"].startswith("query A($id: ID!) {\n")
    assert [(part["name"], json.loads(part["text"])) for part in told["parts"]] == [
        ("operationName", "A"),
        ("variables", {"id": 1}),
    ]


def test_the_parts_of_a_form_are_told_one_by_one() -> None:
    body = (
        b'--x\r\nContent-Disposition: form-data; name="title"\r\n\r\nHello --x there\r\n'
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\n'
        b"Content-Type: application/octet-stream\r\n\r\n"
        b"\x00\x01\r\n--x--\r\n"
    )
    told = shown(body, "multipart/form-data; boundary=x")

    title, file = told["parts"]
    assert (title["name"], title["text"], title["filename"]) == ("title", "Hello --x there", None)
    assert (file["name"], file["filename"], file["type"], file["size"]) == (
        "file",
        "a.bin",
        "application/octet-stream",
        2,
    )
    assert file["text"] is None
    assert "00 01" in file["hex"]
    assert told["notes"] == []


def test_a_form_that_was_cut_says_so() -> None:
    told = shown(
        b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nhal', "multipart/form-data; boundary=x", size=999
    )

    assert told["parts"][0]["text"] == "hal"
    assert told["truncated"]
    assert any("last boundary" in note for note in told["notes"])


def test_events_are_read_as_browsers_read_them() -> None:
    told = shown(
        b": hello\nevent: tick\nid: 7\ndata: one\ndata: two\n\ndata:three\r\n\r\nevent: nothing\n\ndata\n\ndata: unfinished",
        "text/event-stream",
    )

    assert told["events"] == [
        {"id": "7", "event": "tick", "data": "one\ntwo", "at": None},
        {"id": "7", "event": "message", "data": "three", "at": None},
        {"id": "7", "event": "message", "data": "", "at": None},
    ]


def test_each_event_has_the_time_of_its_last_byte() -> None:
    body = b"data: 1\n\nda" + b"ta: 2\n\ndata: 3\n\n"
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
    moments = [Moment(11, 1_000), Moment(len(body), 201_000)]

    told = view(Body(len(body), len(body), False), body, head, moments)

    assert [(event["data"], event["at"]) for event in told["events"]] == [("1", 1_000), ("2", 201_000), ("3", 201_000)]


def test_a_coded_stream_has_its_times_too() -> None:
    writer = encoder(b"gzip")
    coded = [writer.feed(b"data: %d\n\n" % number, last=number == 2) for number in range(3)]
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: gzip\r\n\r\n"
    moments = [Moment(sum(map(len, coded[: number + 1])), number) for number in range(3)]
    size = sum(map(len, coded))

    told = view(Body(size, size, False), b"".join(coded), head, moments)

    assert [(event["data"], event["at"]) for event in told["events"]] == [("0", 0), ("1", 1), ("2", 2)]


@pytest.mark.parametrize(
    ("kind", "body"),
    [("application/x-ndjson", b'{"a":1}\n[2]\n'), ("application/json-seq", b'\x1e{"a":1}\n\x1e[2]\n')],
)
def test_lines_of_json_are_events_without_a_name(kind: str, body: bytes) -> None:
    told = shown(body, kind)

    assert told["kind"] == "events"
    assert [(event["event"], event["data"]) for event in told["events"]] == [("", '{"a":1}'), ("", "[2]")]


def test_codings_are_undone_and_what_is_cut_is_told() -> None:
    packed = gzip.compress(random.Random(1).randbytes(5000).hex().encode())
    whole = shown(packed, "text/plain", "Content-Encoding: gzip")
    cut = shown(packed[:1500], "text/plain", "Content-Encoding: gzip", size=len(packed))

    assert len(whole["text"]) == 10_000
    assert not whole["truncated"]
    assert cut["truncated"]
    assert len(cut["notes"]) == 2


def test_no_more_than_a_mebibyte_is_shown() -> None:
    told = shown(b"a" * (views.MOST + 1), "text/plain")
    packed = shown(gzip.compress(b"a" * (views.MOST + 1)), "text/plain", "Content-Encoding: gzip")

    for each in (told, packed):
        assert len(each["text"]) <= views.MOST
        assert each["truncated"]


def test_only_images_in_which_nothing_runs_have_a_type_of_their_own() -> None:
    assert image_type(b"HTTP/1.1 200 OK\r\nContent-Type: Image/PNG; x=y\r\n\r\n") == "image/png"
    for kind in (b"image/svg+xml", b"text/html", b"image/x-anything", b"", b"image/png\x00"):
        assert image_type(b"HTTP/1.1 200 OK\r\nContent-Type: " + kind + b"\r\n\r\n") == ""


@given(
    st.binary(max_size=300),
    st.sampled_from(
        [
            "",
            "multipart/form-data; boundary=x",
            "text/event-stream",
            "application/json",
            "application/graphql",
            "application/x-ndjson",
            "application/json-seq",
        ]
    ),
    st.sampled_from(
        [b"", b"--x\r\n", b"--x\r\nContent-Disposition: form-data; name*=utf-8''%ff; filename=\"", b"data: "]
    ),
)
def test_nothing_that_a_stranger_sends_is_an_error(data: bytes, kind: str, begin: bytes) -> None:
    told = shown(begin + data + begin, kind)

    json.dumps(told)


def test_an_upgraded_connection_has_no_body_and_says_where_its_messages_are() -> None:
    shape = upgraded()

    assert set(shape) == set(shown(b""))
    assert (shape["kind"], shape["truncated"]) == ("empty", False)
    assert "messages" in shape["notes"][0]
