"""WebSocketWatch: whatever way the bytes are cut, the same messages; and nothing that comes can hurt."""

import os
import tracemalloc
import zlib
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wsproto.frame_protocol import FrameProtocol

from tunnel.http.websocket import CAP, OpaqueWatch, WebSocketWatch, watch_upgrade
from tunnel.model.stream import Message, Watch

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
DEFLATE = b"permessage-deflate; client_max_window_bits=12; server_no_context_takeover"


def frame(opcode: int, payload: bytes, *, fin: bool = True, rsv1: bool = False, masked: bool = True) -> bytes:
    """A frame, written after RFC 6455 §5.2."""
    head = bytes([fin << 7 | rsv1 << 6 | opcode])
    mark = masked << 7
    if len(payload) <= 125:
        head += bytes([mark | len(payload)])
    elif len(payload) <= 0xFFFF:
        head += bytes([mark | 126]) + len(payload).to_bytes(2)
    else:
        head += bytes([mark | 127]) + len(payload).to_bytes(8)
    if not masked:
        return head + payload
    key = os.urandom(4)
    stretched = (key * (len(payload) // 4 + 1))[: len(payload)]
    return head + key + (int.from_bytes(payload) ^ int.from_bytes(stretched)).to_bytes(len(payload))


class Deflater:
    """A sender's side of permessage-deflate (RFC 7692 §7.2.1)."""

    def __init__(self) -> None:
        self._deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)

    def __call__(self, payload: bytes) -> bytes:
        return (self._deflater.compress(payload) + self._deflater.flush(zlib.Z_SYNC_FLUSH))[:-4]


def cut(stream: bytes, marks: list[int]) -> Iterator[bytes]:
    places = sorted({0, len(stream), *(mark % (len(stream) + 1) for mark in marks)})
    return (stream[a:b] for a, b in pairwise(places))


def read(watch: Watch, pieces: Iterator[bytes] | list[bytes], *, from_client: bool = True) -> list[Message]:
    return [message for piece in pieces for message in watch.feed(from_client, 1.0, piece)]


def short(messages: list[Message]) -> list[tuple[str, bytes]]:
    return [(message.kind, message.payload) for message in messages]


def test_both_directions_are_read_on_their_own() -> None:
    watch = WebSocketWatch()

    messages = [
        *watch.feed(True, 1.0, frame(TEXT, "grüß".encode())),
        *watch.feed(False, 2.0, frame(BINARY, b"\x00\xff", masked=False)),
    ]

    assert messages == [
        Message(True, "text", 1.0, 6, "grüß".encode()),
        Message(False, "binary", 2.0, 2, b"\x00\xff"),
    ]


def test_fragments_become_one_message_with_control_frames_in_between() -> None:
    stream = b"".join(
        [
            frame(TEXT, b"one ", fin=False),
            frame(PING, b"?"),
            frame(0, b"two ", fin=False),
            frame(PONG, b"!"),
            frame(0, b"three"),
            frame(CLOSE, b"\x03\xe8bye"),
        ]
    )

    messages = read(WebSocketWatch(), [stream])

    assert short(messages) == [("ping", b"?"), ("pong", b"!"), ("text", b"one two three"), ("close", b"\x03\xe8bye")]


def test_an_empty_message_is_a_message() -> None:
    assert read(WebSocketWatch(), [frame(TEXT, b"")]) == [Message(True, "text", 1.0, 0, b"")]


def test_a_message_is_dated_by_its_last_byte() -> None:
    watch = WebSocketWatch()
    stream = frame(TEXT, b"hello")

    assert watch.feed(True, 1.0, stream[:-1]) == []
    assert [message.at for message in watch.feed(True, 2.0, stream[-1:])] == [2.0]


def test_deflated_messages_share_a_window_and_may_stand_beside_plain_ones() -> None:
    deflate = Deflater()
    stream = b"".join(
        [
            frame(TEXT, deflate(b"hello hello hello"), rsv1=True),
            frame(TEXT, b"plain"),
            frame(TEXT, deflate(b"hello hello hello"), rsv1=True),
        ]
    )

    messages = read(WebSocketWatch(DEFLATE), [stream])

    assert short(messages) == [("text", b"hello hello hello"), ("text", b"plain"), ("text", b"hello hello hello")]


def test_a_control_frame_between_deflated_fragments_changes_nothing() -> None:
    whole = Deflater()(b"a message in two fragments")
    stream = frame(TEXT, whole[:5], fin=False, rsv1=True) + frame(PING, b"") + frame(0, whole[5:])

    assert short(read(WebSocketWatch(DEFLATE), [stream])) == [("ping", b""), ("text", b"a message in two fragments")]


@pytest.mark.parametrize("payload", [bytes.fromhex("f348cdc9c9070000"), bytes.fromhex("f348cdc9c90700")])
def test_a_block_marked_final_ends_a_message_and_the_next_is_read(payload: bytes) -> None:
    """The example of RFC 7692 §7.2.3.4, and what senders make of it that leave out its last octet."""
    stream = frame(TEXT, payload, rsv1=True) * 2

    assert short(read(WebSocketWatch(DEFLATE), [stream])) == [("text", b"Hello"), ("text", b"Hello")]


def test_a_huge_message_keeps_its_first_bytes_its_size_and_little_memory() -> None:
    piece = os.urandom(CAP)
    watch = WebSocketWatch()
    head = bytes([0x82, 127]) + (1000 * CAP).to_bytes(8)

    tracemalloc.start()
    watch.feed(False, 1.0, head)
    messages = [message for _ in range(1000) for message in watch.feed(False, 1.0, piece)]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert messages == [Message(False, "binary", 1.0, 1000 * CAP, piece)]
    assert peak < 16 * CAP


def test_a_deflate_bomb_is_measured_and_not_held() -> None:
    size = 128 * 1024 * 1024
    bomb = frame(BINARY, Deflater()(bytes(size)), rsv1=True, masked=False)
    watch = WebSocketWatch(b"permessage-deflate")

    tracemalloc.start()
    messages = watch.feed(False, 1.0, bomb)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert messages == [Message(False, "binary", 1.0, size, bytes(CAP))]
    assert peak < 16 * CAP


@pytest.mark.parametrize(
    ("name", "broken"),
    [
        ("an opcode nobody knows", frame(3, b"")),
        ("a client's frame without a mask", frame(TEXT, b"x", masked=False)),
        ("a continuation of nothing", frame(0, b"x")),
        ("a message within a message", frame(TEXT, b"x", fin=False) + frame(TEXT, b"y")),
        ("a control frame in fragments", frame(PING, b"", fin=False)),
        ("a control frame too long", frame(PING, bytes(126))),
        ("a length longer than its number needs", b"\x81\xfe\x00\x05"),
        ("RSV1 on a control frame", frame(PING, b"", rsv1=True)),
        ("RSV1 on a continuation", frame(TEXT, b"x", fin=False) + frame(0, b"y", rsv1=True)),
        ("what is not deflated", frame(TEXT, b"\xff\xff\xff\xff", rsv1=True)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",  # a frame's mask is another one each time
)
def test_a_broken_frame_ends_the_reading_of_its_direction_only(name: str, broken: bytes) -> None:
    watch = WebSocketWatch(DEFLATE)

    first = watch.feed(True, 1.0, frame(TEXT, b"before") + broken)
    after = watch.feed(True, 1.0, frame(TEXT, b"after"))
    other = watch.feed(False, 1.0, frame(TEXT, b"other", masked=False))

    assert short(first) == [("text", b"before"), ("bytes", b"")], name
    assert after == []
    assert short(other) == [("text", b"other")]


def test_a_compressed_frame_that_was_never_agreed_on_is_broken() -> None:
    assert short(read(WebSocketWatch(b"x-other"), [frame(TEXT, Deflater()(b"x"), rsv1=True)])) == [("bytes", b"")]


@given(st.data())
def test_however_the_stream_is_cut_the_messages_are_the_same(data: st.DataObject) -> None:
    deflated = data.draw(st.booleans())
    deflate = Deflater()
    stream, expected = b"", []
    for _ in range(data.draw(st.integers(1, 5))):
        opcode = data.draw(st.sampled_from([TEXT, BINARY, CLOSE, PING, PONG]))
        payload = data.draw(st.binary(max_size=300 if opcode <= BINARY else 125))
        kind = {TEXT: "text", BINARY: "binary", CLOSE: "close", PING: "ping", PONG: "pong"}[opcode]
        if opcode > BINARY:
            stream += frame(opcode, payload)
            expected.append((kind, payload))
            continue
        sent = deflate(payload) if deflated else payload
        parts = list(cut(sent, data.draw(st.lists(st.integers(0, 400), max_size=3)))) or [b""]
        for number, part in enumerate(parts):
            first, last = number == 0, number == len(parts) - 1
            stream += frame(opcode if first else 0, part, fin=last, rsv1=deflated and first)
            if not last and data.draw(st.booleans()):
                stream += frame(PING, b"between")
                expected.append(("ping", b"between"))
        expected.append((kind, payload))

    pieces = cut(stream, data.draw(st.lists(st.integers(0, 3000), max_size=20)))
    messages = read(WebSocketWatch(DEFLATE if deflated else b""), pieces)

    assert short(messages) == expected


@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=10), st.booleans())
def test_no_bytes_make_it_raise_and_cuts_do_not_matter(stream: bytes, marks: list[int], from_client: bool) -> None:
    whole = read(WebSocketWatch(DEFLATE), [stream], from_client=from_client)

    assert read(WebSocketWatch(DEFLATE), cut(stream, marks), from_client=from_client) == whole


def test_what_another_implementation_writes_is_read() -> None:
    client = FrameProtocol(client=True, extensions=[])
    stream = bytes(
        client.send_data("one", fin=False) + client.ping(b"p") + client.send_data(" two") + client.close(1001)
    )

    assert short(read(WebSocketWatch(), [stream])) == [("ping", b"p"), ("text", b"one two"), ("close", b"\x03\xe9")]


def test_other_protocols_pass_as_pieces() -> None:
    watch = watch_upgrade(b"tcp", b"", cap=4)

    assert isinstance(watch, OpaqueWatch)
    assert watch.feed(True, 1.0, b"abcdef") == [Message(True, "bytes", 1.0, 6, b"abcd")]
    assert watch.feed(True, 1.0, b"") == []


def test_the_upgrade_chooses_the_watch() -> None:
    assert isinstance(watch_upgrade(b"websocket", DEFLATE), WebSocketWatch)
