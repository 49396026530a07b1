"""Settings page: docs/settings.md, printed from the fields of `model.config`. `make docs` writes it, a test compares it."""

import dataclasses
from pathlib import Path

from tunnel.cli.quantity import show_quantity
from tunnel.model.config import Keep, Limits

_HEAD = """# Settings

Printed from the code by `make docs`. Each setting is a flag of `tunnel http` and `tunnel example`, and a key in the file
that `--config FILE` names; flags win. Durations are written like `300ms`, `2s`, `5m`, `1h`, `7d` (a bare number is
seconds), sizes like `64KiB`, `10mb`, `1g` (a bare number is bytes).

```toml
target = "3000"
listen = "127.0.0.1:62893"
mode = "https"             # or "plain", "both"
inspector = "127.0.0.1:62894"   # or false
allow_host = ["app.test"]
host_header = "upstream"

[limits]
first_byte = "10m"

[keep]
size = "2GiB"
```

What `tunnel share` reads of it besides, in a table `[share]`, is told in [share](share.md#in-the-config-file).
"""


def settings_page() -> str:
    """Return the page."""
    return _HEAD + _table("limits", "--", Limits) + _table("keep", "--keep-", Keep)


def _table(name: str, prefix: str, kind: type[Limits] | type[Keep]) -> str:
    defaults = kind()
    lines = [f"\n## [{name}]\n", "| flag | key | default | what |", "|---|---|---|---|"]
    for field in dataclasses.fields(kind):
        flag = prefix + field.name.replace("_", "-")
        value = getattr(defaults, field.name)
        default = ("on" if value else "off") if field.type is bool else show_quantity(value, field.metadata["unit"])
        lines.append(f"| `{flag}` | `{field.name}` | {default} | {field.metadata['help']} |")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    Path("docs/settings.md").write_text(settings_page(), encoding="utf-8")
