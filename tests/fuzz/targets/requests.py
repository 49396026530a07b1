"""Requests: a head and its body. What we accept h11 accepts and understands the same, however the body is cut.

Input: the bytes of a connection. Refused is by ClientError alone; written anew, a head has one reading.
"""

from tests.fuzz.splits import splits
from tests.http.corpus import CHUNKED, HEADS
from tests.http.readings import check_request, check_written

WORDS = [
    b"GET", b"POST", b"OPTIONS", b" / ", b" * ", b"http://a", b"HTTP/1.1\r\n", b"HTTP/1.0\r\n", b"HTTP/1.2\r\n",
    b"Host: a\r\n", b"Content-Length: 5\r\n", CHUNKED + b"\r\n", b"Connection: ", b"upgrade", b"close", b"keep-alive",
    b"Upgrade: websocket\r\n", b"\r\n\r\n", b"\r\n ", b"5\r\nhello\r\n", b"0\r\n\r\n", b" :", b"\n\n", b"\x00",
]  # fmt: skip
SEEDS = [
    head + b"5\r\nhello\r\n0\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n" for head in HEADS.values() if len(head) < 500
]


def check(data: bytes) -> None:
    """Raise where the law is broken."""
    rests = {check_request(data, pieces) for pieces in splits(data)}
    assert len(rests) == 1, "it depends on how the body is cut"
    check_written(data)
