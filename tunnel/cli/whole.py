"""Whole: one exchange at full length, for `tunnel show`. Reading it from the store is for `cli.exchanges`.

42  GET https://localhost:62893/path  200  3.1 ms
…facts, timings, heads as they came with what was changed on the way, bodies decoded, messages
"""

import re
from collections.abc import Iterable, Iterator, Sequence

from tunnel.capture.decode import decode
from tunnel.capture.heads import changes, fields_of, lines_of
from tunnel.capture.moments import decoded as moments_decoded
from tunnel.capture.moments import is_stream, known, when
from tunnel.capture.present import present
from tunnel.cli.lines import BOLD, CYAN, DIM, GREEN, MAGENTA, RED, YELLOW, Look, duration, iso, paint, safe, size
from tunnel.model.exchange import Body, Exchange, Moment, RecordedMessage, State

SHOWN_MESSAGE = 200  # characters of a message on its line


def whole(
    exchange: Exchange,
    request: bytes,
    response: bytes,
    messages: Iterable[RecordedMessage],
    moments: Sequence[Moment],
    look: Look,
) -> Iterator[str]:
    """Return an exchange as lines.

    Args:
      exchange: What is shown.
      request: What was kept of its request's body; `response` of its response's.
      messages: Of an upgraded connection, oldest first.
      moments: When the parts of its response's body came, where that is known.
      look: How to write.
    """
    yield from _facts(exchange, look)
    yield ""
    yield from _head("Request", exchange.request_head, exchange.sent_head, look)
    yield from _body(exchange.request, request, exchange.request_head, exchange, look)
    yield from _trailers(exchange.request_trailers, look)
    if exchange.informational:
        yield ""
        yield from _head("Before the response", exchange.informational, b"", look)
    if exchange.response_head or exchange.response.size:
        yield ""
        ours = not exchange.upstream
        title = "Response, by tunnel itself" if ours else "Response"
        yield from _head(title, exchange.response_head, b"" if ours else exchange.returned_head, look)
        yield from _body(exchange.response, response, exchange.response_head, exchange, look, known(exchange, moments))
        yield from _trailers(exchange.response_trailers, look)
    if exchange.messages:
        yield ""
        yield paint(f"{exchange.messages} messages", BOLD, look)
        for message in messages:
            yield _message(message, exchange.started, look)


def _facts(exchange: Exchange, look: Look) -> Iterator[str]:
    timings, tls, failure = exchange.timings, exchange.tls, exchange.failure
    status = "no answer" if exchange.status is None else str(exchange.status)
    taken = "open" if timings.ended is None else duration(timings.ended)
    scheme = "https" if tls else "http"
    url = f"{scheme}://{safe(exchange.host)}{safe(exchange.target)}" if exchange.host else safe(exchange.target)
    yield f"{paint(str(exchange.id), BOLD, look)}  {safe(exchange.method)} {url}  {paint(status, BOLD, look)}  {taken}"
    if exchange.state in (State.RUNNING, State.INTERRUPTED):
        said = "it is still running" if exchange.state is State.RUNNING else "tunnel ended before it did"
        yield _fact("state", paint(said, YELLOW, look), look)
    if failure is not None:
        yield _fact("error", paint(f"{failure.fault.value}: {safe(failure.what)}", RED, look), look)
        if failure.hint:
            yield _fact("", safe(failure.hint), look)
    caller = f", {safe(exchange.caller)} {exchange.caller_pid}" if exchange.caller else ""
    yield _fact("started", iso(exchange.started), look)
    if exchange.source:
        yield _fact("imported", f"from {safe(exchange.source)}", look)
    if exchange.address or not exchange.source:
        yield _fact("client", f"{_address(safe(exchange.address), exchange.port)}{caller}", look)
    if exchange.rule:
        who = safe(exchange.device) or "nobody that was let in"
        yield _fact("device", f"{who}, by {safe(exchange.rule)}" if exchange.device else f"{who}", look)
    secured = (
        f", {safe(tls.version)} {safe(tls.cipher)}".rstrip() + (f", for {safe(tls.sni)}" if tls.sni else "")
        if tls
        else ", not encrypted"
    )
    listener = _address(safe(exchange.listener), exchange.listener_port) if exchange.listener else "not known"
    yield _fact("listener", f"{listener}{secured}", look)
    reused = ", over a connection that had served before" if exchange.reused else ""
    yield _fact("upstream", f"{safe(exchange.upstream)}{reused}" if exchange.upstream else "not reached", look)
    yield _fact("timings", " · ".join(_timings(exchange)), look)
    if exchange.parent:
        yield _fact("replay of", f"{exchange.parent}, which `tunnel show {exchange.parent}` shows", look)
    for repair in exchange.repairs:
        yield _fact("repaired", paint(safe(repair), YELLOW, look), look)
    if exchange.redacted:
        what = (
            "1 secret was replaced; it is"
            if exchange.redacted == 1
            else f"{exchange.redacted} secrets were replaced; they are"
        )
        text = f"{what} readable while the tunnel that saw them runs: tunnel show --reveal {exchange.id}"
        yield _fact("redacted", paint(text, YELLOW, look), look)


