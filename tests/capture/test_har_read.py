"""HAR, read: each writer's manner, what may be missing, and what is said of a file that cannot be read."""

import copy
import json
import tracemalloc

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.capture import writers
from tests.helpers import har_spec
from tunnel.capture import har
from tunnel.capture.har import HarError, Imported
from tunnel.errors import Fault
from tunnel.model.exchange import State, Timings


def file(*entries: object) -> bytes:
    return json.dumps({"log": {"version": "1.2", "creator": {}, "entries": entries}}).encode()


def one(entry: object) -> Imported:
    (read,) = har.read(file(entry))
    return read


def changed(entry: writers.Entry, path: str, value: object) -> writers.Entry:
    """Return an entry with one member replaced, or taken out where the value is `...`."""
    entry = copy.deepcopy(entry)
    *way, last = path.split(".")
    place = entry
    for name in way:
        place = place[name]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return entry


def test_chromium():
    exchange, request, response, *_ = one(writers.CHROMIUM)

    assert exchange.request_head == (
        b"POST /api/items?q=1 HTTP/1.1\r\nHost: app.test\r\naccept: */*\r\ncontent-type: application/json\r\n\r\n"
    )
    # The body is decoded in the file, so the head must not say that it is coded.
    assert exchange.response_head == (
        b"HTTP/1.1 201 \r\ncontent-type: application/json\r\nset-cookie: a=1\r\nset-cookie: b=2\r\n\r\n"
    )
    assert exchange.repairs == ("Content-Encoding: br was left out: the imported file holds this body decoded",)
    assert (request, response) == ('{"name":"lämp"}'.encode(), b'{"id":1}')
    assert exchange.started == 1_772_446_272_345_000
    assert exchange.timings == Timings(0, 0, 1500, 22_000, 30_500)
    assert (exchange.method, exchange.host, exchange.target, exchange.status) == (
        "POST",
        "app.test",
        "/api/items?q=1",
        201,
    )
    assert exchange.tls is not None
    assert exchange.tls.sni == "app.test"
    assert exchange.upstream == "[::1]:443"
    assert exchange.state is State.DONE


def test_chromium_with_a_websocket():
    exchange, _, _, messages, _ = one(writers.CHROMIUM_SOCKET)

    assert (exchange.upgrade, exchange.messages, exchange.request.size, exchange.response.size) == (
        "websocket",
        2,
        5,
        2,
    )
    sent, received = messages
    assert (sent.from_client, sent.kind, sent.payload, sent.at) == (True, "text", b"hello", exchange.started + 500_000)
    assert (received.from_client, received.kind, received.payload) == (False, "binary", b"\0\xff")
    assert exchange.tls is not None


def test_a_websocket_that_was_refused_is_none():
    entry = changed(writers.CHROMIUM_SOCKET, "_webSocketMessages", [])
    refused = changed(
        changed(entry, "response.status", 403), "response.content", {"size": 2, "mimeType": "", "text": "no"}
    )

    exchange, _, response, *_ = one(refused)

    assert (exchange.upgrade, response) == ("", b"no")
    assert one(entry).exchange.upgrade == "websocket"


@pytest.mark.parametrize(
    ("error", "fault"),
    [("net::ERR_CONNECTION_REFUSED", Fault.UPSTREAM), ("net::ERR_ABORTED", Fault.CLIENT), ("", Fault.UPSTREAM)],
)
def test_chromium_without_an_answer(error, fault):
    exchange = one(changed(writers.CHROMIUM_FAILED, "response._error", error)).exchange

    assert (exchange.state, exchange.status, exchange.response_head, exchange.upstream) == (State.FAILED, None, b"", "")
    assert exchange.failure is not None
    assert (exchange.failure.what, exchange.failure.fault) == (error or "no answer was recorded", fault)


def test_firefox():
    exchange, request, response, *_ = one(writers.FIREFOX)

    assert (request, response) == (b"a=1&b=2", b"\x89PNG")
    assert exchange.started == one(writers.CHROMIUM).exchange.started  # its own zone was two hours ahead
    assert exchange.timings == Timings(0, 0, 6000, 10_000, 15_000)
    assert exchange.tls is None


