"""Bodies: however the bytes are cut, the same body, the same end, and the rest untouched."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers.servers import within
from tests.helpers.wire import cuts, feed_every_way
from tests.http.corpus import CHUNKS, REFRAMING_TRAILERS
from tunnel.errors import ClientError, TunnelError
from tunnel.http.bodies import BodyReader, ChunkedReader, CloseReader, body_reader, write_chunk, write_last_chunk
from tunnel.http.heads import read_trailers
from tunnel.model.headers import Headers
from tunnel.model.message import END, End, Framing

NEXT = b"GET /next HTTP/1.1\r\nHost: localhost\r\n\r\n"
PIECES = st.lists(st.binary(min_size=1, max_size=40), max_size=6)
TRAILERS = st.lists(
    st.tuples(st.sampled_from([b"X-Sum", b"x-a", b"Server-Timing"]), st.sampled_from([b"1", b"a b", b'"q"'])),
    max_size=3,
)


def chunked() -> ChunkedReader:
    return ChunkedReader(ClientError)


def read(reader: BodyReader, pieces: list[bytes]) -> tuple[bytes, End | None, bytes]:
    """Feed pieces until the body ends, and return the body, its end and what came after it."""
    body, rest = b"", b""
    for piece in pieces:
        if reader.end is not None:
            rest += piece
            continue
        part, after = reader.read(piece)
        assert not after or reader.end is not None, "there is no rest before the end"
        body += part
        rest += after
    return body, reader.end, rest


@given(PIECES, TRAILERS, st.data())
def test_what_was_written_in_chunks_is_read_back_however_it_is_cut(
    pieces: list[bytes], trailers: list[tuple[bytes, bytes]], data: st.DataObject
) -> None:
    stream = b"".join(map(write_chunk, pieces)) + write_last_chunk(Headers(trailers))
    _, received = data.draw(cuts(st.just(stream + NEXT)))

    body, end, rest = read(chunked(), received)

    assert (body, end, rest) == (b"".join(pieces), End(Headers(trailers)), NEXT)


@pytest.mark.parametrize(
    "stream",
    [
        b"5\r\nhello\r\n0\r\n\r\n",
        b"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
        b"005\r\nhello\r\n000\r\n\r\n",
        b"5;name=value\r\nhello\r\n0;last\r\n\r\n",
        b'5;name="a; b";other\r\nhello\r\n0\r\n\r\n',
        b"5;\xff\r\nhello\r\n0\r\n\r\n",
        b"5  \r\nhello\r\n0\t\r\n\r\n",
        b"000000000000005\r\nhello\r\n0\r\n\r\n",
    ],
)
def test_the_chunked_coding_is_read_every_way_it_may_be_cut(stream: bytes) -> None:
    for pieces in feed_every_way(stream + NEXT):
        assert read(chunked(), pieces) == (b"hello", END, NEXT)


def test_sizes_are_hexadecimal_in_either_case() -> None:
    assert read(chunked(), [b"a\r\n0123456789\r\nB\r\n0123456789a\r\n0\r\n\r\n"])[0] == b"01234567890123456789a"


def test_trailers_are_read_every_way_they_may_be_cut() -> None:
    stream = b"1\r\nx\r\n0\r\nX-Sum: abc\r\nX-Other: d e\r\n\r\n"

    for pieces in feed_every_way(stream + NEXT):
        assert read(chunked(), pieces) == (b"x", End(Headers([(b"X-Sum", b"abc"), (b"X-Other", b"d e")])), NEXT)


@pytest.mark.parametrize("trailer", REFRAMING_TRAILERS)
def test_a_trailer_that_frames_routes_or_vouches_is_dropped(trailer: bytes) -> None:
    stream = b"0\r\nX-Sum: abc\r\n" + trailer + b"\r\n\r\n"

    assert read(chunked(), [stream])[1] == End(Headers([(b"X-Sum", b"abc")]))


@pytest.mark.parametrize("name", CHUNKS)
def test_a_dangerous_chunk_is_refused_every_way_it_may_be_cut(name: str) -> None:
    for pieces in feed_every_way(CHUNKS[name] + NEXT):
        with pytest.raises(ClientError):
            read(chunked(), pieces)


@given(cuts(st.binary(max_size=60)), st.booleans())
def test_no_bytes_make_the_reader_fail_but_by_its_own_error_and_cuts_do_not_matter(
    drawn: tuple[bytes, list[bytes]], plausible: bool
) -> None:
    whole, pieces = drawn
    if plausible:
        pieces = [b"3\r\nabc\r\n", *pieces, b"\r\n0\r\n\r\n"]
        whole = b"".join(pieces)

    def verdict(received: list[bytes]) -> object:
        try:
            return read(chunked(), received)
        except ClientError as error:
            return str(error)

    once, bit_by_bit = verdict([whole] if whole else []), verdict(pieces)

    assert (once == bit_by_bit) or (isinstance(once, str) and isinstance(bit_by_bit, str))


@pytest.mark.parametrize("more", [0, 1])
def test_a_size_line_has_a_longest_length_however_it_is_cut(more: int) -> None:
    line = b"5;" + b"x" * (1024 - 4 + more) + b"\r\n"
    stream = line + b"hello\r\n0\r\n\r\n"

    for pieces in ([stream], [stream[at : at + 1] for at in range(len(stream))], [stream[:1000], stream[1000:]]):
        if more:
            with pytest.raises(ClientError, match="1024"):
                read(chunked(), pieces)
        else:
            assert read(chunked(), pieces) == (b"hello", END, b"")


@pytest.mark.parametrize("piece", [16 * 1024 + 100, 1000])
def test_trailers_have_a_largest_size_however_they_are_cut(piece: int) -> None:
    stream = b"0\r\n" + b"X: " + b"y" * (16 * 1024) + b"\r\n\r\n"

    with pytest.raises(ClientError, match="16384"):
        read(chunked(), [stream[at : at + piece] for at in range(0, len(stream), piece)])


def test_a_body_is_handed_on_as_it_comes_and_not_kept() -> None:
    reader = chunked()

    assert reader.read(b"ffffff\r\nabc") == (b"abc", b"")
    assert reader.read(b"def") == (b"def", b"")


@given(cuts(st.binary(max_size=80)), st.integers(0, 80))
def test_a_body_of_known_length_ends_there_and_leaves_the_rest(drawn: tuple[bytes, list[bytes]], length: int) -> None:
    whole, pieces = drawn

    body, end, rest = read(BodyReader(length), pieces)

    assert (body, rest) == (whole[:length], whole[length:])
    assert (end is not None) == (len(whole) >= length)


@given(cuts(st.binary(max_size=80)))
def test_a_body_until_the_close_takes_everything(drawn: tuple[bytes, list[bytes]]) -> None:
    whole, pieces = drawn
    reader = CloseReader()

    assert read(reader, pieces) == (whole, None, b"")
    assert reader.closed()
    assert reader.end == END


@pytest.mark.parametrize(
    ("reader", "came"),
    [(BodyReader(5), b"hell"), (chunked(), b""), (chunked(), b"5\r\nhello\r\n"), (chunked(), b"0\r\n")],
)
def test_a_body_cut_short_by_a_close_is_not_whole(reader: BodyReader, came: bytes) -> None:
    if came:
        reader.read(came)

    assert not reader.closed()
    assert reader.end is None


def test_each_framing_has_its_reader() -> None:
    assert body_reader(Framing.NONE, 0, TunnelError).end == END
    assert body_reader(Framing.LENGTH, 0, TunnelError).end == END
    assert body_reader(Framing.LENGTH, 5, TunnelError).end is None
    assert type(body_reader(Framing.CHUNKED, 0, TunnelError)) is ChunkedReader
    assert type(body_reader(Framing.CLOSE, 0, TunnelError)) is CloseReader


def test_chunks_are_written_plainly() -> None:
    assert write_chunk(b"x" * 26) == b"1a\r\n" + b"x" * 26 + b"\r\n"
    assert write_last_chunk(Headers()) == b"0\r\n\r\n"
    assert write_last_chunk(Headers([(b"X-Sum", b"1")])) == b"0\r\nX-Sum: 1\r\n\r\n"


def test_a_trailer_full_of_spaces_holds_nobody_up() -> None:
    with within(10), pytest.raises(ClientError):  # as long as no limit on trailers is in between
        read_trailers(b"X:" + b" " * 300_000 + b"\0\r\n", ClientError("a trailer field is malformed"))
