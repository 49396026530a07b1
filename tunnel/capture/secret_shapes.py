"""Secret shapes: what is a secret by its look alone, wherever it stands: keys with a prefix, JWTs, PEM, user:password@.

The prefixes are those that their issuers publish and that gitleaks (gitleaks/gitleaks, config/gitleaks.toml) and
detect-secrets (Yelp/detect-secrets, plugins/) look for. Each pattern is linear: a prefix, then one class of characters.

Looking is cheap where there is nothing: every shape but a few holds a run of twenty letters and digits, and whether there is
such a run is asked of a translated copy, in which all of them are the same letter: 1 µs per KiB, where a pattern takes 10.
"""

import base64
import binascii
import itertools
import re
from collections.abc import Iterator
from typing import NamedTuple

from tunnel.capture.breath import FEW, Pause, never

MOST_SECRET = 16 * 1024  # bytes of one secret: what is longer is none, or is hidden piece by piece


class Span(NamedTuple):
    """Where a secret lies in a text: from `start` up to `end`; a number of JSON needs the `quote` that its name has."""

    start: int
    end: int
    quote: bytes = b""


_RUN = b"a" * 20
_ALIKE = bytes(97 if chr(byte).isascii() and (chr(byte).isalnum() or byte in b"_-") else 32 for byte in range(256))
# The characters of a token, by which a piece of text may end within one.
TOKEN = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-+/=.~%"

# Prefixes, what must hold of what follows, what follows, how many of it. No shape begins within a word; an escape (\n)
# before it is no word.
_PREFIXED = (
    # Amazon, Google
    ("AKIA ASIA ABIA ACCA", rb"", rb"[A-Z2-7]", 16),
    ("AIza", rb"", rb"[\w-]", 35),
    ("ya29.", rb"", rb"[\w.-]", 20),
    ("GOCSPX-", rb"", rb"[\w-]", 20),
    # GitHub, GitLab, package registries
    ("ghp_ gho_ ghu_ ghs_ ghr_", rb"", rb"[A-Za-z0-9]", 30),
    ("github_pat_", rb"", rb"[A-Za-z0-9_]", 22),
    ("glpat- gldt- glrt- glcbt- glptt- glft- glimt- glagent- glsoat- glffct- gloas-", rb"", rb"[\w.-]", 20),
    ("npm_", rb"", rb"[A-Za-z0-9]", 30),
    ("pypi-", rb"", rb"[\w-]", 50),
    ("rubygems_", rb"", rb"[a-f0-9]", 40),
    ("dckr_pat_ dckr_oat_", rb"", rb"[\w-]", 20),
    # Messages, payments
    ("xoxa- xoxb- xoxc- xoxe- xoxo- xoxp- xoxr- xoxs- xapp-", rb"", rb"[\w.-]", 10),
    ("sk_live_ sk_test_ sk_prod_ rk_live_ rk_test_ rk_prod_", rb"", rb"[A-Za-z0-9]", 10),
    ("whsec_", rb"", rb"[A-Za-z0-9+/=]", 24),
    ("sq0atp- sq0csp-", rb"", rb"[\w-]", 22),
    ("SG.", rb"", rb"[\w.-]", 40),
    ("SK key-", rb"(?=[0-9a-f]{32}(?![0-9a-z]))", rb"[0-9a-f]", 32),
    # Models
    ("sk-ant-", rb"", rb"[\w-]", 20),
    ("sk-", rb"(?=[\w-]{0,200}[0-9])(?=[\w-]{0,200}[A-Z])", rb"[\w-]", 20),
    ("hf_ gsk_ r8_", rb"", rb"[A-Za-z0-9]", 30),
    ("xai- pplx-", rb"", rb"[A-Za-z0-9]", 40),
    # Clouds, shops, tools
    ("doo_v1_ dop_v1_ dor_v1_", rb"", rb"[a-f0-9]", 40),
    ("dapi", rb"(?=[a-f0-9]{32})", rb"[a-f0-9-]", 32),
    ("shpat_ shpca_ shppa_ shpss_", rb"", rb"[A-Fa-f0-9]", 32),
    ("hvs. hvb. hvr.", rb"", rb"[\w-]", 24),
    ("glsa_ glc_ lin_api_ pscale_tkn_ pscale_pw_ sbp_ ntn_ figd_ sntrys_ sntryu_ nfp_ PMAK- NRAK- HRKU-", rb"",
     rb"[\w.=+/-]", 20),
    ("ATATT3", rb"", rb"[\w=-]", 50),
    ("AGE-SECRET-KEY-1", rb"", rb"[0-9A-Z]", 50),
)  # fmt: skip
# By what stands before: a bot's token of Telegram, the addresses of webhooks of Slack and Discord.
_PLACED = (
    (rb"(?<=[0-9]:)AA", rb"[\w-]", 33),
    (rb"(?<=hooks\.slack\.com/services/)T", rb"[\w/]", 20),
    (rb"(?<=/api/webhooks/[0-9]{18}/|api/webhooks/[0-9]{19}/)", rb"[\w-]", 60),
)


