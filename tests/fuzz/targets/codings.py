"""Codings: a recorded body without its content codings: never an exception, never more than asked for, never long.

Input: the codings from the last to the first, a letter each (g gzip, d deflate, b br, z zstd, i identity, u unknown), a
space, the body. Bombs are among the seeds: what is bounded is the output of each coding, so time and memory are too.
"""

import gzip
import zlib

import brotli
from backports import zstd

from tunnel.capture.decode import decode

NAMES = {"g": b"gzip", "d": b"deflate", "b": b"br", "z": b"zstd", "i": b"identity", "u": b"aes128gcm"}
MOST = 64 * 1024
WORDS = [
    b"gz ", b"\x1f\x8b\x08", b"\x78\x9c", b"\x28\xb5\x2f\xfd", b"\x00\x00\xff\xff", b"\x50\x2a\x4d\x18", b"\x00" * 8,
]  # fmt: skip
ZEROS = bytes(1 << 20)
SEEDS = [
    b"g " + gzip.compress(b"hello"), b"d " + zlib.compress(b"hello"), b"b " + brotli.compress(b"hello"),
    b"z " + zstd.compress(b"hello"), b"gg " + gzip.compress(gzip.compress(b"hello")),
    b"zb " + zstd.compress(brotli.compress(b"hello")), b"gzdbiu hello", b"g " + gzip.compress(b"a") * 3 + b"\0" * 9,
    b"g " + gzip.compress(ZEROS), b"b " + brotli.compress(ZEROS), b"z " + zstd.compress(ZEROS),
    b"gg " + gzip.compress(gzip.compress(b"") * 2000), b"zz " + zstd.compress(zstd.compress(b"") * 2000),
    b"d " + zlib.compress(b"hello")[2:-4], b"gggggggg " + gzip.compress(ZEROS), b"ggggggggg x",
    b"z " + b"\x50\x2a\x4d\x18\x02\x00\x00\x00xx" + zstd.compress(b"a"),
]  # fmt: skip


def check(data: bytes) -> None:
    """Raise where the law is broken."""
    letters, _, body = data.partition(b" ")
    codings = [NAMES[letter] for letter in letters[:12].decode("latin-1") if letter in NAMES]
    decoded = decode(body, codings, most=MOST)

    assert len(decoded.body) <= max(MOST, len(body))
    assert all(len(note) < 300 for note in decoded.notes)
    assert decode(body, codings, most=MOST) == decoded
