"""Share, shown: what a person at the terminal sees of it: where, to whom, until when, and a code for a phone's camera."""

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tunnel.cli.keys import Keys
from tunnel.cli.lines import BOLD, CYAN, DIM, GREEN, RED, YELLOW, Look, json_text, look_of, paint, safe
from tunnel.cli.printed import Printed
from tunnel.cli.share_questions import Questions
from tunnel.model.share import Access, Happening, Question, Share
from tunnel.rules.admission import often
from tunnel.share.words import fingerprint_pairs, fingerprint_words
from tunnel.terminal import Shared, Started

_RULES = {
    Access.PAIRING: "a device that opens the link asks, and you say yes or no here",
    Access.PASSWORD: "who knows the password is let in",
    Access.TOKEN: "who sends the token is let in",
    Access.CERTIFICATE: "who has a client certificate is let in; make one: tunnel cert --client NAME",
    Access.OPEN: "EVERYBODY who reaches it is let in",
}
_COLOURS = {
    "admitted": GREEN,
    "refused": YELLOW,
    "locked out": RED,
    "ends soon": YELLOW,
    "ended": YELLOW,
}
_QUIET_ZONE = 4  # modules of nothing around a code (ISO/IEC 18004 §9.1)
_HALVES = " ▄▀█"  # lower half and upper half: a character is two modules
_BLACK_ON_WHITE = "38;5;16;48;5;231"  # whatever the terminal's own colours are


class Shown(Printed):
    """Prints a share's front.

    Args:
      qr: Show a QR code, where there is room for one.
    """

    def __init__(self, folder: Path, *, as_json: bool, quiet: bool, qr: bool) -> None:
        super().__init__(folder, as_json=as_json, quiet=quiet)
        self._qr = qr
        keys = None
        if not self._json and not self._piped and sys.stdin.isatty():
            keys = Keys(sys.stdin.fileno())
        foot = None if keys is None or os.environ.get("TERM") == "dumb" else self._printer.foot
        self._questions = Questions(keys, self._say, foot, lambda: look_of(self._words).width)

    def told(self, started: Started) -> dict[str, object]:
        """Return what `--json` says first."""
        told = super().told(started)
        return told | {"share": _fields(started.shared, time.time())} if started.shared else told

    def started(self, started: Started) -> None:
        """See `Terminal.started`. The code comes last: it is as high as a small window."""
        super().started(started)
        if started.shared is None:
            return
        if started.shared.share.access is Access.PAIRING:
            self._say(paint(f"open it by camera, or type: {started.shared.link}", CYAN, self._look))
        self._draw(started.shared.link)

    def began(self, started: Started) -> None:
        """Say what a share is, behind where it is."""
        if started.shared is not None:
            for text, colour in lines(started.shared, time.time()):
                self._say(paint(text, colour, self._look))

    def link(self, link: str) -> None:
        """See `Terminal.link`."""
        if self._json:
            self._printer.say(json_text({"event": "share", "what": "link", "link": link}))
            return
        self._say(paint(f"that link is used up; for one more device: {link}", CYAN, self._look))
        self._draw(link)

    def _draw(self, link: str) -> None:
        if self._qr and not self._json and self._words.isatty():
            for text in code(link, look_of(self._words), getattr(self._words, "encoding", "") or "ascii"):
                self._say(text)

    def happened(self, happening: Happening) -> None:
        """See `Terminal.happened`."""
        if self._json:
            told = {"event": "share", "what": happening.what, "device": happening.name, "address": happening.address}
            self._printer.say(json_text(told | {"sentence": happening.sentence}))
        elif happening.what != "asked":  # that is the question's own line
            self._say(paint(safe(happening.sentence), _COLOURS.get(happening.what, ""), self._look))

    def questions(self, questions: Sequence[Question], answer: Callable[[int, bool], None]) -> None:
        """See `Terminal.questions`."""
        self._questions.now(questions, answer)

    def close(self) -> None:
        """Ask nothing any more, and print what is left."""
        self._questions.close()
        super().close()


