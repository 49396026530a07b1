"""Patterns: regular expressions of people, run so that none can hold up the process. The one file that knows `regex`.

A pattern of a few characters can take years on a short text, and the standard library's matching can neither be stopped nor
does it let other threads run meanwhile. This one ends after `PATIENCE`, and the way's thread goes on beside it.
"""

from functools import lru_cache
from typing import TYPE_CHECKING

from tunnel.errors import UsageError

if TYPE_CHECKING:
    import regex

PATIENCE = 0.5  # seconds for one text; they are a mebibyte at most, and a common pattern takes milliseconds
MOST_PATTERN = 500  # characters


class PatternError(ValueError):
    """A pattern that is none; `at` is the place in it, or None."""

    def __init__(self, what: str, at: int | None) -> None:
        super().__init__(what)
        self.at = at


class TooSlow(UsageError):
    """A pattern or a filter took longer than anybody would wait."""


class Pattern:
    """One pattern, without regard to case, in which ^ and $ stand for the ends of a line."""

    def __init__(self, pattern: str) -> None:
        """Compile it.

        Raises: PatternError.
        """
        self.pattern = pattern
        self._compiled = _compiled(pattern)

    def found_in(self, text: str) -> bool:
        """Whether it matches anywhere in a text.

        Raises: TooSlow, it takes more than `PATIENCE`.
        """
        try:
            return self._compiled.search(text, timeout=PATIENCE) is not None
        except TimeoutError:
            raise TooSlow(
                f"the pattern {self.pattern!r} takes too long on a text of {len(text)} characters",
                hint="make it plainer: no repetition within a repetition, or begin with letters that must be there",
            ) from None


@lru_cache(maxsize=64)
def _compiled(pattern: str) -> "regex.Pattern[str]":
    import regex  # 15 ms, for those who use a pattern

    if len(pattern) > MOST_PATTERN:
        raise PatternError(f"the pattern is {len(pattern)} characters long, and {MOST_PATTERN} are allowed", None)
    try:
        return regex.compile(pattern, regex.IGNORECASE | regex.MULTILINE | regex.VERSION0, cache_pattern=False)
    except regex.error as error:
        raise PatternError(str(getattr(error, "msg", error)), getattr(error, "pos", None)) from None
    except (ValueError, OverflowError, RecursionError, MemoryError, KeyError, IndexError, TypeError) as error:
        raise PatternError(f"{error}" or type(error).__name__, None) from None
