"""HAR: a recording by anybody. It is read, or refused in a sentence; what was read can be written, stored and shown.

Input: a HAR file, or, where it begins with "{" and has no "log", one entry of it.
"""

import json

from tests.capture import writers
from tests.capture.exchanges import exchange
from tests.helpers import har_spec
from tunnel.capture import har
from tunnel.capture.columns import COLUMNS, COMMON, HEADS, RARE, sound
from tunnel.capture.importing import rows_of
from tunnel.capture.snippets import curl, fetch, front_of, requests
from tunnel.cli.lines import Look
from tunnel.cli.whole import whole

EXAMPLES = 300
WORDS = [
    b'"log"', b'"entries":[', b'"request":', b'"_tunnel":{', b'"heads":{"sent":', b'"encoding":"base64"', b'"text":"',
    b"null", b"-1", b"1e999", b'"\\ud800"', b'"\\u0000"', b"http://", b"wss://[::1]:1", b'"_webSocketMessages":[{',
    b'"opcode":', b"[[[[", b"},{", b"2026-01-01T00:00:00", b"+99:99", b"\\n", b"\xff\xfe", b"\xef\xbb\xbf", b"9" * 30,
]  # fmt: skip
OURS = json.loads(json.dumps(har.entry(exchange(response=b"hello"), b"", b"hello", ())))
SEEDS = [json.dumps(entry).encode() for entry in [*writers.ALL.values(), OURS]] + [
    json.dumps({"log": {"entries": [writers.CHARLES, writers.INSOMNIA]}}).encode(), b"", b"[]", b'{"log":{"entries":[{}]}}',
]  # fmt: skip


def check(data: bytes) -> None:
    """Raise where the law is broken."""
    if b'"log"' not in data[:100]:
        data = b'{"log":{"entries":[' + data + b"]}}"
    try:
        found = list(har.read(data))
    except har.HarError as error:
        assert error.what.startswith(("entry ", "it is no "))
        assert "Traceback" not in error.what
        assert len(error.what) < 1000
        return
    for read in found:
        course, said, who = rows_of(1, read, 2, "x.har")
        of = dict(zip((*COMMON, *RARE), course, strict=True)) | dict(zip(HEADS, said.row, strict=True))
        of |= {"caller": who.caller, "caller_pid": who.caller_pid, "connection": who.peer}
        sound(COLUMNS, tuple(of[name] for name in COLUMNS))
        for value in (*course, *said.row, *who):
            assert not isinstance(value, str) or value.encode() is not None
            assert not isinstance(value, int) or -(2**63) <= value < 2**63
        for text in whole(*read, Look(80)):
            assert "\x1b" not in text
        url = front_of(read.exchange)
        for snippet in (curl, fetch, requests):
            assert snippet(read.exchange, read.request_body, url)
    (log,) = [json.loads("".join(har.log(har.entry(*read) for read in found)))]
    har_spec.check(log)
    again = list(har.read(json.dumps(log).encode()))
    assert [read[1:] for read in again] == [read[1:] for read in found]
