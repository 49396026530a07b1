"""Noise: what differs between any two exchanges, and says nothing: dates, numbers made for this one, ports, durations.

It is told by its name ("Date", "requestId", "elapsed_ms") or by its shape: two values that become equal once UUIDs, dates,
long hexadecimal numbers, local ports and durations in them are set aside. A pseudonym of a secret ("redacted-…") is never
noise: equal secrets have equal ones.
"""

import re

from tunnel.model.pseudonym import PSEUDONYM

# Whole names, as fields and members are called.
_NAMES = {
    "age", "date", "etag", "expires", "last-modified", "if-modified-since", "if-none-match", "if-range", "retry-after",
    "server-timing", "traceparent", "tracestate", "baggage", "b3", "cf-ray", "x-runtime", "x-timer", "via", "forwarded",
    "sec-websocket-key", "sec-websocket-accept", "tunnel-replay", "report-to", "nel",
    "connection", "keep-alive", "proxy-connection",  # of one connection: a replay has one of its own
}  # fmt: skip
# What a name's last word says, and what the word before "id" does.
_LAST = {
    "date", "time", "timestamp", "ts", "nonce", "uuid", "guid", "ulid", "etag", "port", "pid", "duration", "elapsed",
    "latency", "uptime", "took", "csrf", "runtime",
}  # fmt: skip
_BEFORE_ID = {
    "request", "req", "trace", "span", "correlation", "transaction", "event", "message", "session", "connection",
    "invocation",
}  # fmt: skip
_BEFORE_AT = {
    "created", "updated", "modified", "deleted", "expires", "issued", "started", "ended", "finished", "published", "seen",
}  # fmt: skip
_UNITS = {"ms", "us", "ns", "seconds", "millis", "micros", "nanos"}
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")

_DAY = "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
_SHAPES = [
    (re.compile(PSEUDONYM.pattern.decode()), None),
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", re.IGNORECASE), "<uuid>"),
    (re.compile(r"\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?"), "<date>"),
    (re.compile(rf"\b{_DAY}[a-z]*,? \d\d?[ -][A-Z][a-z]{{2}}[ -]\d{{2,4}} \d\d:\d\d:\d\d GMT"), "<date>"),
    (re.compile(r"\b\d\d:\d\d:\d\d(?:\.\d+)?\b"), "<time>"),
    (re.compile(r"\b1[0-9]{9}(?:[0-9]{3}|[0-9]{6}|[0-9]{9}|\.[0-9]+)?\b"), "<time>"),  # since the epoch, from 2001 to 2033
    (re.compile(r"\b[0-9A-HJKMNP-TV-Z]{26}\b"), "<ulid>"),
    (re.compile(r"\b(?=[0-9a-f]*[0-9])(?=[0-9]*[a-f])[0-9a-f]{16,}\b", re.IGNORECASE), "<hex>"),
    (re.compile(r"(?<=localhost:)\d+|(?<=127\.0\.0\.1:)\d+|(?<=\[::1\]:)\d+"), "<port>"),
    (re.compile(r"\b\d+(?:\.\d+)? ?(?:ns|µs|us|ms|s|sec|seconds)\b"), "<duration>"),
    (re.compile(r"\b(dur|duration|time)=\d+(?:\.\d+)?"), "<duration>"),
]  # fmt: skip
_MOST = 10_000  # characters looked at


def is_noise(name: str, left: str | None, right: str | None) -> bool:
    """Whether two values that differ do so as those of any two exchanges.

    Args:
      name: The field's name, or the JSON path or form field; of a path the last member counts.
      left: The value, or None where there is none; `right` likewise.
    """
    if left is not None and right is not None:
        if len(left) > _MOST or len(right) > _MOST:
            return False
        if "redacted-" in left + right and _bare(left) != _bare(right):
            return False
        if _bare(left) == _bare(right):
            return True
    return _named(name)


def _named(name: str) -> bool:
    name = re.sub(r" \[\d+\]$", "", name)  # the second of its name
    if name.lower() in _NAMES or name.lower().startswith(("x-amzn-trace", "x-b3-", "x-datadog-", "x-cloud-trace")):
        return True
    words = [word.lower() for word in _WORDS.findall(re.split(r"[.\]\[]", name.rstrip(']"'))[-1])]
    match words:
        case [*_, before, "id"]:
            return before in _BEFORE_ID
        case [*_, before, "at"]:
            return before in _BEFORE_AT
        case [*_, before, last] if last in _UNITS:
            return before in _LAST or last in ("millis", "micros", "nanos", "ms")
        case [*_, last]:
            return last in _LAST
        case _:
            return False


def _bare(text: str) -> str:
    """Return a value with what is made for one exchange set aside."""
    kept: list[str] = []

    def keep(match: re.Match[str]) -> str:
        kept.append(match[0])
        return f"\ue000{len(kept) - 1}\ue001"  # private characters: no shape matches them

    for shape, word in _SHAPES:
        text = shape.sub(keep, text) if word is None else shape.sub(word, text)
    return re.sub(
        "\ue000(\\d+)\ue001", lambda match: kept[int(match[1])] if int(match[1]) < len(kept) else match[0], text
    )
