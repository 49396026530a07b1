"""Lines: one exchange as one line, for a terminal, a pipe or a program. What prints them live is `cli.live`.

    id  time          method  target           status  duration  sizes            caller
    42  12:03:04.512  GET     /path?x=1        200       3.1 ms  ↑   0 B ↓ 1.2 kB  curl 4711

Traffic is written by strangers: whatever of it reaches a terminal goes through `safe`.
"""

import os
import re
import shutil
import time
from typing import NamedTuple, TextIO

from tunnel.capture.told import iso as iso
from tunnel.capture.told import json_text as json_text
from tunnel.model.summary import State, Summary

DIM, RED, GREEN, YELLOW, CYAN, MAGENTA, BOLD = "2", "31", "32", "33", "36", "35", "1"
SLOW, VERY_SLOW = 1_000_000, 5_000_000  # µs: shown in yellow, and in red
NARROWEST = 16  # columns of a target, however narrow the window

# Control characters (C0, DEL, C1) move the cursor, set titles and answer questions; lone surrogates cannot be written; line
# and paragraph separators break lines; bidirectional controls make text read otherwise than it is (CVE-2021-42574).
_UNSAFE = "\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb"
_unsafe = re.compile(f"[{_UNSAFE}]")
_unsafe_in_text = re.compile(f"(?![\\n\\t])[{_UNSAFE}]")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_COMMAND = re.compile(r"\btunnel(?: [^\s;,()]+){1,4}")
_SET_IN = "  "  # before a sentence's second line and those after it


class Look(NamedTuple):
    """What a line is written for.

    Attributes:
      width: Columns of the terminal; 0 for a pipe, where nothing is shortened or padded.
      colour: Whether escape sequences of our own may be written.
      arrows: Sent and received; what stands for a part left out; and for a request that was sent again.
    """

    width: int = 0
    colour: bool = False
    arrows: str = "↑↓…↻"


def look_of(stream: TextIO) -> Look:
    """Return how to write to a stream. NO_COLOR is heard (https://no-color.org)."""
    terminal = stream.isatty()
    try:
        "↑↓…↻".encode(getattr(stream, "encoding", None) or "utf-8")
        arrows = "↑↓…↻"
    except (UnicodeEncodeError, LookupError):
        arrows = "^v~@"
    colour = terminal and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
    return Look(shutil.get_terminal_size().columns if terminal else 0, colour, arrows)


def line(summary: Summary, look: Look) -> str:
    """Return an exchange as one line, without its end."""
    up, down = look.arrows[0], look.arrows[1]
    sizes = f"{up}{size(summary.request_size):>7} {down}{size(summary.response_size):>7}"
    status = "-" if summary.status is None else str(summary.status)
    before = [
        (f"{summary.id:>5}", BOLD),
        (_time(summary.started), DIM),
        (f"{safe(summary.method):<7}", DIM),
    ]
    after = [
        (f"{status:<3}", _status_colour(summary)),
        (f"{_duration_word(summary):>8}", _slow_colour(summary)),
        (sizes, DIM),
        *[(word, colour) for word, colour in _remarks(summary, look) if word],
    ]
    target = safe(summary.target)
    if look.width:
        room = look.width - sum(len(text) + 2 for text, _ in before + after)
        target = _shorten(target, max(room, NARROWEST), look.arrows[2])
        target = f"{target:<{max(room, NARROWEST)}}"
    return "  ".join(paint(text, colour, look) for text, colour in [*before, (target, ""), *after]).rstrip()


def fields(summary: Summary) -> dict[str, object]:
    """Return an exchange as the object that `--json` prints on one line. The keys are a promise (docs/command.md)."""
    return {
        "id": summary.id,
        "state": summary.state,
        "started": iso(summary.started),
        "duration_ms": None if summary.ended is None else summary.ended / 1000,
        "method": summary.method,
        "host": summary.host,
        "target": summary.target,
        "status": summary.status,
        "upgrade": summary.upgrade,
        "type": summary.type,
        "request_bytes": summary.request_size,
        "response_bytes": summary.response_size,
        "messages": summary.messages,
        "caller": summary.caller,
        "caller_pid": summary.caller_pid,
        "error": summary.error,
        "fault": summary.fault,
        "parent": summary.parent,
        "device": summary.device,
        "rule": summary.rule,
    }


def json_line(summary: Summary) -> str:
    """Return an exchange as one JSON object, without the line's end."""
    return json_text(fields(summary))


