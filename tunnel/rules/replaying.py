"""Replaying: what of a recorded request is sent again, and what is made anew. How it is sent is for `proxy.replay`.

    recalled ─▶ addressed, edited ─▶ (rules.request_text, where a person edits it) ─▶ planned

Fields go as the client sent them, less those of its connection. The length is made from the body, the Host is kept for a
front and replaced where the request goes elsewhere, and a front is told by a mark what is repeated.
"""

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain
from urllib.parse import quote

from tunnel.errors import TunnelError, UsageError
from tunnel.model.address import Target
from tunnel.model.exchange import Exchange
from tunnel.model.headers import Field, Headers
from tunnel.model.own import MARK
from tunnel.model.pseudonym import BEGINNING, PSEUDONYM
from tunnel.model.replay import NOT_SENT, Draft, ReplayPlan
from tunnel.rules.forwarding import of_one_hop

_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_TARGET = re.compile(rb"/[!-~]*|\*")
_VALUE = re.compile(rb"[\t -~\x80-\xff]*")
_MADE_ANEW = frozenset((b"content-length", MARK.lower(), b"trailer"))
# `Expect` asks for a pause between head and body, and they leave together here (RFC 9110 §10.1.1).
_OF_THE_SENDING = frozenset((b"expect", b"proxy-authorization"))
_LENGTH_EXPECTED = frozenset((b"POST", b"PUT", b"PATCH"))  # even of an empty body (RFC 9110 §8.6)