def _timings(exchange: Exchange) -> Iterator[str]:
    timings = exchange.timings
    if exchange.tls is not None and timings.tls:
        yield f"handshake {duration(timings.tls)}"
    for name, taken in (("connect", timings.connect), ("wait", timings.wait), ("receive", timings.receive)):
        if taken is not None:
            yield f"{name} {duration(taken)}"
    yield "open" if timings.ended is None else f"in all {duration(timings.ended)}"


def _head(title: str, came: bytes, went: bytes, look: Look) -> Iterator[str]:
    """Show a head as it came and, where it went on, what was taken out (-) and put in (+)."""
    pairs = changes(came, went) if went else [(" ", text) for text in lines_of(came)]
    changed = any(mark != " " for mark, _ in pairs)
    yield paint(title, BOLD, look) + (paint("   - came, not sent on   + added by tunnel", DIM, look) if changed else "")
    colours = {" ": "", "-": RED, "+": GREEN}
    for mark, text in pairs:
        yield paint(f"{mark} {safe(text)}".rstrip(), colours[mark], look)


def _body(
    body: Body, kept: bytes, head: bytes, exchange: Exchange, look: Look, moments: Sequence[Moment] = ()
) -> Iterator[str]:
    if exchange.upgrade or not body.size:
        return
    fields = fields_of(head)
    codings, content_type = fields.tokens(b"content-encoding"), fields.get(b"content-type") or b""
    decoded = decode(kept, codings)
    shown = present(decoded.body, content_type.decode("latin-1"))
    notes = [*decoded.notes, *shown.notes]
    if not body.whole:
        why = "the recorder could not keep up" if body.lost else "the rest was not kept"
        notes.insert(0, f"{size(body.kept)} of {size(body.size)} were recorded: {why}")
    yield ""
    lines = [safe(text, lines=True) for text in shown.text.removesuffix("\n").split("\n") if shown.text]
    if shown.kind == "text" and is_stream(content_type):
        lines = list(_timed(lines, decoded.body, moments_decoded(moments, kept, codings), exchange.started, look))
    yield from (f"  {text}" for text in lines)
    for note in notes:
        yield paint(f"  ({safe(note)})", YELLOW, look)


def _timed(lines: list[str], body: bytes, moments: Sequence[Moment], started: int, look: Look) -> Iterator[str]:
    """Put before each line of a stream when it came, where that is not when the line before it did."""
    ends = [match.end() for match in re.finditer(b"\n", body)]
    ends += [] if body.endswith(b"\n") else [len(body)]
    if not moments or len(ends) != len(lines):  # of a charset in which lines end otherwise
        yield from lines
        return
    before: int | None = None
    for text, end in zip(lines, ends, strict=True):
        at = when(moments, end)
        told = f"+{duration(at - started)}" if at is not None and at != before else ""
        yield f"{paint(f'{told:<11}', DIM, look) if told else ' ' * 11 if text else ''}{text}"
        before = at


def _trailers(trailers: bytes | None, look: Look) -> Iterator[str]:
    if trailers:
        yield paint("  trailers", DIM, look)
        yield from (f"  {safe(text)}" for text in lines_of(trailers))


def _message(message: RecordedMessage, started: int, look: Look) -> str:
    up, down, dots, _ = tuple(look.arrows)
    arrow = paint(up, CYAN, look) if message.from_client else paint(down, MAGENTA, look)
    shown = present(message.payload[: 4 * SHOWN_MESSAGE]) if message.kind in ("text", "close") else None
    text = shown.text if shown and shown.kind in ("json", "text") else message.payload[:32].hex(" ")
    if message.kind == "text":
        text = message.payload.decode("utf-8", "replace")
    cut = len(text) > SHOWN_MESSAGE or len(message.payload) < message.size
    text = safe(text[:SHOWN_MESSAGE].rstrip("\n")) + (dots if cut else "")
    return (
        f"  {arrow} +{duration(message.at - started):<9}  {message.kind:<6}  {size(message.size):>7}  {text}".rstrip()
    )


def _fact(name: str, value: str, look: Look) -> str:
    return f"  {paint(f'{name:<9}', DIM, look)} {value}"


def _address(host: str, port: int) -> str:
    shown = f"[{host}]" if ":" in host else host
    return f"{shown}:{port}" if port else shown
