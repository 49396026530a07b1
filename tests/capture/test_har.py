"""HAR, written: what the specification and Chromium say, and that what is written reads back as it was."""

import base64
import dataclasses
import gzip
import json
from collections.abc import Iterator

import pytest
from hypothesis import given, settings

from tests.capture.exchanges import STARTED, exchange, recorded
from tests.helpers import har_spec
from tunnel.capture import har
from tunnel.errors import Fault
from tunnel.model.exchange import Body, Exchange, Failure, Moment, RecordedMessage, State, Timings


def entry(
    exchange: Exchange,
    request: bytes = b"",
    response: bytes = b"",
    messages: tuple[RecordedMessage, ...] = (),
    moments: tuple[Moment, ...] = (),
) -> dict:
    """Write an entry, see that it is valid, and return it as a reader of the file has it."""
    whole = har.entry(exchange, request, response, messages, moments)
    (text,) = json.loads("".join(har.log([whole])))["log"]["entries"]
    har_spec.check_entry(text)
    return text


@settings(max_examples=300, deadline=None)
@given(recorded())
def test_whatever_was_recorded_is_valid_and_reads_back_as_it_was(whole):
    exchange, request, response, messages = whole
    text = "".join(har.log([har.entry(exchange, request, response, messages)]))
    har_spec.check(json.loads(text))

    (read,) = har.read(text.encode())

    kept = dataclasses.replace(exchange, id=0, revision=0)
    assert read.exchange == kept
    assert (read.request_body, read.response_body, list(read.messages)) == (request, response, messages)
    assert har.entry(dataclasses.replace(read.exchange, id=7), *read[1:]) == har.entry(
        exchange, request, response, messages
    )


def test_an_entry_tells_what_the_client_saw():
    came = exchange(answered=[(b"Location", b"http://localhost:3000/x")], status=302)
    went = dataclasses.replace(
        came,
        sent_head=b"GET / HTTP/1.1\r\nVia: 1.1 tunnel\r\n\r\n",
        returned_head=b"HTTP/1.1 302 Found\r\nLocation: /x\r\n\r\n",
    )

    told = entry(went)

    assert told["response"]["redirectURL"] == "/x"
    assert told["response"]["statusText"] == "Found"
    assert [field["name"] for field in told["request"]["headers"]] == ["Host"]
    assert "Via" in told["_tunnel"]["heads"]["sent"]
    assert told["serverIPAddress"] == "127.0.0.1"


@pytest.mark.parametrize("host", ["", "[[[", "a b", "a/../b", "a:99999", "x@y", "a\tb"])
def test_a_host_that_is_none_makes_no_url(host):
    told = entry(exchange(host=host, status=421))

    assert told["request"]["url"] == "https://127.0.0.1/"
    assert told["request"]["headers"][0]["value"] == host


@pytest.mark.parametrize(
    ("listener", "host"), [("::1", "[::1]"), ("", "localhost"), ("+9:9", "localhost"), ("a b", "localhost")]
)
def test_without_a_host_the_url_names_the_listener(listener, host):
    assert entry(exchange(host="", listener=listener))["request"]["url"] == f"https://{host}/"


@pytest.mark.parametrize(
    ("reused", "timings", "told"),
    [
        (False, (1000, 21_000, 33_500), (-1, 1, 20, 12.5)),
        (True, (1000, 21_000, 33_500), (1, -1, 20, 12.5)),
        (False, (None, None, 7000), (-1, -1, 7, 0)),  # nobody listened there
        (False, (1000, None, 7000), (-1, 1, 6, 0)),  # it broke off before it answered
        (False, (1000, 2000, None), (-1, 1, 1, 0)),  # it is still running
        (False, (None, None, None), (-1, -1, 0, 0)),
    ],
)
def test_timings_that_nobody_knows_are_minus_one(reused, timings, told):
    phases = entry(exchange(reused=reused, timings=Timings(0, 0, *timings)))["timings"]

    assert (phases["blocked"], phases["connect"], phases["wait"], phases["receive"]) == told
    assert (phases["dns"], phases["ssl"], phases["send"]) == (-1, -1, 0)