@pytest.mark.parametrize(
    ("address", "upstream"),
    [
        ("127.0.0.1", "127.0.0.1:80"),
        ("::1", "[::1]:80"),
        ("[::1]", "[::1]:80"),
        ("", "app.test:80"),
        (None, "app.test:80"),
    ],
)
def test_what_was_reached_is_an_address_or_else_a_name(address, upstream):
    assert one(changed(writers.FIREFOX, "serverIPAddress", address)).exchange.upstream == upstream


def test_a_form_of_which_only_the_fields_are_told_is_put_together():
    assert one(changed(writers.FIREFOX, "request.postData.text", ...)).request_body == b"a=1&b=2"


def test_charles_and_a_page_in_its_own_charset():
    exchange, _, response, *_ = one(writers.CHARLES)

    assert response == "привет".encode("windows-1251")
    assert exchange.timings == Timings(0, 0, 5000, 10_000, 12_000)


def test_proxyman_and_a_binary_request_body():
    exchange, request, *_ = one(writers.PROXYMAN)

    assert request == b"\0\1\xff"
    assert exchange.timings == Timings(0, 0, None, None, 9250)
    assert exchange.started % 1_000_000 == 345_678


def test_http_toolkit_keeps_a_binary_request_body_beside():
    entry = changed(writers.PROXYMAN, "request.postData", ...)

    assert one(changed(entry, "request._content", {"text": "AAH/", "encoding": "base64"})).request_body == b"\0\1\xff"


def test_mitmproxy_and_an_old_version():
    exchange = one(writers.MITMPROXY).exchange

    assert exchange.request_head.startswith(b"GET /old HTTP/1.0\r\n")
    assert exchange.response_head == b"HTTP/1.0 200 OK\r\n\r\n"
    assert exchange.timings == Timings(0, 0, 10_000, 35_000, 40_000)


def test_insomnia_and_a_request_that_was_never_sent():
    exchange = one(writers.INSOMNIA).exchange

    assert (exchange.status, exchange.state, exchange.host) == (None, State.FAILED, "localhost:3000")


def test_what_was_read_can_be_written():
    for name, entry in writers.ALL.items():
        har_spec.check_entry(json.loads(json.dumps(har.entry(*one(entry)))), name)


def test_a_body_that_was_not_saved_leaves_its_size():
    entry = changed(writers.CHROMIUM, "response.content", {"size": 5000, "mimeType": "application/json"})

    exchange, _, response, *_ = one(entry)

    assert (exchange.response.size, exchange.response.kept, response) == (5000, 0, b"")
    assert b"content-encoding: br" in exchange.response_head  # nothing here contradicts it


