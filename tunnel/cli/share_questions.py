"""Share questions: who wants in is put to the person at the terminal, one after the other, while other lines scroll by.

A question is the terminal's last line, kept there by `cli.live`. What was typed before one was shown is no answer to it: an
Enter that was pressed to make room must not turn anybody away, and a `y` for one must not let in the next.
"""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from tunnel.cli.keys import Ended
from tunnel.cli.share_lines import question_line, question_note
from tunnel.model.share import Question
from tunnel.share.attending import Answer

LOOK_AGAIN = 0.2  # seconds between two looks whether it is still asked
TOO_SOON = 0.5  # seconds in which nobody has read a question: what comes sooner answers something else


class Typed(Protocol):
    """What a person types."""

    def prepare(self) -> None:
        """Called first in the thread that reads."""
        ...

    def forget(self) -> None:
        """Forget what was typed until now."""
        ...

    def line(self, patience: float) -> str | None:
        """Return a line, or None after so many seconds. Raises Ended."""
        ...


class Questions:
    """Asks, in a thread that is begun with the first question.

    Args:
      keys: None where nobody can type an answer; then questions are only told.
      say: Prints a line.
      foot: Keeps a line at the bottom; empty for none. None where that cannot be done, and a question is a line like others.
      width: Of the terminal, now.
    """

    def __init__(
        self,
        keys: Typed | None,
        say: Callable[[str], None],
        foot: Callable[[str], None] | None,
        width: Callable[[], int] = lambda: 0,
    ) -> None:
        self._keys = keys
        self._say = say
        self._foot = foot
        self._width = width
        self._waiting: tuple[Question, ...] = ()
        self._answered: set[int] = set()  # here, and the share may not have heard it yet
        self._told: set[int] = set()
        self._answer: Answer = lambda number, allow: None
        self._changed = threading.Condition()
        self._closing = False
        self._thread: threading.Thread | None = None

    def now(self, questions: Sequence[Question], answer: Answer) -> None:
        """Hear which questions wait. Never waits itself; for any thread.

        Args:
          questions: All of them.
          answer: Takes what was answered.
        """
        with self._changed:
            self._waiting = tuple(questions)
            self._answered &= {question.number for question in questions}
            self._answer = answer
            if self._keys is None:
                self._tell()
            elif questions and self._thread is None:
                self._thread = threading.Thread(target=self._run, args=(self._keys,), name="questions", daemon=True)
                self._thread.start()
            self._changed.notify()

    def close(self, deadline: float = 2.0) -> None:
        """Ask nothing any more. Waits for so many seconds at most."""
        with self._changed:
            self._closing = True
            self._waiting = ()
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(deadline)

    def _run(self, keys: Typed) -> None:
        keys.prepare()
        while (question := self._next()) is not None:
            try:
                self._ask(question, keys)
            except Ended:
                with self._changed:
                    self._keys = None
                    self._tell()
                return
            finally:
                if self._foot is not None:
                    self._foot("")

    def _next(self) -> Question | None:
        """Wait for a question; None where there will be none."""
        with self._changed:
            while not self._closing:
                for question in self._waiting:
                    if question.number not in self._answered:
                        return question
                self._changed.wait()
            return None

    def _ask(self, question: Question, keys: Typed) -> None:
        """Ask one, until it is answered here or nobody asks it any more."""
        shown, since = "", 0.0
        while self._asks(question):
            words = question_line(question, width=self._width(), more=self._behind())
            if words != shown:
                shown = words
                if self._foot is None:
                    self._say(words)
                else:
                    self._foot(words)
            if not since:
                keys.forget()
                since = time.monotonic()
            typed = keys.line(LOOK_AGAIN)
            if typed is None:
                continue
            shown = ""  # Enter has moved it up
            if time.monotonic() - since < TOO_SOON:
                continue
            allow = meant(typed)
            if allow is None:
                self._say(f"{typed[:20]!r} is no answer: y lets it in, n or Enter does not")
                continue
            with self._changed:
                if not self._asks(question):
                    return
                self._answered.add(question.number)
                self._answer(question.number, allow)
            return

    def _asks(self, question: Question) -> bool:
        """Whether a question, as it was shown, still waits: the same number with another code is another device."""
        return any(
            (one.number, one.who, one.address, one.code)
            == (question.number, question.who, question.address, question.code)
            for one in self._waiting
        )

    def _behind(self) -> int:
        return max(len(self._waiting) - len(self._answered) - 1, 0)

    def _tell(self) -> None:
        """Tell of each question once, where nobody can answer here."""
        for question in self._waiting:
            if question.number not in self._told:
                self._say(question_note(question))
        self._told = {question.number for question in self._waiting}


def meant(typed: str) -> bool | None:
    """Return whether a typed line allows; None where it is no answer. Nothing but a clear yes is one. Pure."""
    match typed.strip().lower():
        case "y" | "yes":
            return True
        case "" | "n" | "no":
            return False
    return None
