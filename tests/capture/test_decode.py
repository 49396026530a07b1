"""Content codings undone: whole, stacked, cut, damaged and hostile."""

import gzip
import random
import zlib

import brotli
import pytest
from backports import zstd
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers.servers import within
from tunnel.capture.decode import MOST, Decoded, decode


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


CODERS = {
    b"gzip": gzip.compress, b"x-gzip": gzip.compress, b"deflate": zlib.compress, b"br": brotli.compress,
    b"zstd": zstd.compress, b"identity": bytes,
}  # fmt: skip
NOISE = random.Random(1).randbytes(50_000)  # does not compress, so that a cut falls within the data


@given(st.binary(max_size=3000), st.lists(st.sampled_from(sorted(CODERS)), max_size=3))
def test_what_was_coded_comes_back(data, codings):
    body = data
    for coding in codings:
        body = CODERS[coding](body)

    decoded = decode(body, codings)

    assert (decoded.body, decoded.notes) == (data, ())


@given(st.binary(max_size=3000))
def test_deflate_without_its_wrapping_is_read_too(data):
    assert decode(raw_deflate(data), [b"deflate"]).body == data


@pytest.mark.parametrize("coding", [b"gzip", b"deflate", b"br", b"zstd"])
def test_what_is_larger_than_a_piece_comes_back(coding):
    data = NOISE + b"x" * 3_000_000 + NOISE

    assert decode(CODERS[coding](data), [coding]).body == data


@given(st.sampled_from([b"gzip", b"deflate", b"br", b"zstd"]), st.floats(0.01, 0.99))
def test_a_cut_body_gives_its_beginning_and_a_note(coding, share):
    whole = CODERS[coding](NOISE)

    decoded = decode(whole[: int(len(whole) * share)], [coding])

    assert NOISE.startswith(decoded.body)
    assert any("ends early" in note for note in decoded.notes)


@given(st.sampled_from([b"gzip", b"deflate", b"br", b"zstd"]), st.binary(min_size=1, max_size=300))
def test_rubbish_is_never_an_exception(coding, rubbish):
    decode(rubbish, [coding])


def test_damage_in_the_middle_keeps_what_came_before():
    whole = bytearray(gzip.compress(NOISE + b"y" * 100 + NOISE))
    whole[70_000:70_100] = bytes(100)

    decoded = decode(bytes(whole), [b"gzip"])

    assert "damaged" in decoded.notes[0]
    assert decoded.body[:40_000] == NOISE[:40_000]


@pytest.mark.parametrize("coding", [b"gzip", b"deflate", b"br", b"zstd"])
def test_a_bomb_is_cut_off_and_said(coding):
    bomb = CODERS[coding](bytes(MOST * 2))
    assert len(bomb) < 100_000

    decoded = decode(bomb, [coding])

    assert len(decoded.body) == MOST
    assert "only the first" in decoded.notes[0]


def test_a_bomb_in_a_bomb_is_cut_off_at_each_layer():
    assert len(decode(gzip.compress(gzip.compress(bytes(5000))), [b"gzip", b"gzip"], most=1000).body) == 1000


def test_exactly_the_most_is_no_bomb():
    assert decode(gzip.compress(bytes(1000)), [b"gzip"], most=1000).notes == ()


def test_members_behind_each_other_are_one_body():
    assert decode(gzip.compress(b"a") + gzip.compress(b"b") + bytes(8), [b"gzip"]).body == b"ab"
    assert decode(zstd.compress(b"a") + zstd.compress(b"b"), [b"zstd"]).body == b"ab"


def test_an_unknown_coding_leaves_the_body_as_it_was():
    decoded = decode(b"?", [b"sdch"])

    assert decoded.body == b"?" and "'sdch' is not known" in decoded.notes[0]


def test_a_hundred_codings_are_not_even_tried():
    assert "too many" in decode(b"x", [b"gzip"] * 100).notes[0]


@pytest.mark.parametrize(("coding", "coder"), [(b"gzip", gzip.compress), (b"zstd", zstd.compress)])
def test_a_million_empty_members_are_not_all_tried(coding, coder):
    trap = coder(coder(b"") * 1_000_000)

    with within(10):
        decoded = decode(trap, [coding, coding])

    assert decoded.body == b""
    assert "members" in decoded.notes[-1]


@pytest.mark.parametrize("coder", [gzip.compress, zstd.compress])
def test_as_many_members_as_a_log_has_are_one_body(coder):
    assert decode(coder(b"a line\n") * 5000, [b"gzip" if coder is gzip.compress else b"zstd"]) == Decoded(
        b"a line\n" * 5000
    )
