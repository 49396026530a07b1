"""Two hundred planted secrets pass through the recorder, and none of them is found in anything that was written or shown."""

import base64
import json
import re
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.capture.making import PEER, until
from tests.capture.planted import Carried, Planter, planted, undone
from tunnel.capture.decode import decode
from tunnel.capture.exporting import Format, pieces, wholes
from tunnel.capture.heads import fields_of
from tunnel.capture.recorder import Recorder
from tunnel.capture.store import Store
from tunnel.capture.tap import Record
from tunnel.cli.exchanges import log, show
from tunnel.errors import ClientError
from tunnel.http.heads import read_request, read_response
from tunnel.http.websocket import OpaqueWatch
from tunnel.model.config import Keep
from tunnel.model.exchange import Side
from tunnel.model.headers import Headers
from tunnel.model.message import END, Response
from tunnel.model.stream import Message


class Told:
    """A watch that was told beforehand what to say: one message for each byte that passes."""

    def __init__(self, messages: list[tuple[bool, str, bytes]]) -> None:
        self.messages = messages

    def feed(self, from_client: bool, at: float, data: bytes) -> list[Message]:
        found = [self.messages.pop(0) for _ in data]
        return [Message(side, kind, at, len(payload), payload) for side, kind, payload in found]


def lines(*fields: str) -> bytes:
    return "".join(f"{field}\r\n" for field in fields).encode()


def answer(carried: Carried, status: int, *fields: str) -> Response:
    raw = b"HTTP/1.1 %d OK\r\n" % status + lines(*fields) + b"\r\n"
    return read_response(raw, b"GET", header_count=200)


def passes(recorder: Recorder, carried: Carried, *, shown: bool) -> Record:
    """Record one exchange as the way does."""
    upgrade = ("Connection: upgrade", "Upgrade: websocket") if carried.messages else ()
    raw = f"POST {carried.target} HTTP/1.1\r\n".encode() + lines("Host: app.test", *carried.fields, *upgrade) + b"\r\n"
    request = read_request(raw, target_size=1 << 14, header_count=200)
    record = recorder.open(PEER, request, time.perf_counter())
    record.sent, record.upstream = raw.replace(b"\r\n\r\n", b"\r\nVia: 1.1 tunnel\r\n\r\n"), "127.0.0.1:3000"
    record.request_trailers = END.trailers
    if carried.asked:
        record.request_body.add(carried.asked)
    if shown:
        recorder.show(record)
    record.informational = [answer(carried, 103, line) for line in carried.early]
    record.response = answer(carried, 101 if upgrade else 200, *carried.returned, *upgrade)
    record.returned = record.response.raw.replace(b"\r\n\r\n", b"\r\nX-More: 1\r\n\r\n")
    for number, piece in enumerate(carried.pieces):
        record.timed(piece, time.perf_counter())
        if shown and number % 40 == 3:
            until(lambda: not record.response_body.pieces)  # the writer has looked in between
    if carried.messages:
        record.watch = Told(list(carried.messages)) if carried.messages[0][1] != "bytes" else OpaqueWatch()
        for side, kind, payload in carried.messages:
            record.passed(side, time.perf_counter(), payload if kind == "bytes" else b"x")
    record.response_trailers = Headers([tuple(t.encode().split(b": ")) for t in carried.trailers])  # type: ignore[misc]
    if carried.error:
        record.error = ClientError(carried.error, hint=carried.error)
        record.repairs = (carried.error,)
    record.ended = time.perf_counter()
    recorder.close(record)
    return record


def recorded(
    folder: Path, *, shown: bool, keep: Keep | None = None
) -> tuple[list[tuple[Record, Carried]], Recorder, list[str]]:
    told: list[str] = []
    recorder = Recorder(
        folder,
        keep or Keep(),
        callers=lambda peer: ("curl", 1),
        after=lambda summaries: told.extend(repr(summary) for summary in summaries),
    )
    recorder.start()
    done = [(passes(recorder, carried, shown=shown), carried) for carried in planted(Planter())]
    recorder.stop(30)
    assert recorder.statistics().written == len(done), recorder.statistics().last_error
    return done, recorder, told


def secrets_in(done: list[tuple[Record, Carried]]) -> list[bytes]:
    return [secret.encode() for _, carried in done for secret in carried.secrets]


