"""Replay lines: what became of one request that was sent again, as a line and as JSON.

#57  POST /api/items  201 (was 500)  12 ms (was 340 ms)  body differs (3 fields)
"""

from dataclasses import dataclass

from tunnel.capture.outcome import Outcome
from tunnel.cli.lines import BOLD, DIM, GREEN, RED, YELLOW, Look, duration, paint, safe
from tunnel.errors import TunnelError


@dataclass(frozen=True, slots=True)
class Told:
    """One replay, as it is told.

    Attributes:
      parent: The exchange that was repeated.
      id: Of the exchange that it became, or None where no record of it was found.
      to: Where it went, if not to the front; else empty.
      status: Of the answer; `was_status` of the recorded one.
      took: µs; None where it is not known.
      size: Of the answer's body.
      outcome: What differs.
      cut: Why the answer is not whole, or empty.
      error: Why there is none; then the rest says nothing.
    """

    parent: int
    method: str
    target: str
    id: int | None = None
    to: str = ""
    status: int | None = None
    was_status: int | None = None
    took: int | None = None
    was_took: int | None = None
    size: int = 0
    was_size: int = 0
    outcome: Outcome | None = None
    cut: str = ""
    error: TunnelError | None = None


def replay_line(told: Told, look: Look) -> str:
    """Return a replay as one line, without its end."""
    number = (
        "not recorded" if told.id is None and not told.to else f"to {told.to}" if told.id is None else f"#{told.id}"
    )
    changed = told.status != told.was_status
    status = paint("-" if told.status is None else str(told.status), YELLOW if changed else GREEN, look)
    if changed:
        status += f" (was {'no answer' if told.was_status is None else told.was_status})"
    words = [paint(number, BOLD, look), f"{safe(told.method)} {safe(told.target)}", status]
    if told.took is not None:
        was = "" if told.was_took is None else paint(f" (was {duration(told.was_took)})", DIM, look)
        words.append(duration(told.took) + was)
    words += [paint(word, colour, look) for word, colour in _differences(told)]
    return "  ".join(words)


def _differences(told: Told) -> list[tuple[str, str]]:
    found = []
    outcome = told.outcome
    if outcome is not None:
        if outcome.fields:
            found.append((f"{', '.join(outcome.fields)} {'differs' if len(outcome.fields) == 1 else 'differ'}", YELLOW))
        match outcome.body:
            case True:
                count = outcome.values
                found.append(
                    ("body differs" + (f" ({count} {'field' if count == 1 else 'fields'})" if count else ""), YELLOW)
                )
            case None:
                found.append(("body not compared", DIM))
            case False if outcome.same:
                found.append(("the same answer", GREEN))
    if told.cut:
        found.append((f"not whole: {safe(told.cut)}", RED))
    return found


def replay_fields(told: Told) -> dict[str, object]:
    """Return a replay as the object that `--json` prints. The keys are a promise (docs/replay.md)."""
    outcome, error = told.outcome, told.error
    return {
        "parent": told.parent,
        "id": told.id,
        "method": told.method,
        "target": told.target,
        "to": told.to,
        "status": told.status,
        "was_status": told.was_status,
        "duration_ms": None if told.took is None else told.took / 1000,
        "was_duration_ms": None if told.was_took is None else told.was_took / 1000,
        "response_bytes": told.size,
        "was_response_bytes": told.was_size,
        "same": None if outcome is None or outcome.body is None else outcome.same,
        "differs": outcome
        and {"status": outcome.status, "fields": list(outcome.fields), "body": outcome.body, "values": outcome.values},
        "cut": told.cut,
        "error": error.what if error else "",
        "hint": error.hint if error else "",
    }
