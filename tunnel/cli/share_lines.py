"""Share lines: a share, its devices, its questions and what happened to it, as text for a person. Prints nothing."""

import time
from collections.abc import Iterator

from tunnel.cli.lines import BOLD, CYAN, DIM, GREEN, RED, YELLOW, Look, paint, safe
from tunnel.model.share import Device, Happening, Question
from tunnel.model.standing import Standing

LONGEST_NAME = 48  # characters of what a device calls itself
_COLOURS = {
    "asked": YELLOW,
    "admitted": GREEN,
    "refused": RED,
    "locked out": RED,
    "revoked": YELLOW,
    "ends soon": YELLOW,
}


def question_line(question: Question, *, width: int = 0, more: int = 0) -> str:
    """Return a question as it is put to a person, who answers behind it.

    The address and the code are ours and are always whole; the name is a stranger's and is cut.

    Args:
      width: Of the terminal; 0 where it does not matter.
      more: How many wait behind it.
    """
    behind = f"; {more} more {'asks' if more == 1 else 'ask'}" if more else ""
    rest = f", {safe(question.address)} wants in, it shows {safe(question.code)}{behind}: allow? [y/N] "
    return f"{_name(question.who, max(width - len(rest) - 4, 8) if width else LONGEST_NAME)}{rest}"


def question_note(question: Question) -> str:
    """Return a question as a line, where nobody can answer behind it."""
    return (
        f"{_name(question.who)}, {safe(question.address)} wants in, it shows {safe(question.code)};"
        f" let it in: tunnel share allow {question.number}; or: tunnel share deny {question.number}"
    )


def happening_line(happening: Happening, look: Look) -> str:
    """Return what happened as one line."""
    return paint(safe(happening.sentence), _COLOURS.get(happening.what, DIM), look)


def standing_lines(standing: Standing, now: float, look: Look) -> Iterator[str]:
    """Yield how a share stands, as `tunnel share --list` prints it.

    Args:
      now: Seconds since the Unix epoch.
    """
    url = paint(safe(standing.url), f"{BOLD};{CYAN}", look)
    yield f"{url} → {safe(standing.target)}"
    rules = "".join(f", {safe(rule)}" for rule in standing.rules)
    yield f"  {rule_words(standing)}{rules}; {end_words(standing)}"
    if standing.link:
        yield f"  one more device may ask with: {paint(safe(standing.link), CYAN, look)}"
    for device in standing.devices:
        yield "  " + _device_line(device, now, look)
    if not standing.devices:
        yield paint("  no device was let in yet", DIM, look)
    for question in standing.questions:
        yield "  " + paint(question_note(question), YELLOW, look)


def rule_words(standing: Standing) -> str:
    """Return the access rule for people."""
    return {
        "pairing": "by pairing",
        "password": "by password",
        "token": "by token",
        "certificate": "by client certificate",
        "open": "OPEN to everybody who can reach it",
    }[standing.access]


def end_words(standing: Standing) -> str:
    """Return when a share ends, for people."""
    if standing.left is None or standing.ends is None:
        return "no end"
    return f"ends {clock(standing.ends)}, in {span(standing.left)}"


def span(seconds: float) -> str:
    """Return a length of time as people say it: "40 s", "9 min", "1 h 05 min", "2 d 3 h"."""
    whole = max(round(seconds), 0)
    if whole < 100:
        return f"{whole} s"
    minutes = round(whole / 60)
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 1440:
        return f"{minutes // 60} h {minutes % 60:02} min"
    hours = round(whole / 3600)
    return f"{hours // 24} d {hours % 24} h"


def clock(at: float) -> str:
    """Return a moment, seconds since the Unix epoch, as the time of day here; with the day where it is another one."""
    there = time.localtime(at)
    day = "" if there[:3] == time.localtime()[:3] else time.strftime("%Y-%m-%d ", there)
    return day + time.strftime("%H:%M", there)


def _device_line(device: Device, now: float, look: Look) -> str:
    seen = span(now - device.seen)
    name, browser = _name(device.name), safe(device.browser)
    return f"{device.number:>3}  {name:<20}  {browser:<8}  {safe(device.address):<15}  " + paint(
        f"since {clock(device.since)}, last seen {seen} ago, {_many(device.requests)}", DIM, look
    )


def _many(requests: int) -> str:
    return f"{requests} request{'' if requests == 1 else 's'}"


def _name(name: str, most: int = LONGEST_NAME) -> str:
    shown = safe(name) or "a device"
    return shown if len(shown) <= most else shown[: most - 1] + "…"
