"""Quantities: text like "5m" or "64KiB" is a finite number that is not negative, or a ValueError; shown, it reads the same.

Input: the text in UTF-8.
"""

import math

from tunnel.cli.quantity import BYTES, SECONDS, parse_quantity, show_quantity

WORDS = [
    b"5", b"m", b"s", b"ms", b"min", b"KiB", b"mb", b" ", b".", b"-", b"1e9", b"nan", b"inf", b"_", "５".encode(),
    b"9" * 20,
]  # fmt: skip
SEEDS = [
    b"300ms", b"5m", b"2.5 s", b"64KiB", b"10mb", b"1g", b" 7 d ", b"1_000", b"-1", b"9" * 400, b"9" * 20 + b"d",
    b"0.", b".5", "５".encode(),
]  # fmt: skip


def check(data: bytes) -> None:
    """Raise where the law is broken."""
    text = data.decode("utf-8", "replace")
    for units, default, unit in ((SECONDS, "s", "seconds"), (BYTES, "b", "bytes")):
        try:
            value = parse_quantity(text, units, default)
        except ValueError:
            continue
        assert math.isfinite(value)
        assert value >= 0
        whole = float(int(value)) if unit == "bytes" else value
        shown = show_quantity(whole, unit)
        if "e" not in shown.replace("bytes", ""):  # 1e+20 s is more than anybody means
            assert math.isclose(parse_quantity(shown, units, default), whole, rel_tol=1e-14)