@pytest.mark.parametrize("shown", [False, True])
def test_none_of_two_hundred_planted_secrets_is_found_afterwards(tmp_path: Path, shown: bool) -> None:
    done, _, told = recorded(tmp_path, shown=shown)
    secrets = secrets_in(done)
    assert len(set(secrets)) >= 200
    run = CliRunner()
    seen = ["".join(told)]
    with Store(tmp_path) as store:
        for record, carried in done:
            exchange = store.exchange(record.id)
            assert exchange is not None
            stacked = "gzip, br" in "".join(
                carried.returned
            )  # not stored while it comes: it would have to wait in memory
            assert exchange.redacted or (shown and stacked and exchange.response.lost), carried
            for side, head in ((Side.REQUEST, exchange.request_head), (Side.RESPONSE, exchange.response_head)):
                body = store.body(record.id, side)
                decoded = decode(body, fields_of(head).tokens(b"content-encoding"))
                assert not decoded.notes, "what is stored can be read back as its head says"
                seen.append(decoded.body.decode("latin-1"))
        ids = [record.id for record, _ in done]
        exports = ["".join(pieces(wholes(store, ids), form)) for form in Format]
        assert all(len(export) > len(done) * 100 for export in exports)
        seen += exports
        seen += [
            base64.b64decode(coded + "=" * (-len(coded) % 4)).decode("latin-1")
            for export in exports
            for coded in re.findall('"([A-Za-z0-9+/]{8,}={0,2})"', export)
            if len(coded.rstrip("=")) % 4 != 1
        ]
    lists = [["--folder", str(tmp_path), "-n", "1000", *more] for more in ([], ["--json"])]
    seen += [run.invoke(log, words, catch_exceptions=False).output for words in lists]
    for record, _ in done:
        words = ["--folder", str(tmp_path), str(record.id)]
        seen.append(run.invoke(show, words, catch_exceptions=False).output)
        whole = json.loads(run.invoke(show, [*words, "--json"], catch_exceptions=False).output)
        seen += [base64.b64decode(m["payload_base64"]).decode("latin-1") for m in whole["messages"]]
    # Every file there is, and what the coded bodies in them hold.
    files = b"\0".join(path.read_bytes() for path in sorted(tmp_path.rglob("*")) if path.is_file())
    written = b"\0".join([files, undone(files), "\0".join(seen).encode("utf-8", "surrogateescape")])

    found = [secret for secret in secrets if secret in written]

    assert found == []


def test_what_was_hidden_is_readable_in_the_process_that_saw_it(tmp_path: Path) -> None:
    done, recorder, _ = recorded(tmp_path, shown=False)

    with Store(tmp_path) as store:
        for record, carried in done:
            exchange = store.exchange(record.id)
            assert exchange is not None
            parts = [
                exchange.request_head,
                exchange.response_head,
                exchange.informational,
                exchange.response_trailers or b"",
            ]
            for side, head in ((Side.REQUEST, exchange.request_head), (Side.RESPONSE, exchange.response_head)):
                codings = fields_of(head).tokens(b"content-encoding")
                parts.append(decode(store.body(record.id, side), codings).body)
            parts += [message.payload for message in store.messages(record.id)]
            if exchange.failure is not None:
                parts.append(exchange.failure.what.encode())
            text, missing = recorder.vault.reveal(b"\0".join(parts))
            assert not missing
            assert all(
                secret.encode() in text.replace(b"\\n", b"\n").replace(b"\\/", b"/") for secret in carried.secrets
            )
            assert (exchange.request.size, exchange.response.size) == (
                (record.request_body.size, record.response_body.size)
            )
            if not carried.messages:
                assert exchange.request.whole and exchange.response.whole, "the sizes are of what passed"


def test_with_keep_secrets_everything_is_stored_as_it_passed(tmp_path: Path) -> None:
    done, recorder, _ = recorded(tmp_path, shown=False, keep=Keep(secrets=True))

    assert not len(recorder.vault) and not (tmp_path / "pseudonyms.key").exists()
    with Store(tmp_path) as store:
        for record, _ in done:
            exchange = store.exchange(record.id)
            assert exchange is not None
            assert not exchange.redacted
            assert exchange.request_head == record.request.raw
