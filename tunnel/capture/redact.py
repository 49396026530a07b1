"""Redact: a text with its secrets hidden. What a secret is, is for `secret_shapes` and `secret_values`.

    redact_spans.found_in ─▶ redact_spans.replaced ─▶ once more, until nothing is found

Since a pseudonym is final, two laws follow whatever the readings say:

- What was hidden comes back. No secret has a pseudonym of ours in it, so each stands for a part of the text that came.
- Twice is once. Where a secret had quotation marks or brackets in it, the rest may read otherwise without them; so the text
  is read until a reading finds nothing more. Each leaves less of the text that is no pseudonym, so there is a last one.

A pseudonym in traffic is not ours, whoever sent it: with `fresh` it is a secret like others, and gets one of its own.
"""

from collections.abc import Callable
from functools import partial

from tunnel.capture.breath import Pause, never
from tunnel.capture.redact_pieces import SLICE, Redaction
from tunnel.capture.redact_spans import Hide, blotted, found_in, replaced

# Readings of one text. Two are the common ones, of which the second finds nothing; a text that needs many was made for that,
# and is not worth the time.
ROUNDS = 10


def redact(
    text: bytes,
    hide: Hide,
    *,
    form: bool = False,
    cut: bool = False,
    fresh: bool = False,
    pause: Pause = never,
    size: int = SLICE,
) -> bytes:
    """Return a text, which is here whole, without its secrets; the text itself where there are none.

    Args:
      text: All of it.
      hide: Is given each secret.
      form: It is a form's (application/x-www-form-urlencoded).
      cut: More of it passed than there is, so its end may be the beginning of a secret.
      fresh: It passed: no pseudonym in it is ours.
      pause: Called every few steps.
      size: Bytes of a slice.
    """
    if len(text) <= size:
        found = found_in(text, form, cut, fresh=fresh, pause=pause)
        if not found:
            return text  # the common one
        done = replaced(text, 0, found, hide, fresh=fresh, pause=pause)
    else:
        done = Redaction(hide, form=form, fresh=fresh, size=size).feed(text, last=True, cut=cut, pause=pause)
    if done is text or done == text:
        return text
    return settled(done, partial(_again, hide=hide, form=form, cut=cut, pause=pause, size=size), hide)


def settled(
    text: bytes, step: Callable[[bytes], bytes], hide: Hide, blot: Callable[[bytes, Hide], bytes] | None = None
) -> bytes:
    """Return what steps make of a text until one makes nothing more of it. Each pseudonym in it is ours.

    Args:
      text: After a first step.
      step: Puts pseudonyms in the place of what is no part of one.
      hide: Gives pseudonyms.
      blot: Hides all that is left, where `ROUNDS` steps were not enough; `blotted`, if none is given.
    """
    for _ in range(ROUNDS):
        done = step(text)
        if done is text or done == text:
            return text
        text = done
    return (blot or blotted)(text, hide)


def _again(text: bytes, *, hide: Hide, form: bool, cut: bool, pause: Pause, size: int) -> bytes:
    if len(text) <= size:
        return replaced(text, 0, found_in(text, form, cut, pause=pause), hide, pause=pause)
    return Redaction(hide, form=form, size=size).feed(text, last=True, cut=cut, pause=pause)
