"""Questions at the terminal: one after the other, nothing typed before is an answer, and only a clear yes lets in."""

import threading
import time
from collections import deque
from dataclasses import replace

import pytest

from tests.capture.making import until
from tests.share.fake_gate import ANOTHER, GALAXY
from tunnel.cli import share_questions
from tunnel.cli.keys import Ended
from tunnel.cli.share_questions import Questions, meant
from tunnel.model.share import Question


class Fingers:
    """Types lines: each when a question has been shown for long enough, unless it is typed at once."""

    def __init__(self) -> None:
        self._typed: deque[str] = deque()
        self._there = threading.Condition()
        self.ended = False
        self.forgot = 0
        self.prepared: list[str] = []

    def prepare(self) -> None:
        self.prepared.append(threading.current_thread().name)

    def forget(self) -> None:
        with self._there:
            self.forgot += 1
            self._typed.clear()

    def type(self, line: str) -> None:
        with self._there:
            self._typed.append(line)
            self._there.notify()

    def end(self) -> None:
        with self._there:
            self.ended = True
            self._there.notify()

    def line(self, patience: float) -> str | None:
        with self._there:
            self._there.wait_for(lambda: self._typed or self.ended, patience)
            if self.ended:
                raise Ended
            return self._typed.popleft() if self._typed else None


class Desk:
    """What a test holds: questions put, lines said, the foot as it was drawn, and answers given."""

    def __init__(self, *, keys: bool = True, foot: bool = True) -> None:
        self.fingers = Fingers()
        self.said: list[str] = []
        self.foots: list[str] = []
        self.answers: list[tuple[int, bool]] = []
        self.waiting: tuple[Question, ...] = ()
        self.questions = Questions(
            self.fingers if keys else None, self.said.append, self.foots.append if foot else None, lambda: 100
        )

    def ask(self, *waiting: Question) -> None:
        self.waiting = waiting
        self.questions.now(waiting, self.answered)

    def answered(self, number: int, allow: bool) -> None:
        self.answers.append((number, allow))

    def shown(self, number: int = 1) -> None:
        """Wait until so many questions have been put, and what was typed before is forgotten."""
        until(lambda: self.fingers.forgot >= number)

    @property
    def foot(self) -> str:
        return self.foots[-1] if self.foots else ""


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(share_questions, "TOO_SOON", 0.0)
    desk = Desk()
    yield desk
    desk.questions.close()


def test_a_question_names_the_device_the_address_and_the_code(desk: Desk) -> None:
    desk.ask(GALAXY)
    desk.shown()

    assert desk.foot == "Galaxy S25, Firefox, 192.0.2.44 wants in, it shows 42: allow? [y/N] "


@pytest.mark.parametrize(("typed", "allow"), [("y", True), ("YES ", True), ("n", False), ("no", False), ("", False)])
def test_an_answer_is_given_and_the_question_goes(desk: Desk, typed: str, allow: bool) -> None:
    desk.ask(GALAXY)
    desk.shown()
    desk.fingers.type(typed)
    until(lambda: desk.answers)
    until(lambda: desk.foot == "")

    assert desk.answers == [(3, allow)]


@pytest.mark.parametrize("typed", ["yy", "yn", "sure", "1", "ja", "y n", "\x1b[A", "allow"])
def test_nothing_but_a_clear_yes_lets_in(typed: str) -> None:
    assert meant(typed) is None


def test_what_is_no_answer_is_told_and_asked_again(desk: Desk) -> None:
    desk.ask(GALAXY)
    desk.shown()
    desk.fingers.type("yy\x1b]0;owned\x07")
    until(lambda: desk.said)
    desk.fingers.type("y")
    until(lambda: desk.answers)

    assert desk.said == [r"'yy\x1b]0;owned\x07' is no answer: y lets it in, n or Enter does not"]


def test_several_are_asked_one_after_the_other_and_how_many_wait_is_said(desk: Desk) -> None:
    desk.ask(GALAXY, ANOTHER)
    desk.shown()
    assert "42; 1 more asks: allow?" in desk.foot
    desk.fingers.type("y")
    until(lambda: desk.answers)
    desk.shown(2)
    assert desk.foot.startswith("curl, 192.0.2.45 wants in, it shows 07")
    desk.fingers.type("n")
    until(lambda: len(desk.answers) == 2)

    assert desk.answers == [(3, True), (4, False)]


