"""Importing: somebody else's recording, taken into the store beside what was recorded here. What HAR is, `har` knows.

It is whole or not there: an entry that cannot be read, a full disk or Ctrl-C undoes it at once, and after kill -9 the next
process that writes does (`capture.store_imports`). A tunnel may be writing all the while: the transactions are small.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tunnel.capture import har
from tunnel.capture.alive import Claim
from tunnel.capture.columns import COMMON, RARE
from tunnel.capture.gathering import SMALL
from tunnel.capture.rows import Connection, Row, Said, Value, peer_text, together
from tunnel.capture.store_imports import Import
from tunnel.capture.store_schema import FILE, Notice, trouble
from tunnel.capture.store_write import MANY, WriteError, Writing, body_key, message_key
from tunnel.errors import TunnelError
from tunnel.model.config import GIB, MIB

MOST_FILE = GIB  # bytes of a file, which has to be in memory while it is read
AT_ONCE = 4 * MIB  # bytes of bodies and messages in one transaction, and in one piece of a body


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an import did.

    Attributes:
      first: The first of the exchanges' numbers; `last` the last one.
      left_out: Entries that were no HTTP.
      before: The last import of the same bytes, or None.
    """

    first: int
    last: int
    left_out: int
    before: Import | None

    @property
    def count(self) -> int:
        """How many exchanges came."""
        return self.last - self.first + 1


def import_har(
    folder: Path,
    path: Path,
    *,
    now: int,
    notice: Notice,
    progress: Callable[[int, int], None] = lambda done, total: None,
    change: Callable[[har.Imported], har.Imported] = lambda imported: imported,
) -> Outcome:
    """Take a HAR file's exchanges into the store.

    Args:
      folder: Where the store lives.
      path: The file. Its name becomes the exchanges' `source`.
      now: µs since the epoch: what is imported is as old as its import.
      notice: Is told of a store that was set aside.
      progress: Is told, now and then, how many entries of how many are done.
      change: Is given each exchange before it is written, and returns what is written in its place.

    Raises: TunnelError, after which nothing of the file is in the store.
    """
    data = _content(path)
    try:
        entries = har.entries(data)
        if not entries:
            raise har.HarError("it holds no entries", hint="record something, then save it again")
        claim = Claim(folder)
        try:
            writing = Writing(claim, folder, notice)
            try:
                return _written(writing, path.name, data, entries, now, progress, change)
            finally:
                writing.close()  # and what did not end is removed
        finally:
            claim.release()
    except har.HarError as error:
        raise TunnelError(f"{path} cannot be imported: {error.what}", hint=error.hint) from error
    except WriteError as error:
        raise error.reason from error
    except OSError as error:
        raise trouble(folder / FILE, error) from error


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MOST_FILE + 1)
    except OSError as error:
        raise TunnelError(f"{path} cannot be read: {error.strerror or error}", hint=f"look: ls -l {path}") from error
    if len(data) > MOST_FILE:
        raise TunnelError(f"{path} is larger than {MOST_FILE // GIB} GiB", hint="save it in parts")
    return data


def _written(
    writing: Writing,
    source: str,
    data: bytes,
    entries: list[har.Raw],
    now: int,
    progress: Callable[[int, int], None],
    change: Callable[[har.Imported], har.Imported],
) -> Outcome:
    digest = hashlib.sha256(data).digest()
    source = source.encode("utf-8", "backslashreplace").decode()
    with writing:
        before = writing.same_import(digest)
        span = writing.begin_import(len(entries), now, source, digest)
    free, done = iter(span), 0
    for some in _handfuls(entries, change):
        _write(writing, [(next(free), imported) for imported in some if imported is not None], source)
        done += len(some)
        progress(done, len(entries))
    last = next(free, span[-1] + 1) - 1
    if last < span[0]:
        raise har.HarError("it holds no HTTP", hint="its entries are none of http, https, ws or wss")
    with writing:
        writing.end_import(span[0], last)
    return Outcome(span[0], last, len(entries) - (last - span[0] + 1), before)