def test_a_coded_body_is_told_decoded_and_kept_as_it_passed():
    body = gzip.compress("grüße".encode() * 100)
    fields = [(b"Content-Type", b"text/plain"), (b"Content-Encoding", b"gzip")]

    told = entry(exchange(answered=fields, response=body), response=body)

    content = told["response"]["content"]
    assert content["text"] == "grüße" * 100
    assert (content["size"], content["compression"]) == (700, 700 - len(body))
    assert told["response"]["bodySize"] == len(body)
    assert base64.b64decode(told["_tunnel"]["response"]["coded"]) == body


def test_a_binary_body_is_base64_and_so_is_one_that_its_charset_does_not_give_back():
    for kind, body in ((b"image/png", b"\x89PNG\r\n\x1a\n\0"), (b"text/plain; charset=utf-8", b"caf\xe9")):
        content = entry(exchange(answered=[(b"Content-Type", kind)], response=body), response=body)["response"][
            "content"
        ]

        assert content["encoding"] == "base64"
        assert base64.b64decode(content["text"]) == body


def test_a_body_of_which_only_the_beginning_was_kept_says_so():
    cut = dataclasses.replace(exchange(), response=Body(5000, 3, False))

    content = entry(cut, response=b"abc")["response"]["content"]

    assert (content["size"], content["text"]) == (5000, "abc")
    assert content["comment"] == "only the first 3 of 5000 bytes were recorded"


def test_a_body_from_which_a_secret_was_taken_keeps_its_true_size():
    """Its pseudonym may be shorter or longer than the secret was."""
    fields = [(b"Content-Type", b"application/json")]
    hidden = dataclasses.replace(exchange(answered=fields), response=Body(30, 30, False), redacted=1)
    body = b'{"token":"redacted-0123456789abcdef"}'

    (read,) = har.read("".join(har.log([har.entry(hidden, b"", body, ())])).encode())

    assert (read.exchange.response, read.response_body, read.exchange.redacted) == (Body(30, 30, False), body, 1)
    assert "comment" not in entry(hidden, response=body)["response"]["content"]


def test_forms_queries_and_cookies_are_taken_apart():
    fields = [(b"Content-Type", b"application/x-www-form-urlencoded"), (b"Cookie", b"a=1; b=two=2")]
    cookies = [
        (
            b"Set-Cookie",
            b"id=5; Path=/x; Domain=a.test; Expires=Wed, 21 Oct 2026 07:28:00 GMT; Secure; HttpOnly; SameSite=Lax",
        ),
        (b"Set-Cookie", b"odd; expires=never"),
    ]
    form = b"name=l%C3%A4mp&empty="

    told = entry(exchange("POST", "/?q=a%20b&q", fields, cookies, request=form), form)

    assert told["request"]["queryString"] == [{"name": "q", "value": "a b"}, {"name": "q", "value": ""}]
    assert told["request"]["cookies"] == [{"name": "a", "value": "1"}, {"name": "b", "value": "two=2"}]
    assert told["request"]["postData"]["params"] == [{"name": "name", "value": "lämp"}, {"name": "empty", "value": ""}]
    assert told["request"]["postData"]["text"] == form.decode()
    full, odd = told["response"]["cookies"]
    assert full == {
        "name": "id", "value": "5", "path": "/x", "domain": "a.test", "expires": "2026-10-21T07:28:00.000000Z",
        "httpOnly": True, "secure": True, "sameSite": "Lax",
    }  # fmt: skip
    assert odd == {"name": "odd", "value": "", "httpOnly": False, "secure": False}


def test_a_multipart_form_names_its_files_and_holds_its_values():
    body = (
        b'--xx\r\nContent-Disposition: form-data; name="a"\r\n\r\nvalue\r\n'
        b'--xx\r\nContent-Disposition: form-data; name="f"; filename="x.png"\r\nContent-Type: image/png\r\n\r\n\x89\0\r\n'
        b"--xx--\r\n"
    )

    told = entry(exchange("POST", "/", [(b"Content-Type", b"multipart/form-data; boundary=xx")], request=body), body)

    assert told["request"]["postData"]["params"] == [
        {"name": "a", "value": "value"},
        {"name": "f", "fileName": "x.png", "contentType": "image/png"},
    ]
    assert told["request"]["postData"]["_encoding"] == "base64"