def _patterns() -> list[tuple[bytes, bytes, int]]:
    """Return prefix, what follows, how many of it."""
    found = list(_PLACED)
    for words, ahead, what, least in _PREFIXED:
        found.append(
            (b"(?:%b)%b" % (b"|".join(re.escape(word.encode()) for word in words.split()), ahead), what, least)
        )
    return found


_BEGINNINGS = frozenset(
    word[:size].encode()
    for words, *_ in (*_PREFIXED, ("eyJ",))
    for word in words.split()
    for size in range(1, len(word) + 1)
)
_LONGEST_BEGINNING = max(map(len, _BEGINNINGS))
_BEFORE = rb"(?:(?<![A-Za-z0-9])|(?<=\\[nrtbf]))"
_PREFIX = re.compile(_BEFORE + rb"(?:eyJ|" + b"|".join(prefix for prefix, _, _ in _patterns()) + b")")
_JWT = rb"eyJ[\w-]{4,}+\.eyJ[\w-]{4,}+\.([\w-]%b)"  # RFC 7515: header and claims are JSON, so both begin so
_JWE = rb"eyJ[\w-]{4,}+\.([\w-]*+\.[\w-]{8,}+\.[\w-]{8,}+\.[\w-]{8,}+)"  # RFC 7516: only its header is readable
_MAPBOX = rb"eyJ[\w-]{20,}+\.([\w-]{20,}+)(?![\w.-])"


def _whole(cut: bool) -> re.Pattern[bytes]:
    """Return what matches a shape from its prefix on; with `cut`, one that the end of the text cuts short too."""
    body = b"|".join(
        prefix + (rb"(?:%b{%d,}+|%b*+\Z)" if cut else rb"%b{%d,}+") % ((what, least, what) if cut else (what, least))
        for prefix, what, least in _patterns()
    )
    return re.compile(b"|".join((_JWE, _JWT % (b"{1,}+" if cut else b"{8,}+"), _MAPBOX, body)))


_SHAPE, _CUT_SHAPE = _whole(False), _whole(True)
JWT = re.compile(_JWT % b"+" + rb"\Z")
_BEARER = re.compile(rb"[Bb](?:earer|EARER)(?: |\+|%20)((?=[\w.~+/-]{0,200}[0-9])[\w.~+/-]{20,}+=*)")
_OPEN_SCHEME = re.compile(rb"(?:earer|EARER|asic|ASIC)(?: |\+|%20)\Z")
_BASIC = re.compile(rb"\b[Bb](?:asic|ASIC)(?: |\+|%20)([A-Za-z0-9+/]{8,}+={0,2})")
_USERINFO = re.compile(rb"://([^\s/?#@\"'<>\\:]{0,100}):([^\s/?#\"'<>\\]{1,200})@")
_AZURE = re.compile(rb"(?:(?<![\w~.-])|(?<=\\[nrt]))([\w~.]{3}[0-9]Q~[\w~.-]{31,34})(?![\w~.-])")
_PEM = re.compile(rb"-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----")
# What it has taken it never has to give back, since nothing follows. Said to be possessive (*+), it took next to nothing
# with Python 3.11.0 to 3.11.4 (gh-106052), which Debian 12 has.
_INSIDE_PEM = re.compile(rb"(?:[\w+/=:,.\s]+|\\{1,15}[nr]|-(?!-))*")
_EDGES = re.compile(rb"(?:\s|\\{1,15}[nr])*")
_ENDING = re.compile(rb"(?:\s|\\{1,15}[nr])+\Z")
OPEN_USERINFO = re.compile(rb"://[^\s/?#\"'<>\\]{0,300}\Z")