@pytest.mark.parametrize("mark", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_is_no_hindrance(mark):
    (read,) = har.read(file(writers.FIREFOX).decode().encode(mark))

    assert read.request_body == b"a=1&b=2"


def test_half_a_character_in_a_text_is_replaced():
    """Some writers cut texts between the halves of one; JSON can say that, UTF-8 cannot."""
    data = file(changed(writers.FIREFOX, "response.content", {"size": 3, "mimeType": "text/plain", "text": "ab\ud83d"}))

    (read,) = har.read(data)

    assert read.response_body == "ab\ufffd".encode()


def test_a_target_is_written_as_a_request_line_can_hold_it():
    entry = changed(writers.MITMPROXY, "request.url", "http://127.0.0.1:3000/grüße?a=b c#part")

    assert one(entry).exchange.target == "/gr%C3%BC%C3%9Fe?a=b%20c"


def test_fields_that_http_cannot_have_are_left_out_and_told():
    fields = [
        {"name": "no good", "value": "x"},
        {"name": "X-A", "value": "1\r\n2"},
        {"name": "X-B", "value": "a\0b"},
        5,
    ]

    exchange = one(changed(writers.MITMPROXY, "request.headers", fields)).exchange

    assert exchange.request_head.endswith(b"\r\nX-A: 1\r\nX-A: 2\r\nX-B: a b\r\n\r\n")
    assert exchange.repairs == ("1 fields of the request were left out: their names are none of HTTP's",)


def test_entries_that_are_no_http_are_left_out():
    picture = changed(writers.MITMPROXY, "request.url", "data:image/png;base64,xx")

    assert len(list(har.read(file(picture, writers.MITMPROXY)))) == 1


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("request", ..., "request.url is missing"),
        ("request", 5, "request.url is missing"),
        ("request.url", "https://", "request.url 'https://' is no address"),
        ("request.url", "http://a:99999/", "is no address"),
        ("request.url", "http://[::1/", "is no address"),
        ("request.method", "GET IT", "request.method 'GET IT' is no method"),
        ("request.method", None, "request.method None is no method"),
        ("startedDateTime", ..., "startedDateTime None is no date"),
        ("startedDateTime", "yesterday", "startedDateTime 'yesterday' is no date"),
        ("startedDateTime", "1850-01-01T00:00:00Z", "is no date"),
        ("response.content.text", "no base64!", "response.content.text is no base64"),
        ("request.postData", {"text": "?", "encoding": "base64"}, "request.postData.text is no base64"),
        ("_tunnel", {"heads": {"sent": "GET / HTTP/1.1\nx"}}, "_tunnel.heads.sent is no head"),
        ("_tunnel", {"response": {"coded": "?"}}, "_tunnel.response.coded is no base64"),
    ],
)
def test_an_entry_that_cannot_be_read_is_named(path, value, said):
    with pytest.raises(HarError, match=r"^entry 2 cannot be read: ") as refused:
        list(har.read(file(writers.CHROMIUM, changed(writers.FIREFOX, path, value))))

    assert said in refused.value.what


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "it is no JSON: "),
        (b"<html>", "it is no JSON: "),
        (file(writers.CHROMIUM)[:-40], "it is no JSON: "),
        (b"\xff\xfe\x00", "it is no JSON: "),
        (b"[]", "it is no HAR file: Expected `object`, got `array`"),
        (b"{}", "it is no HAR file: "),
        (b'{"log": {}}', "it is no HAR file: Object missing required field `entries` - at `$.log`"),
        (b'{"log": {"entries": {}}}', "it is no HAR file: Expected `array`, got `object` - at `$.log.entries`"),
        (b'{"log": {"entries": [' + b"[" * 100_000, "it is no "),
    ],
)
def test_a_file_that_is_none_is_told_in_a_sentence(data, said):
    with pytest.raises(HarError) as refused:
        list(har.read(data))

    assert refused.value.what.startswith(said)
    assert refused.value.hint


ODD = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from([-1, 1e400, "\0", "AA=="]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def paths(value: object, before: str = "") -> list[str]:
    """Return the paths of all members, however deep."""
    if not isinstance(value, dict):
        return []
    found = [before + name for name in value]
    return found + [path for name, member in value.items() for path in paths(member, f"{before}{name}.")]


OURS = json.loads(json.dumps(har.entry(*one(writers.CHROMIUM))))
KNOWN = [(entry, path) for entry in [*writers.ALL.values(), OURS] for path in paths(entry)]


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(KNOWN), ODD | st.just(...))
@example((OURS, "_tunnel.timings.connected"), -1)
def test_a_member_may_be_missing_or_of_another_kind(where, value):
    try:
        (read,) = har.read(file(changed(*where, value)))
    except HarError as error:
        assert error.what.startswith(("entry 1 cannot be read: ", "it is no "))
    except ValueError:
        assert where[1] == "request.url"  # no HTTP: nothing to unpack
    else:
        har_spec.check_entry(json.loads("".join(har.log([har.entry(*read)])))["log"]["entries"][0])


def test_reading_holds_the_file_and_one_entry():
    big = changed(writers.CHARLES, "response.content.text", "x" * 200_000)
    data = file(*[big] * 50)
    tracemalloc.start()
    try:
        count = sum(1 for _ in har.read(data))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert count == 50
    assert peak < len(data) / 5