def test_messages_are_written_as_chromium_writes_them():
    messages = (
        RecordedMessage(True, "text", STARTED + 500_000, 3, b"hi!"),
        RecordedMessage(False, "binary", STARTED + 600_000, 2, b"\0\xff"),
        RecordedMessage(False, "close", STARTED + 700_000, 2, b"\x03\xe8"),
    )
    upgraded = dataclasses.replace(exchange(status=101), upgrade="websocket", messages=3)

    told = entry(upgraded, messages=messages)

    assert told["_resourceType"] == "websocket"
    assert told["request"]["url"] == "wss://127.0.0.1:62893/"
    seconds = STARTED / 1e6
    assert told["_webSocketMessages"] == [
        {"type": "send", "time": pytest.approx(seconds + 0.5), "opcode": 1, "data": "hi!"},
        {"type": "receive", "time": pytest.approx(seconds + 0.6), "opcode": 2, "data": "AP8="},
        {"type": "receive", "time": pytest.approx(seconds + 0.7), "opcode": 8, "data": "A+g="},
    ]


def test_an_error_is_told_with_whose_fault_it_was():
    failure = Failure("nothing listens on localhost:3000", "start your app", Fault.UPSTREAM)
    told = entry(exchange(status=None, state=State.FAILED, failure=failure))

    assert told["response"]["status"] == 0
    assert told["response"]["_error"] == failure.what
    assert told["_tunnel"]["error"] == {"what": failure.what, "hint": failure.hint, "fault": "upstream"}


@pytest.mark.parametrize(
    ("asked", "answered", "kind"),
    [
        ([(b"Sec-Fetch-Dest", b"document")], b"text/plain", "document"),
        ([(b"Sec-Fetch-Dest", b"empty")], b"application/json", "fetch"),
        ([], b"text/event-stream", "eventsource"),
        ([], b"image/svg+xml", "image"),
        ([(b"X-Requested-With", b"XMLHttpRequest")], b"text/html", "xhr"),
        ([], b"", "other"),
    ],
)
def test_the_kind_of_resource_is_what_it_was_wanted_for_else_what_came(asked, answered, kind):
    assert entry(exchange(asked=asked, answered=[(b"Content-Type", answered)]))["_resourceType"] == kind


def test_events_are_told_as_browsers_tell_them_and_their_times_come_back():
    body = b"id: 1\ndata: one\n\nevent: tick\ndata: two\n\n"
    kind = [(b"Content-Type", b"text/event-stream")]
    moments = Moment(18, STARTED + 200_000), Moment(len(body), STARTED + 400_000)
    streamed = exchange(answered=kind, response=body)

    told = entry(streamed, response=body, moments=moments)

    assert told["_eventSourceMessages"] == [
        {"time": (STARTED + 200_000) / 1e6, "eventName": "message", "eventId": "1", "data": "one"},
        {"time": (STARTED + 400_000) / 1e6, "eventName": "tick", "eventId": "1", "data": "two"},
    ]
    (read,) = har.read("".join(har.log([har.entry(streamed, b"", body, (), moments)])).encode())
    assert read.moments == moments
    late = dataclasses.replace(streamed, timings=Timings(0, 0, 1, 2, 9_000_000))
    assert "time" not in entry(late, response=body)["_eventSourceMessages"][0]


@pytest.mark.parametrize("said", [None, [], [[5, 1]], [[3, 1], [3, 2], [9, 3]], [[9]], [["9", 1]], "x", [[-9, 1]]])
def test_moments_that_are_not_of_their_body_are_none(said):
    told = har.entry(exchange(response=b"data: 1\n\n"), b"", b"data: 1\n\n", ())
    told["_tunnel"]["response"]["moments"] = said

    (read,) = har.read("".join(har.log([told])).encode())

    assert read.moments == ()


def test_a_long_log_never_holds_more_than_an_entry():
    taken: list[int] = []

    def entries() -> Iterator[dict[str, object]]:
        for number in range(100):
            taken.append(number)
            yield har.entry(exchange(), b"", b"", ())

    pieces = har.log(entries())

    assert (next(pieces)[:8], taken) == ('{"log":{', [])
    next(pieces)
    assert taken == [0]
    assert len(list(pieces)) == 100


def test_nothing_in_a_har_file_commands_a_terminal():
    text = "".join(har.log([har.entry(exchange(response=b"x"), b"", "\x9b31m\u202e\u2028".encode(), ())]))

    assert not set(text) & {"\x9b", "\u202e", "\u2028"}
    (read,) = har.read(text.encode())
    assert read.response_body == "\x9b31m\u202e\u2028".encode()
