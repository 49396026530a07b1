"""Answers: a head and its body. What we accept h11 accepts and understands the same, however the body is cut.

Input: `G`, `H` or another byte for the method that is answered (GET, HEAD, POST), then the bytes of the connection.
"""

from tests.fuzz.splits import splits
from tests.http.corpus import ANSWERS, CHUNKED
from tests.http.readings import check_answer

WORDS = [
    b"HTTP/1.1 200 OK\r\n", b"HTTP/1.0 200 OK\r\n", b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 101 ", b" 204 ",
    b" 304 ", b"Content-Length: 5\r\n", CHUNKED + b"\r\n", b"Connection: ", b"close", b"keep-alive", b"\r\n\r\n",
    b"\r\n ", b"5\r\nhello\r\n", b"0\r\n\r\n", b" :", b"\n\n", b"\x00",
]  # fmt: skip
SEEDS = [b"G" + head + b"5\r\nhello\r\n0\r\n\r\n" for head in ANSWERS.values() if len(head) < 500]


def check(data: bytes) -> None:
    """Raise where the law is broken."""
    method = {b"G": b"GET", b"H": b"HEAD"}.get(data[:1], b"POST")
    rests = {check_answer(data[1:], method, pieces) for pieces in splits(data[1:])}
    assert len(rests) == 1, "it depends on how the body is cut"
