"""Replay: `tunnel replay`. Words to edits and plans; sending them is for `cli.sending`."""

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from tunnel.capture.store import Store
from tunnel.cli.choice import chosen_ids, filtered_ids
from tunnel.cli.folder import default_folder, folder_option
from tunnel.cli.lines import json_text, look_of
from tunnel.cli.options import Seconds
from tunnel.cli.replay_lines import Told, replay_fields, replay_line
from tunnel.cli.said import say_error, say_line
from tunnel.errors import UsageError
from tunnel.model.headers import Field
from tunnel.model.replay import NOT_SENT
from tunnel.rules.replaying import Edits

_PATIENCE = 60.0  # seconds; as `--timeout` says


@click.command()
@click.argument("ids", metavar="ID…", nargs=-1)
@click.option("--filter", "expression", metavar="EXPR", help="All that match a filter, oldest first, instead of IDs.")
@click.option("--edit", is_flag=True, help="Edit the request in $VISUAL or $EDITOR first; one ID only.")
@click.option("--method", help="Another method.")
@click.option("--target", help="Another path and query, like /api/items?x=1.")
@click.option("--set-header", "set_headers", multiple=True, metavar="'NAME: VALUE'", help="Set or replace a header.")
@click.option("--remove-header", "remove_headers", multiple=True, metavar="NAME", help="Leave out a header.")
@click.option("--body", metavar="TEXT|@FILE", help="Another body; @- for what comes on stdin.")
@click.option("--to", metavar="TARGET", help="Send to 3000, a URL or unix:/path.sock instead of through the tunnel.")
@click.option("--via", metavar="URL", help="Where the tunnel is. [the running one's, or https://127.0.0.1:62893]")
@click.option("--times", type=click.IntRange(1, 1_000_000), default=1, help="Send each so often. [1]")
@click.option("--concurrency", type=click.IntRange(1, 256), default=1, help="So many at once. [1]")
@click.option(
    "--timeout", type=Seconds(), default=_PATIENCE, metavar="DURATION", help="For each to be answered. [60 s]"
)
@click.option("--force", is_flag=True, help="Send what was kept, even if the body is cut or secrets are missing.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@folder_option
def replay(
    ids: tuple[str, ...],
    expression: str | None,
    edit: bool,
    method: str | None,
    target: str | None,
    set_headers: tuple[str, ...],
    remove_headers: tuple[str, ...],
    body: str | None,
    to: str | None,
    via: str | None,
    times: int,
    concurrency: int,
    timeout: float,
    force: bool,
    as_json: bool,
    folder: Path | None,
) -> int:
    """Send recorded requests again, through the tunnel, and compare the answers.

    ID is a number of `tunnel log`, or a range like 12-15.
    """
    if bool(ids) == bool(expression):
        raise UsageError(
            "say which exchanges to send again: by their numbers or by a filter",
            hint="tunnel replay 12; or: tunnel replay --filter 'status >= 500'",
        )
    edits = _edits(method, target, set_headers, remove_headers, body)
    folder = folder or default_folder()
    telling = _Telling(as_json)
    with Store(folder) as store:
        numbers = filtered_ids(store, expression) if expression else chosen_ids(ids, store)
        untried = _send(store, numbers, edits, telling, folder, edit=edit, to=to, via=via, times=times,
                        concurrency=concurrency, timeout=timeout, force=force)  # fmt: skip
    return telling.end(untried)


def _send(
    store: Store,
    numbers: Iterator[int],
    edits: Edits,
    telling: "_Telling",
    folder: Path,
    *,
    edit: bool,
    to: str | None,
    via: str | None,
    times: int,
    concurrency: int,
    timeout: float,
    force: bool,
) -> int:
    """Send everything; return how many were not tried."""
    # With the event loop, TLS and JSON: `tunnel --help`, which imports this file, needs none of them.
    import trio

    from tunnel.cli.editing import edited_by_hand
    from tunnel.cli.front import context_for
    from tunnel.cli.jobs import jobs, way_of
    from tunnel.cli.sending import Sending

    way = way_of(folder, to=to, via=via, patience=timeout, force=force)
    made = jobs(store, iter([_only(numbers)]) if edit else numbers, way, edits, times, edited_by_hand if edit else None)
    if edit:
        made = iter(list(made))  # before the event loop, which would hear the editor's Ctrl-C
    sending = Sending(store, lambda plan: context_for(folder, plan), concurrency, telling.tell)
    try:
        trio.run(sending.run, made)
    except BaseExceptionGroup as group:
        if group.subgroup(KeyboardInterrupt):
            raise KeyboardInterrupt from None
        raise
    return sending.untried


def _edits(
    method: str | None, target: str | None, set_headers: tuple[str, ...], remove: tuple[str, ...], body: str | None
) -> Edits:
    return Edits(
        None if method is None else _bytes(method),
        None if target is None else _bytes(target),
        tuple(map(_field, set_headers)),
        tuple(map(_bytes, remove)),
        None if body is None else _body(body),
    )


def _field(text: str) -> Field:
    name, colon, value = text.partition(":")
    if not colon:
        raise UsageError(f"{text!r} is not a header field", hint="write one like: --set-header 'Accept: text/html'")
    return _bytes(name), _bytes(value.strip(" \t"))


def _body(text: str) -> bytes:
    if text == "@-":
        return sys.stdin.buffer.read()
    if not text.startswith("@"):
        return _bytes(text)
    path = Path(text[1:])
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(
            f"cannot read {path}: {(error.strerror or str(error)).lower()}",
            hint="name a file, like --body @request.json; or give the text itself",
        ) from error


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")  # what came as bytes on the command line leaves as the same bytes


def _only(numbers: Iterator[int]) -> int:
    first = next(numbers, None)
    if first is None or next(numbers, None) is not None:
        raise UsageError("--edit is for one exchange", hint="name one, like: tunnel replay 12 --edit")
    return first


class _Telling:
    """Prints what became of each, and knows how the command ends."""

    def __init__(self, as_json: bool) -> None:
        self._json = as_json
        self._look = look_of(sys.stdout)
        self._all = self._failed = self._differ = 0

    def tell(self, told: Told) -> None:
        """Print one."""
        self._all += 1
        self._differ += told.outcome is not None and not told.outcome.same
        if told.error is not None:
            self._failed += 1
        if self._json:
            say_line(json_text(replay_fields(told)))
        elif told.error is not None:
            say_error(told.error.what, told.error.hint)
        else:
            say_line(replay_line(told, self._look))

    def end(self, untried: int) -> int:
        """Say how it went in all, where there were several; return the exit code."""
        if not self._all:
            click.echo("no exchange matches", err=True)
        more = max(untried - 1, 0)
        if self._all + more > 1 and not self._json:
            words = [f"{self._all - self._failed} sent", f"{self._differ} answered otherwise"]
            if self._failed + more:
                words.append(f"{self._failed + more} not sent")
            click.echo(", ".join(words), err=True)
        return NOT_SENT if self._failed else 0