def _as_base64(word: bytes) -> list[bytes]:
    """Return what stands for a word in base64, for each of the three ways in which it may lie in it (RFC 4648 §4)."""
    found = []
    for before in range(3):
        coded = base64.b64encode(b"\0" * before + word)
        # Characters that hold bits of what comes before or behind are left out.
        found.append(coded[-(-8 * before // 6) : 8 * (before + len(word)) // 6])
    return found


# What stands for a secret that was not stored (`capture.pseudonyms`). Inside base64, as in Basic credentials, it looks
# otherwise.
_PSEUDONYM = re.compile(PSEUDONYM.pattern + b"|" + b"|".join(map(re.escape, _as_base64(BEGINNING))))


@dataclass(frozen=True, slots=True)
class Edits:
    """What is to be otherwise than it was recorded; None and empty change nothing.

    Attributes:
      set: Fields that take the place of all of their name, or are added.
      remove: Names of fields, in any case.
    """

    method: bytes | None = None
    target: bytes | None = None
    set: tuple[Field, ...] = ()
    remove: tuple[bytes, ...] = ()
    body: bytes | None = None


def recalled(
    exchange: Exchange, fields: Headers, kept: bytes, *, body: bytes | None = None, force: bool = False
) -> Draft:
    """Return a recorded request as it can be sent again.

    Args:
      exchange: What was recorded.
      fields: Of its request's head, as they came.
      kept: Of its request's body.
      body: To be sent instead, so that it does not matter how much was kept.
      force: Send what was kept, even if that is not all.

    Raises:
      TunnelError: It cannot be sent again, and what can be done instead.
    """
    if not exchange.method:
        raise _not_sent(exchange, "no request could be read there", "see what came: `tunnel show {id}`")
    if exchange.upgrade or b"websocket" in fields.tokens(b"upgrade"):
        raise _not_sent(
            exchange,
            f"it asked for {exchange.upgrade or 'websocket'}, a conversation, and only a request can be repeated",
            "see its messages: `tunnel show {id}`",
        )
    if body is None and not force:
        _refuse_a_part(exchange, fields)
    dropped = of_one_hop(fields) | _MADE_ANEW | _OF_THE_SENDING
    if body is not None:
        dropped |= {b"content-encoding"}  # of the body that was; the one given is sent as it is
    host = exchange.host.encode("latin-1")
    # Of a target in absolute form the authority is the Host, whatever the field says; the record has made them agree.
    kept_fields = [
        (name, host if lower == b"host" and host else value)
        for lower, (name, value) in zip(fields.names, fields, strict=True)
        if lower not in dropped
    ]
    if host and b"host" not in fields:
        kept_fields.insert(0, (b"Host", host))
    return Draft(
        exchange.method.encode("latin-1"),
        exchange.target.encode("latin-1"),
        Headers(kept_fields),
        kept if body is None else body,
    )


def _refuse_a_part(exchange: Exchange, fields: Headers) -> None:
    came = exchange.request
    announced = b"transfer-encoding" in fields or (fields.get(b"content-length") or b"0").strip(b"0") != b""
    if came.whole and not (announced and exchange.request_trailers is None):
        return
    what = f"of its body only {came.kept} of {came.size} bytes were kept"
    if came.whole:
        what = f"its body had not come to its end, and only {came.kept} bytes of it were kept"
    raise _not_sent(
        exchange,
        what,
        "give the whole of it: `tunnel replay {id} --body @FILE`; or send what there is: --force",
    )


def addressed(draft: Draft, place: Target) -> Draft:
    """Return a draft for another place than the front: with that one's own Host."""
    return replace(draft, headers=_with(draft.headers, [(b"Host", place.authority.encode("latin-1"))]))


def edited(draft: Draft, edits: Edits) -> Draft:
    """Return a draft with edits.

    Raises:
      UsageError: A value that no request can have, or one that is made here.
    """
    if edits.method is not None:
        check_method(edits.method)
    if edits.target is not None:
        check_target(edits.target)
    for name, value in edits.set:
        check_field(name, value)
    headers = draft.headers.without(*(name.lower() for name in edits.remove))
    return Draft(
        draft.method if edits.method is None else edits.method,
        draft.target if edits.target is None else edits.target,
        _with(headers, edits.set) if edits.set else headers,
        draft.body if edits.body is None else edits.body,
    )


def _with(headers: Headers, fields: Sequence[Field]) -> Headers:
    """Return headers in which fields take the place of all of their names, where the first of these stood."""
    new: dict[bytes, list[Field]] = {}
    for name, value in fields:
        new.setdefault(name.lower(), []).append((name, value))
    found: list[Field] = []
    for lower, field in zip(headers.names, headers, strict=True):
        if lower in new:
            found += new[lower]
            new[lower] = []
        else:
            found.append(field)
    return Headers([*found, *chain.from_iterable(new.values())])


def check_method(method: bytes) -> None:
    """Refuse what is no method, and the one that is no business of ours.

    Raises: UsageError.
    """
    if not _TOKEN.fullmatch(method):
        raise UsageError(f"{_shown(method)} is not a method", hint="name one like GET or POST, without spaces")
    if method == b"CONNECT":
        raise UsageError("CONNECT is for forward proxies, and this is not one", hint="name a method like GET or POST")


def check_target(target: bytes) -> None:
    """Refuse what is no path with a query.

    Raises: UsageError.
    """
    if _TARGET.fullmatch(target):
        return
    coded = quote(target, safe="/?#[]@!$&'()*+,;=:%-._~|\"<>{}^`\\")
    hint = (
        f"percent-encode it: {coded}"
        if coded.startswith("/")
        else "name one that begins with a slash, like /api/items?x=1"
    )
    raise UsageError(f"{_shown(target)} is not a path that can be asked for", hint=hint)


def check_field(name: bytes, value: bytes) -> None:
    """Refuse what is no field, and those that are made here from the body and for the connection.

    Raises: UsageError.
    """
    if not _TOKEN.fullmatch(name):
        raise UsageError(
            f"{_shown(name)} is not the name of a header field", hint="write one like: --set-header 'Accept: text/html'"
        )
    if not _VALUE.fullmatch(value):
        raise UsageError(
            f"the value of {_shown(name)} holds a control character", hint="leave out line ends and the like"
        )
    lower = name.lower()
    if lower in of_one_hop(Headers()) or lower in _MADE_ANEW:
        raise UsageError(
            f"{_shown(name)} cannot be given: it is made from the body, or for the connection", hint="leave it out"
        )


def pseudonyms(draft: Draft) -> tuple[str, ...]:
    """Return where a draft holds what stands for a secret: "the target", names of fields, "the body"."""
    found = ["the target"] if _PSEUDONYM.search(draft.target) else []
    for name, value in draft.headers:
        shown = name.decode("latin-1")
        if shown not in found and _PSEUDONYM.search(value):
            found.append(shown)
    return (*found, "the body") if _PSEUDONYM.search(draft.body) else tuple(found)


def no_secrets(id: int, where: tuple[str, ...], why: str) -> TunnelError:
    """Say that the secrets of a request cannot be sent, and how to give them.

    Args:
      id: Of the exchange.
      where: What `pseudonyms` found.
      why: What has become of them, as a sentence without a full stop.
    """
    give = " ".join(_giving(name) for name in where)
    return TunnelError(
        f"exchange {id} is not sent again: it holds secrets in {_listed(where)}, and {why}",
        hint=f"give them: `tunnel replay {id} {give}`; or send what stands for them: --force",
        exit_code=NOT_SENT,
    )


def _giving(where: str) -> str:
    match where:
        case "the target":
            return "--target '/…'"
        case "the body":
            return "--body @FILE"
        case name:
            return f"--set-header '{name}: …'"


def _listed(names: tuple[str, ...]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def planned(draft: Draft, *, parent: int, place: Target, front: bool, patience: float) -> ReplayPlan:
    """Return what is sent: framed by its body, addressed, and marked if it goes to a front.

    Args:
      draft: What is to be said.
      parent: The exchange that it repeats, or 0.
      place: Where it goes.
      front: Whether that is a front of ours.
      patience: Seconds for all of it.

    Raises:
      UsageError: It holds what no request can: the record may have been imported from a stranger's file.
    """
    check_method(draft.method)
    check_target(draft.target)
    fields = [field for lower, field in zip(draft.headers.names, draft.headers, strict=True) if lower not in _MADE_ANEW]
    for name, value in fields:
        check_field(name, value)
    if b"host" not in draft.headers:
        fields.insert(0, (b"Host", place.authority.encode("latin-1")))
    if draft.body or draft.method in _LENGTH_EXPECTED:
        fields.append((b"Content-Length", b"%d" % len(draft.body)))
    if front and parent:
        fields.append((MARK, b"%d" % parent))
    return ReplayPlan(parent, draft.method, draft.target, Headers(fields), draft.body, place, front, patience)


def _not_sent(exchange: Exchange, what: str, hint: str) -> TunnelError:
    return TunnelError(
        f"exchange {exchange.id} is not sent again: {what}", hint=hint.format(id=exchange.id), exit_code=NOT_SENT
    )


def _shown(value: bytes) -> str:
    return repr(value[:80].decode("utf-8", "backslashreplace"))
