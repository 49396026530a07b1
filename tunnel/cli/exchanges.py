"""Exchanges: `tunnel log` and `tunnel show`. They read the store alone; how it looks is for `lines` and `whole`."""

import dataclasses
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import click

from tunnel.capture.query import Query
from tunnel.capture.store import NoStore, Store
from tunnel.capture.told import whole_fields
from tunnel.cli.filters import asked, filter_argument
from tunnel.cli.folder import default_folder, folder_option
from tunnel.cli.lines import Look, json_line, json_text, line, look_of, safe
from tunnel.cli.said import say_line
from tunnel.cli.whole import whole
from tunnel.errors import UsageError
from tunnel.model.exchange import Exchange, RecordedMessage, Side, State, Summary

LOOK_AGAIN = 0.2  # seconds between two looks at a store that is followed
AT_ONCE = 500  # exchanges in one look


@click.command()
@click.option("-n", "count", type=click.IntRange(0), default=50, show_default=True, help="How many, the latest last.")
@click.option("-f", "--follow", is_flag=True, help="Go on with what comes, until Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@folder_option
@filter_argument
def log(filter: tuple[str, ...], count: int, follow: bool, as_json: bool, folder: Path | None) -> None:
    """List recorded exchanges, the latest last: all, or those that FILTER means.

    \b
      tunnel log 'status >= 500'
      tunnel log -f 'path ~ "^/api" and duration > 200ms'
      tunnel log 'body contains token and started > 10m'

    The language is told in docs/filters.md. Put a filter in single quotes.
    """
    query = asked(filter)
    look = look_of(sys.stdout)
    folder = folder or default_folder()
    try:
        store = _opened(folder, wait=follow)
        if store is None:
            return
        with store:
            revision = store.revision()  # before the list: what comes in between is in both, and known by its revision
            latest = store.latest(count, query)
            for summary in latest:
                say_line(_line(summary, as_json, look))
            if not latest and count and not follow:
                click.echo(_nothing() if query is None or not store.latest(1) else _none_of(query), err=True)
            for summary in _meant(query, store, _follow(store, revision, latest)) if follow else ():
                say_line(_line(summary, as_json, look))
        while follow and (store := _opened(folder, wait=True)):  # the store was deleted: go on with the next one
            with store:
                for summary in _meant(query, store, _follow(store, 0, [])):
                    say_line(_line(summary, as_json, look))
    except KeyboardInterrupt:
        if not follow:
            raise
        # This is how one stops following: nothing went wrong.


@click.command()
@click.argument("id", type=click.IntRange(1), required=False)
@click.option("--json", "as_json", is_flag=True, help="One JSON object, bodies in base64.")
@click.option(
    "--body", "side", type=click.Choice(["request", "response"]), help="Only this body, as it passed, to stdout."
)
@click.option("--curl", is_flag=True, help="The request as a curl command.")
@click.option(
    "--reveal", is_flag=True, help="With its secrets, while the tunnel that saw them runs (see docs/redaction.md)."
)
@folder_option
def show(id: int | None, as_json: bool, side: str | None, curl: bool, reveal: bool, folder: Path | None) -> None:
    """Show one exchange whole: heads, timings, bodies, messages. Without ID, the latest."""
    if as_json and side:
        raise UsageError("--json and --body do not go together", hint="--json holds both bodies, in base64")
    if curl and (as_json or side or reveal):
        raise UsageError("--curl goes with none of --json, --body and --reveal", hint="ask twice")
    folder = folder or default_folder()
    store = _opened(folder, wait=False)
    if store is None:
        return
    with store:
        exchange = _find(store, id)
        if exchange is None:
            click.echo(_nothing(), err=True)
            return
        if curl:
            say_line(_curl(store, exchange.id, folder))
            return
        request, response = store.body(exchange.id, Side.REQUEST), store.body(exchange.id, Side.RESPONSE)
        messages = store.messages(exchange.id)
        moments = store.moments(exchange.id)
        if reveal and exchange.redacted:
            from tunnel.cli.reveal import revealed, revealed_messages  # with TLS: imported by those alone who want it

            if exchange.messages:
                messages = _counted(revealed_messages(folder, exchange.id))
            stored = response
            exchange, request, response, missing = revealed(folder, exchange, request, response)
            moments = moments if response == stored else []  # they are of the body as it is stored
            exchange = dataclasses.replace(exchange, redacted=missing)
            if missing:
                click.echo(_gone(missing), err=True)
        if side:
            _write(request if side == Side.REQUEST else response, exchange.id, side)
            return
        if as_json:
            say_line(json_text(whole_fields(exchange, request, response, messages, moments)))
            return
        for text in whole(exchange, request, response, messages, moments, look_of(sys.stdout)):
            say_line(text)


def _curl(store: Store, id: int, folder: Path) -> str:
    from tunnel.capture.exporting import Format, pieces, wholes  # and with it all formats
    from tunnel.cli.export import known_root

    return "".join(pieces(wholes(store, [id]), Format.CURL, root=known_root(folder))).rstrip("\n")


def _gone(missing: int, where: str = "") -> str:
    what = "1 secret" if missing == 1 else f"{missing} secrets"
    return (
        f"{what}{where} {'is' if missing == 1 else 'are'} gone: another process saw them, or too many came after them"
    )


def _counted(messages: Iterator[tuple[RecordedMessage, int]]) -> Iterator[RecordedMessage]:
    """Return messages, and say behind the last how many of their secrets are gone."""
    missing = 0
    for message, gone in messages:
        missing += gone
        yield message
    if missing:
        click.echo(_gone(missing, " of the messages"), err=True)


def _write(body: bytes, id: int, side: str) -> None:
    """Write a body as it passed, unless it would command the terminal."""
    text = body.decode("utf-8", "surrogateescape")
    if sys.stdout.isatty() and safe(text, lines=True) != text:
        raise UsageError(
            f"the {side} body of {id} holds bytes that a terminal would obey",
            hint=f"write it to a file: `tunnel show {id} --body {side} > body`, or see it as text: `tunnel show {id}`",
        )
    sys.stdout.flush()
    sys.stdout.buffer.write(body)
    sys.stdout.buffer.flush()


def _find(store: Store, id: int | None) -> Exchange | None:
    """Return the exchange asked for, or the latest; None if there is none at all.

    Raises: UsageError, there is none of that number.
    """
    latest = store.latest(1)
    if not latest:
        return None
    exchange = store.exchange(latest[0].id if id is None else id)
    if exchange is None:
        raise UsageError(f"there is no exchange {id}", hint="list what there is: `tunnel log`")
    return exchange


def _opened(folder: Path, *, wait: bool) -> Store | None:
    """Open the store; where there is none yet, say so, and wait for one if that is wanted."""
    said = False
    while True:
        try:
            return Store(folder)
        except NoStore:
            if not said:
                click.echo(_nothing() + (" Waiting for it …" if wait else ""), err=True)
            said = True
        if not wait:
            return None
        time.sleep(LOOK_AGAIN)


def _follow(store: Store, revision: int, printed: list[Summary]) -> Iterator[Summary]:
    """Return what comes, until the store is deleted: an exchange when it ends, and a long one when it is first seen too.

    Args:
      store: Read again and again.
      revision: Where to begin.
      printed: What was printed before.
    """
    running = {summary.id for summary in printed if summary.state == State.RUNNING}
    known = {summary.revision for summary in printed}
    while True:
        changed = store.since(revision, AT_ONCE)
        for summary in changed:
            revision = summary.revision
            if revision in known:
                continue
            if summary.state == State.RUNNING:
                if summary.id in running:
                    continue
                running.add(summary.id)
            else:
                running.discard(summary.id)
            yield summary
        if not changed:
            # A process that dies writes nothing more, so what it was carrying has to be looked at.
            for id in sorted(running):
                now = store.summary(id)
                if now is None or now.state == State.INTERRUPTED:
                    running.discard(id)
                if now is not None and now.state == State.INTERRUPTED:
                    yield now
            if store.gone:
                return
            time.sleep(LOOK_AGAIN)


def _meant(query: Query | None, store: Store, summaries: Iterator[Summary]) -> Iterator[Summary]:
    """Return those of them that a filter means, as they are in the store by now."""
    for summary in summaries:
        if query is None or store.matching(query, [summary.id]):
            yield summary


def _line(summary: Summary, as_json: bool, look: Look) -> str:
    return json_line(summary) if as_json else line(summary, look)


def _nothing() -> str:
    return "Nothing has been recorded yet. Put tunnel in front of your service, and use it: `tunnel 3000`."


def _none_of(query: Query) -> str:
    return f"Nothing of what was recorded is meant by: {safe(query.text)}"