def lines(shared: Shared, now: float) -> Iterator[tuple[str, str]]:
    """Return what is said of a share, each line with its colour."""
    share = shared.share
    loud = f"{BOLD};{RED}"
    if share.announce and len(shared.urls) > 1:
        yield f"also {shared.urls[1]}", DIM
    if share.more:
        yield f"also {shared.urls[-1]}, the same by IPv6", DIM
    yield (
        f"shared on {safe(share.interface)} with {' and '.join(map(str, share.networks))}: {_RULES[share.access]}",
        (loud if share.access is Access.OPEN else ""),
    )
    if share.yes and share.access is Access.PAIRING:
        yield "whoever holds the link is let in, without a question (--yes)", YELLOW
    if share.access is Access.TOKEN:
        yield f"Authorization: Bearer {share.token}", ""
    if rules := "; ".join(_more(share)):
        yield rules, ""
    if share.seconds:
        yield f"until {_clock(now + share.seconds, now)}; longer: tunnel share extend 30m; at once: Ctrl-C", ""
    else:
        yield "FOR EVER: it ends when you end it, with Ctrl-C or tunnel share stop", loud
    yield f"the authority's fingerprint: {fingerprint_words(shared.fingerprint)}", ""
    pairs = fingerprint_pairs(shared.fingerprint)
    yield f"{pairs[:47]} {pairs[48:]}", DIM  # a blank in its middle, where a narrow terminal may break it
    yield f"a device that warns of the certificate is told what to do at {_plain(shared.urls[0])}", DIM


def _plain(url: str) -> str:
    """Return the address of the page that hands out the root."""
    return "http" + url.removeprefix("https")


def _more(share: Share) -> Iterator[str]:
    """Return what else holds of a share, a few words each."""
    if share.read_only:
        yield "read-only" + (", WebSockets too" if share.upgrades else "")
    if share.paths:
        yield f"only {', '.join(map(safe, share.paths))}"
    if share.allow:
        yield f"only from {', '.join(map(str, share.allow))}"
    if share.deny:
        yield f"not from {', '.join(map(str, share.deny))}"
    if share.rate:
        yield f"{often(share.rate)} for each device"


def code(text: str, look: Look, encoding: str) -> Sequence[str]:
    """Return a QR code as lines of half blocks; none where it does not fit, or cannot be written.

    Args:
      text: What a camera reads.
      look: Of the terminal; with colours it is black on white, without them drawn for a dark one.
      encoding: Of the terminal.
    """
    import segno  # by a share alone, and only where somebody looks

    matrix = segno.make(text, error="l", micro=False).matrix_iter(border=_QUIET_ZONE)
    rows = [[bool(module) for module in row] for row in matrix]
    if len(rows[0]) > look.width:
        return []
    try:
        _HALVES.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return []
    if not look.colour:
        rows = [[not module for module in row] for row in rows]
    if len(rows) % 2:
        rows.append([not look.colour] * len(rows[0]))
    pairs = zip(rows[::2], rows[1::2], strict=True)
    return [
        paint("".join(_HALVES[2 * up + down] for up, down in zip(*pair, strict=True)), _BLACK_ON_WHITE, look)
        for pair in pairs
    ]


def _fields(shared: Shared, now: float) -> dict[str, object]:
    """Return what a program wants to know of a share. The keys are a promise (docs/share.md)."""
    share = shared.share
    return {
        "urls": list(shared.urls),
        "link": shared.link,
        "access": share.access.value,
        "interface": share.interface,
        "network": str(share.network),
        "networks": [str(network) for network in share.networks],
        "ends": int(now + share.seconds) if share.seconds else None,
        "fingerprint": shared.fingerprint,
        "fingerprint_words": fingerprint_words(shared.fingerprint),
        "token": share.token,
    }


def _clock(at: float, now: float) -> str:
    """Return a time by the clock on the wall, with its day where that is not today's."""
    today = time.strftime("%Y-%m-%d", time.localtime(now)) == time.strftime("%Y-%m-%d", time.localtime(at))
    return time.strftime("%H:%M:%S" if today else "%A %H:%M", time.localtime(at))
