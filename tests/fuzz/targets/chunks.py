"""Chunks: a chunked body in any pieces gives the same body, end and rest, or is refused; and what was read writes back.

Input: what follows the head. h11 reads it too.
"""

from collections.abc import Sequence

from tests.fuzz.splits import splits
from tests.http.corpus import CHUNKED, CHUNKS, REFRAMING_TRAILERS, head
from tests.http.readings import check_request
from tunnel.errors import ClientError
from tunnel.http.bodies import ChunkedReader, write_chunk, write_last_chunk
from tunnel.model.message import End

WORDS = [
    b"5\r\nhello\r\n", b"0\r\n\r\n", b"0\r\n", b";a=b", b"\r\n", b"\n", b"\r", b"+", b"-", b"0x", b"_", b" ", b"\t",
    b"X: y\r\n", b"fffffffffffffff", b"Content-Length: 5\r\n", b"\x00",
]  # fmt: skip
SEEDS = [
    *CHUNKS.values(), *(b"5\r\nhello\r\n0\r\nX: y\r\n" + line + b"\r\n\r\nGET /" for line in REFRAMING_TRAILERS),
]  # fmt: skip


def check(data: bytes) -> None:
    """Raise where the law is broken."""
    results = [_read(pieces) for pieces in splits(data)]
    assert all(result == results[0] for result in results), "it depends on how the bytes are cut"
    if results[0] is None:
        return
    body, end, rest = results[0]
    assert len(body) + len(rest) + 5 <= len(data)
    assert data.endswith(rest)
    again = (write_chunk(body) if body else b"") + write_last_chunk(end.trailers) + rest
    assert _read([again]) == results[0], "written, it reads otherwise"
    assert check_request(head(CHUNKED) + data) == rest


def _read(pieces: Sequence[bytes]) -> tuple[bytes, End, bytes] | None:
    reader = ChunkedReader(ClientError)
    body, rest = b"", b""
    for piece in pieces:
        if reader.end is not None:
            rest += piece
            continue
        try:
            part, rest = reader.read(piece)
        except ClientError:
            return None
        body += part
        assert len(reader._line) <= 17 * 1024, "an unfinished line grows without a bound"
    return None if reader.end is None else (body, reader.end, rest)