def _handfuls(
    entries: list[har.Raw], change: Callable[[har.Imported], har.Imported]
) -> Iterator[list[har.Imported | None]]:
    """Yield one transaction's worth at a time; None stands for an entry that is no HTTP."""
    some: list[har.Imported | None] = []
    room = AT_ONCE
    for number, raw in enumerate(entries, 1):
        imported = har.imported(raw, number)
        some.append(None if imported is None else change(imported))
        if imported is not None:
            room -= len(imported.request_body) + len(imported.response_body)
            room -= sum(len(message.payload) for message in imported.messages)
        if len(some) == MANY or room < 0:
            yield some
            some, room = [], AT_ONCE
    if some:
        yield some


def _write(writing: Writing, some: list[tuple[int, har.Imported]], source: str) -> None:
    if not some:
        return
    made = [rows_of(id, imported, writing.process, source) for id, imported in some]
    rows = together([course for course, _, _ in made], [said for _, said, _ in made], [who for _, _, who in made])
    bodies: list[tuple[int, bytes, int | None]] = []
    messages: list[tuple[Value, ...]] = []
    for id, imported in some:
        for response, body in enumerate((imported.request_body, imported.response_body)):
            if moments := imported.moments if response else ():
                begins = [0, *(moment.end for moment in moments)]
                bodies += [
                    (body_key(id, True, number), body[begin:end], at)
                    for number, (begin, (end, at)) in enumerate(zip(begins, moments, strict=False))
                ]
            elif len(body) > SMALL:
                pieces = range(0, len(body), AT_ONCE)
                bodies += [
                    (body_key(id, bool(response), number), body[at : at + AT_ONCE], None)
                    for number, at in enumerate(pieces)
                ]
        for number, m in enumerate(imported.messages):
            messages.append((message_key(id, number), m.from_client, m.kind, m.at, m.size, m.payload))
    with writing:
        revision = writing.revisions(len(rows))
        rows.number(range(revision, revision + len(rows)))
        writing.add_shared(rows.said, rows.connections)
        writing.add_exchanges(rows)
        writing.add_bodies(bodies)
        writing.add_messages(messages)


def rows_of(id: int, imported: har.Imported, process: int, source: str) -> tuple[Row, Said, Connection]:
    """Return an exchange as its rows: what `rows_read.exchange_of` reads back."""
    exchange = imported.exchange
    timings, failure = exchange.timings, exchange.failure
    of: dict[str, Value] = {
        "id": id,
        "revision": 0,
        "process": process,
        "state": exchange.state.value,
        "started": exchange.started,
        "ended": timings.ended,
        "status": exchange.status,
        "response_size": exchange.response.size,
        "response_kept": exchange.response.kept,
        "connected": timings.connected,
        "first": timings.first,
        "reused": exchange.reused,
        "heads": id,
        "connection": id,
        "upgrade": exchange.upgrade,
        "request_size": exchange.request.size,
        "messages": exchange.messages,
        "error": "" if failure is None else failure.what,
        "fault": "" if failure is None else failure.fault.value,
        "hint": "" if failure is None else failure.hint,
        "repairs": "\n".join(exchange.repairs),
        "parent": 0,
        "source": source,
        "redacted": exchange.redacted,
        "device": exchange.device,
        "rule": exchange.rule,
        "request_kept": exchange.request.kept,
        "request_lost": exchange.request.lost,
        "response_lost": exchange.response.lost,
        "informational": exchange.informational,
        "request_trailers": exchange.request_trailers,
        "response_trailers": exchange.response_trailers,
        "request_body": _small(imported.request_body),
        "response_body": None if imported.moments else _small(imported.response_body),
    }
    said = Said(
        id,
        exchange.method,
        exchange.host,
        exchange.target,
        exchange.upstream,
        exchange.request_head,
        exchange.sent_head,
        exchange.response_head,
        None if exchange.returned_head == exchange.response_head else exchange.returned_head,
    )
    peer = peer_text(exchange, exchange.started + timings.accepted, exchange.started + timings.ready)
    who = Connection(id, exchange.caller, exchange.caller_pid, peer)
    return [of[name] for name in (*COMMON, *RARE)], said, who


def _small(body: bytes) -> bytes | None:
    return body if 0 < len(body) <= SMALL else None