def open_shape(text: bytes) -> int:
    """Return where a shape may begin that the text's end cuts short; the text's end if none does."""
    run = len(text.rstrip(TOKEN))
    if _PREFIX.search(text, run) or _OPEN_SCHEME.search(text, max(0, run - 10), run):
        return run
    for size in range(min(_LONGEST_BEGINNING, len(text) - run), 0, -1):
        at = len(text) - size
        if text[at:] in _BEGINNINGS and (not text[at - 1 : at].isalnum() or not at or text[at - 2 : at - 1] == b"\\"):
            return at
    return len(text)


def may_hold(text: bytes) -> bool:
    """Whether it is worth looking for shapes; seldom true of what holds none, and never false of what holds one."""
    return (
        _RUN in text.translate(_ALIKE)
        or (b"@" in text and b"://" in text)
        or b"earer" in text
        or b"PRIVATE KEY" in text
        or b"Q~" in text
    )


def shapes(text: bytes, cut: bool, pause: Pause = never) -> Iterator[Span]:
    """Return the secrets that show by their shape, in no order.

    Args:
      text: Where to look.
      cut: More followed it that is not here, so its end may be the beginning of a secret.
      pause: Called every few places.
    """
    yield from _prefixed(text, cut, pause)
    if b"@" in text:
        for found in _USERINFO.finditer(text):
            yield Span(*found.span(2))
    if b"earer" in text or b"EARER" in text:
        for found in _BEARER.finditer(text):
            if not JWT.match(found[1]):  # it stays readable, and is found by its own shape
                yield Span(*found.span(1))
    if b"asic" in text or b"ASIC" in text:
        for found in _BASIC.finditer(text):
            if _is_basic(found[1]):
                yield Span(*found.span(1))
    if b"Q~" in text:
        for found in _AZURE.finditer(text):
            yield Span(*found.span(1))
    if b"PRIVATE KEY" in text:
        yield from _pem(text)


def _prefixed(text: bytes, cut: bool, pause: Pause) -> Iterator[Span]:
    alike = text.translate(_ALIKE)
    whole = _CUT_SHAPE if cut else _SHAPE
    done = 0
    at = alike.find(_RUN)
    for count in itertools.count():
        if at < 0:
            break
        if not count & FEW:
            pause()
        end = alike.find(b" ", at)
        end = len(text) if end < 0 else end
        # The run may be what follows a prefix ("SG.", "ya29.", a webhook's address).
        for prefix in _PREFIX.finditer(text, max(done, at - 32), end):
            if prefix.start() >= done and (found := whole.match(text, prefix.start())):
                done = found.end()
                yield Span(*found.span(found.lastindex or 0))
        at = alike.find(_RUN, max(end, done))
    if cut:  # a run that was cut is shorter
        for prefix in _PREFIX.finditer(text, max(done, len(text) - 64)):
            if found := whole.match(text, prefix.start()):
                yield Span(*found.span(found.lastindex or 0))


def _pem(text: bytes) -> Iterator[Span]:
    for begin in _PEM.finditer(text):
        start = begin.end()
        inside = _INSIDE_PEM.match(text, start, start + MOST_SECRET)
        assert inside is not None, "it matches nothing at least"
        end = inside.end()
        edge = _EDGES.match(text, start, end)
        start = edge.end() if edge else start
        if ending := _ENDING.search(text, max(start, end - 64), end):
            end = ending.start()
        if end > start:
            yield Span(start, end)


def open_pem(text: bytes) -> int:
    """Return where a PEM block begins that has not ended, or -1."""
    at = text.rfind(b"-----BEGIN ", max(0, len(text) - MOST_SECRET))
    return at if at >= 0 and _PEM.match(text, at) and text.find(b"-----END ", at) < 0 else -1


def _is_basic(credentials: bytes) -> bool:
    try:
        return b":" in base64.b64decode(credentials + b"=" * (-len(credentials) % 4), validate=True)
    except binascii.Error:
        return False
