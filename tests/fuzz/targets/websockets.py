"""WebSockets: an upgraded connection, watched: never an exception, the same messages in any pieces, a bounded payload.

Input: a byte whose bits say from whom (1: the client) and whether permessage-deflate was agreed (2); then the bytes.
"""

import zlib
from collections.abc import Sequence

from tests.fuzz.splits import splits
from tunnel.http.websocket import watch_upgrade
from tunnel.model.stream import Message

CAP = 256
WORDS = [
    b"\x81\x05hello", b"\x01\x05hello", b"\x80\x00", b"\xc1", b"\x88\x02\x03\xe8", b"\x89\x00", b"\x81\x7e\x00\x7e",
    b"\x81\x7f", b"\x00" * 8,
]  # fmt: skip


def frame(first: int, payload: bytes, masked: bool = False) -> bytes:
    """A frame of at most 65,535 bytes, its mask all zeros."""
    mark = 0x80 if masked else 0
    size = bytes([mark | len(payload)]) if len(payload) < 126 else bytes([mark | 126]) + len(payload).to_bytes(2, "big")
    return bytes([first]) + size + (bytes(4) if masked else b"") + payload


def deflated(payload: bytes) -> bytes:
    """A message as permessage-deflate sends it."""
    packer = zlib.compressobj(wbits=-15)
    return (packer.compress(payload) + packer.flush(zlib.Z_SYNC_FLUSH))[:-4]


SEEDS = [
    b"\0" + frame(0x81, b"hello") + frame(0x88, b"\x03\xe8bye"),
    b"\1" + frame(0x01, b"he", True) + frame(0x89, b"?", True) + frame(0x80, b"llo", True)
    + frame(0x82, b"\xff" * 300, True),
    b"\2" + frame(0xC1, deflated(b"hello")) + frame(0x41, deflated(b"hello")[:3]) + frame(0x80, deflated(b"hello")[3:]),
    b"\3" + frame(0xC2, deflated(bytes(1 << 20)), True) + frame(0x81, b"plain", True),
    b"\2" + frame(0xC1, b"\x01\x02\x03") + frame(0x81, b"behind"), b"\0" + frame(0x80, b"of nothing"),
    b"\0" + frame(0x01, b"a") + frame(0x01, b"b"), b"\0" + frame(0x91, b"rsv"), b"\0" + frame(0x83, b"?"),
    b"\0\x81\x7f\x7f" + b"\xff" * 7 + b"endless", b"\0\x81\x7e\x00\x01x", b"\0" + frame(0x89, b"x" * 126),
    b"\0" + frame(0x09, b"cut"), b"\1" + frame(0x81, b"not masked"), b"\0" + frame(0x81, b"masked", True),
    b"\0" + frame(0x81, b"\xff\xfe"), b"\0" + frame(0x88, b"\x03"),
]  # fmt: skip


def check(data: bytes) -> None:
    """Raise where the law is broken."""
    flags = data[0] if data else 0
    stories = [_watched(pieces, flags) for pieces in splits(data[1:])]

    assert all(story == stories[0] for story in stories), "it depends on how the bytes are cut"
    for message in stories[0]:
        assert len(message.payload) == min(CAP, message.size)


def _watched(pieces: Sequence[bytes], flags: int) -> list[Message]:
    watch = watch_upgrade(b"websocket", b"permessage-deflate" if flags & 2 else b"", CAP)
    return [message for piece in pieces for message in watch.feed(bool(flags & 1), 0.0, piece)]
