"""Quantities: numbers with a unit, as people write them, both ways: "300ms", "5m", "64KiB"."""

import re
from collections.abc import Mapping

from tunnel.model.config import GIB, KIB, MIB

SECONDS: Mapping[str, float] = {"ms": 0.001, "s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}
BYTES: Mapping[str, float] = {
    "b": 1, "bytes": 1, "kb": 1000, "mb": 1000**2, "gb": 1000**3, "k": KIB, "m": MIB, "g": GIB,
    "kib": KIB, "mib": MIB, "gib": GIB,
}  # fmt: skip
_MOST = 1e18  # far beyond any duration or size that is meant


def parse_quantity(value: object, units: Mapping[str, float], default: str) -> float:
    """Read a number with a unit.

    Args:
      value: A number, or text like "2.5s".
      units: What each unit, in lower case, is worth.
      default: The unit of a bare number.

    Raises:
      ValueError: It is none, negative or without end.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        number: float = value
        unit = default
    else:
        match = re.fullmatch(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]*)\s*", str(value))
        if not match:
            raise ValueError(value)
        number, unit = float(match[1]), match[2].lower() or default
    # Compared as it is, since an integer in TOML may be larger than any float.
    if unit not in units or not 0 <= number <= _MOST or number * units[unit] > _MOST:
        raise ValueError(value)
    return float(number * units[unit])


def show_quantity(value: float, unit: str) -> str:
    """Return a setting's value as a person would write it: "64 KiB", "15 s", "200".

    Args:
      value: In the setting's own unit.
      unit: "bytes", "seconds", or empty.
    """
    match unit:
        case "bytes":
            for name, size in (("GiB", GIB), ("MiB", MIB), ("KiB", KIB)):
                if value and value % size == 0:
                    return f"{int(value // size)} {name}"
            return f"{int(value)} bytes" if value else "0"
        case "seconds":
            for name, length in (("d", 86400), ("h", 3600), ("min", 60)):
                if value >= 2 * length and value % length == 0:
                    return f"{value / length:.15g} {name}"
            return f"{value:.15g} s"
        case _:
            return f"{value:.15g}"
