"""Filters page: docs/filters.md, printed from the table of fields. `make docs` writes it, a test compares it."""

from pathlib import Path

from tunnel.capture.bodytext import SEARCHED
from tunnel.capture.fields import FIELDS, Field, Kind
from tunnel.capture.finding import DEADLINE
from tunnel.capture.patterns import MOST_PATTERN, PATIENCE
from tunnel.capture.query_parse import MOST_TEXT, OPERATORS
from tunnel.model.config import MIB

_HEAD = """# Filters

Printed from the code by `make docs`. One language says which exchanges are meant, wherever that is asked: `tunnel log`, the
page, the API, export, replay.

```sh
tunnel log 'status >= 500'
tunnel log -f 'method = POST and not host = "a.test"'
tunnel log 'path ~ "^/api" duration > 200ms'
tunnel log 'body contains "token" and started > 10m'
tunnel log login
```

Put the whole filter in single quotes: to a shell, `>` and parentheses mean something else.

## The language

- **A comparison** is a field, an operator and a value: `status >= 500`. `contains` looks for a part of a text, `~` for a
  [pattern](#patterns), `in` compares with each of a list: `status in (500, 502)`, `method not in (GET, HEAD)`.
- **`and`, `or`, `not`** and parentheses combine them. `and` may be left out. `not` is the strongest, `or` the weakest:
  `a or not b c` is `a or ((not b) and c)`.
- **A word alone**, or text in quotes, is looked for everywhere: in method, host, target, client, error, status, and both
  heads and bodies.
- **Quotes**, `"…"` or `'…'`, are needed for spaces, parentheses and words like `and`. In them `\\"`, `\\\\`, `\\n`, `\\t`,
  `\\r` and `\\u00e9` are escapes; any other backslash is one, so a pattern is written as usual: `"\\.js$"`.
- **Case** does not matter, anywhere: of text, in patterns, of fields, operators and units. Of what is not ASCII it matters
  in heads, which are bytes, and not in bodies. A pattern asks for it with `(?-i:…)`.
- **What is missing**, such as the status of a request that still waits, equals nothing and is neither more nor less;
  `!=`, `!~` and `not` are true of it. A header field that is not there is empty: `header.origin != ""` asks for one.
- **Where a field has several values**, as `header.accept` and `body` may, one of them suffices; `!=` and `!~` are the
  opposites of `=` and `~`, so they hold if none does.

| kind | how it is written | operators |
|---|---|---|
"""
_WRITTEN = {
    Kind.NUMBER: "`404`",
    Kind.DURATION: "`200ms`, `1.5s`, `2m`, `1h`, `500us`; a unit is needed",
    Kind.SIZE: "`500`, `64kib`, `1.5mb`; kb is 1000 bytes, kib is 1024, a bare number is bytes",
    Kind.TIME: "`10m`, `2d`: so long ago, so `started > 10m` is within the last ten minutes; `09:30`: today; `2026-11-21`,"
    " `2026-11-21T09:30`, with `:05` and `Z` or `+02:00` if wanted, else local. A day is all of it: `started ="
    " 2026-11-21`",
    Kind.TEXT: '`curl`, `/api/items`, `"two words"`',
    Kind.CHOICE: "one of the values in the table",
    Kind.FLAG: "`yes`, `no`",
}
_MIDDLE = """
| field | also | kind | what it is | for example |
|---|---|---|---|---|
"""
_TAIL = f"""
## Bodies

A body is searched as text: its content coding undone, its charset read, the first {SEARCHED // MIB} MiB of it.
Images and other binary data are not searched, nor are the messages of a WebSocket.

The first question about bodies makes an index beside the store, `search.sqlite`, readable by you alone like the store; it
holds only what the store does, and may be deleted at any time. `contains` with three characters or more uses it. What is
not in it yet, shorter words, patterns, and everything where the folder cannot be written, are found by reading.

## Patterns

Regular expressions as Python has them (the library is `regex`), found anywhere in the text; `^` and `$` are the ends of a
line. A pattern may have {MOST_PATTERN} characters and {PATIENCE:g} s for one text: one that needs longer is given up with
a sentence, and holds nothing up meanwhile. A whole question may take {DEADLINE:g} s, a filter have {MOST_TEXT:,} characters.
"""


def filters_page() -> str:
    """Return the page."""
    kinds = [f"| {kind} | {_WRITTEN[kind]} | {' '.join(f'`{op}`' for op in OPERATORS[kind])} |" for kind in Kind]
    return _HEAD + "\n".join(kinds) + "\n\n## The fields\n" + _MIDDLE + "\n".join(map(_line, FIELDS)) + "\n" + _TAIL


def _line(field: Field) -> str:
    also = ", ".join(f"`{alias}`" for alias in field.aliases)
    values = f": {', '.join(f'`{value}`' for value in field.values)}" if field.kind is Kind.CHOICE else ""
    return f"| `{field.name}` | {also} | {field.kind} | {field.help}{values} | `{field.example}` |"


if __name__ == "__main__":
    Path("docs/filters.md").write_text(filters_page(), encoding="utf-8")