def test_what_was_typed_before_a_question_is_no_answer_to_it(desk: Desk) -> None:
    desk.fingers.type("y")
    desk.ask(GALAXY)
    desk.shown()
    desk.fingers.type("n")
    until(lambda: desk.answers)

    assert desk.answers == [(3, False)]


def test_what_comes_sooner_than_anybody_can_read_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(share_questions, "TOO_SOON", 3600.0)
    desk = Desk()
    desk.ask(GALAXY)
    desk.shown()
    desk.fingers.type("y")
    until(lambda: len([text for text in desk.foots if text]) == 2)  # it was heard, and the question is put again
    desk.questions.close()

    assert desk.answers == []


def test_a_question_that_was_answered_elsewhere_goes_and_a_yes_for_it_is_not_for_the_next(desk: Desk) -> None:
    desk.ask(GALAXY, ANOTHER)
    desk.shown()
    desk.ask(ANOTHER)
    desk.fingers.type("y")  # it was meant for the first: the moment that the second is put it is forgotten
    desk.shown(2)
    assert "it shows 07" in desk.foot
    desk.ask()
    until(lambda: desk.foot == "")

    assert desk.answers == []


def test_the_same_number_with_another_code_is_another_question(desk: Desk) -> None:
    desk.ask(GALAXY)
    desk.shown()
    other = replace(GALAXY, code="43")
    desk.ask(other)
    desk.shown(2)

    assert "it shows 43" in desk.foot


def test_where_nobody_can_type_each_question_is_told_once_with_what_answers_it() -> None:
    desk = Desk(keys=False)
    desk.ask(GALAXY)
    desk.ask(GALAXY, ANOTHER)
    desk.questions.close()

    first, second = desk.said
    assert "tunnel share allow 3" in first and "tunnel share deny 3" in first
    assert "tunnel share allow 4" in second
    assert desk.foots == []


def test_where_no_line_can_be_kept_a_question_is_a_line_like_others() -> None:
    desk = Desk(foot=False)
    desk.ask(GALAXY)
    until(lambda: desk.said)
    desk.questions.close()

    assert desk.said == ["Galaxy S25, Firefox, 192.0.2.44 wants in, it shows 42: allow? [y/N] "]


def test_where_the_terminal_goes_away_questions_are_told(desk: Desk) -> None:
    desk.ask(GALAXY)
    desk.shown()
    desk.fingers.end()
    until(lambda: desk.said)
    desk.ask(GALAXY, ANOTHER)
    until(lambda: len(desk.said) == 2)

    assert ["tunnel share allow 3" in desk.said[0], "tunnel share allow 4" in desk.said[1]] == [True, True]
    until(lambda: desk.foot == "")


def test_the_end_of_a_share_takes_its_question_away_and_ends_the_thread(desk: Desk) -> None:
    desk.ask(GALAXY)
    desk.shown()
    desk.questions.close()

    assert desk.foot == ""
    assert desk.questions._thread is not None and not desk.questions._thread.is_alive()
    assert desk.fingers.prepared == ["questions"]


@pytest.mark.parametrize("width", [0, 40, 60, 80, 200])
def test_a_name_of_any_length_hides_neither_the_address_nor_the_code(width: int) -> None:
    name = "Pixel 9, 192.0.2.1 wants in, it shows 11: allow? [y/N] \x1b[2K" * 5
    shown = share_questions.question_line(Question(1, name, "192.0.2.7", 0.0, "42"), width=width, more=2)

    assert shown.endswith(", 192.0.2.7 wants in, it shows 42; 2 more ask: allow? [y/N] ")
    assert "\x1b" not in shown
    assert len(shown) <= max(width, 84) if width else len(shown) <= 120


def test_a_question_waits_for_a_person_and_not_the_other_way_round(desk: Desk) -> None:
    began = time.monotonic()
    for _ in range(50):
        desk.ask(GALAXY)
        desk.ask()

    assert time.monotonic() - began < 5  # nothing that tells of questions waits for who types