def safe(text: str, *, lines: bool = False) -> str:
    """Return text in which nothing can command a terminal.

    Args:
      text: From traffic, or anywhere.
      lines: Whether line ends and tabs stay.
    """
    return (_unsafe_in_text if lines else _unsafe).sub(_escaped, text)


def paint(text: str, colour: str, look: Look) -> str:
    """Return text in a colour, where the look allows it."""
    return f"\x1b[{colour}m{text}\x1b[0m" if colour and look.colour else text


def wrapped(text: str, look: Look) -> str:
    """Return a sentence in lines that fit the terminal, which would break it in the middle of a word.

    A command to type stays in one line; what is longer than a line, as a link with a token, begins one and is left to the
    terminal, which then gives it back whole to who copies it.

    Args:
      text: May hold colours of ours.
    """
    if not look.width or _columns(text) <= look.width:
        return text
    sentence = text.lstrip(" ")
    first = " " * (len(text) - len(sentence))
    lines, set_in = [first], first + _SET_IN
    for words in _COMMAND.sub(lambda found: found[0].replace(" ", "\0"), sentence).split(" "):
        word, line = words.replace("\0", " "), lines[-1]
        if not line.strip(" "):
            lines[-1] = line + word
        elif _columns(line) + 1 + _columns(word) <= look.width:
            lines[-1] = f"{line} {word}"
        else:
            lines.append(word if _columns(word) + len(set_in) > look.width else set_in + word)
    return "\n".join(lines)


def _columns(text: str) -> int:
    return len(_COLOUR.sub("", text))


def duration(micros: int) -> str:
    """Return a duration in three digits or so: "0.3 ms", "47 ms", "1.24 s", "2 min 03 s"."""
    if micros < 9_950:
        return f"{micros / 1000:.1f} ms"
    if micros < 999_500:
        return f"{micros / 1000:.0f} ms"
    if micros < 59_995_000:
        return f"{micros / 1e6:.2f} s"
    seconds = round(micros / 1e6)
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60:02} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60:02} min"


def size(count: int) -> str:
    """Return bytes in units of 1000: "0 B", "1.2 kB", "34 MB"."""
    if count < 1000:
        return f"{count} B"
    number = float(count)
    for unit in ("kB", "MB", "GB", "TB"):
        number /= 1000
        if number < 9.95:
            return f"{number:.1f} {unit}"
        if number < 999.5:
            return f"{number:.0f} {unit}"
    return f"{number:.0f} TB"


def _time(micros: int) -> str:
    return time.strftime("%H:%M:%S", time.localtime(micros // 1_000_000)) + f".{micros // 1000 % 1000:03}"


def _duration_word(summary: Summary) -> str:
    if summary.state == State.RUNNING:
        return "open"
    return "?" if summary.ended is None else duration(summary.ended)


def _remarks(summary: Summary, look: Look) -> list[tuple[str, str]]:
    """Return what follows a line's columns: what it repeats, caller, upgrade, and what went wrong and by whom."""
    again = f"{look.arrows[3]} {summary.parent}" if summary.parent else ""
    caller = f"{safe(summary.caller)} {summary.caller_pid or ''}".strip() if summary.caller else ""
    device = f"{safe(summary.device)} ({safe(summary.rule)})" if summary.device else ""
    upgrade = f"{safe(summary.upgrade)}, {summary.messages} messages" if summary.upgrade else ""
    failure = f"{summary.fault}: {safe(summary.error)}" if summary.fault else ""
    cut = "interrupted" if summary.state == State.INTERRUPTED else ""
    return [(again, CYAN), (device, ""), (caller, ""), (upgrade, MAGENTA), (failure, RED), (cut, YELLOW)]


def _status_colour(summary: Summary) -> str:
    if summary.status is None:
        return DIM
    return {1: MAGENTA, 2: GREEN, 3: CYAN, 4: YELLOW, 5: RED}.get(summary.status // 100, "")


def _slow_colour(summary: Summary) -> str:
    taken = summary.ended or 0
    if summary.upgrade or taken < SLOW:
        return ""  # a conversation is not slow, it is long
    return YELLOW if taken < VERY_SLOW else RED


def _shorten(text: str, room: int, dots: str) -> str:
    """Return text in so many columns: the beginning says which service, the end which thing, so the middle goes."""
    if len(text) <= room:
        return text
    tail = room // 3
    return text[: room - tail - 1] + dots + text[-tail:]


def _escaped(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
