"""Asking: the inspector's side of its links to the workers: what they have counted together, and the secrets they have seen.

All are asked at once, from a thread, and waited for `PATIENCE` seconds. Who is not there, or does not answer, is passed
over: its secrets are gone, its counts are those that it told last. Who hangs is not asked again for `PASSED_OVER` seconds.
"""

import base64
import json
import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tunnel.capture.recorder import Statistics
from tunnel.capture.vault import met, put_back
from tunnel.workers.links import Line
from tunnel.workers.staff import total

PATIENCE = 2.0  # seconds for an answer; a worker under full load needs a tenth at most
PASSED_OVER = 10.0  # seconds
FRESH = 0.5  # seconds for which what was counted is not asked for again, however many look
AT_ONCE = 1000  # pseudonyms in one question
_QUESTIONS = 3  # times the patience, for all questions that one text takes
READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE
_LOOK = 0.1  # seconds, after which is looked whether those who are waited for still live


@dataclass(frozen=True, slots=True)
class Counted:
    """What one worker said last."""

    pid: int
    running: int
    statistics: Statistics


class Asking:
    """Asks the workers. For any thread but an event loop's.

    Args:
      ends: Of the links to them, one a place.
      there: Returns who serves at a place now, by its pid; 0 for nobody.
      patience: Seconds.
    """

    def __init__(
        self,
        ends: Iterable[socket.socket],
        there: Callable[[int], int],
        *,
        patience: float = PATIENCE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._lines = [Line(end) for end in ends]
        self._pid = there
        self._patience = patience
        self._clock = clock
        self._asking = threading.Lock()
        self._number = time.monotonic_ns()  # higher than any that a predecessor asked with
        self._passed_over: dict[int, float] = {}  # until when, by place
        self._counting = threading.Lock()
        self._counted: dict[int, Counted] = {}  # by place
        self._past = total(())  # of workers that have died
        self._counted_at = float("-inf")

    def statistics(self) -> Statistics:
        """Return what was recorded by all workers together, those that have died included."""
        with self._counting:
            self._count()
            return total((self._past, *(each.statistics for each in self._counted.values())))

    def running(self) -> int:
        """Return how many exchanges run."""
        with self._counting:
            self._count()
            return sum(each.running for each in self._counted.values())

    def reveal(self, data: bytes) -> tuple[bytes, int]:
        """Return data with the secrets in the place of their pseudonyms, and how many of those no worker has told."""
        return put_back(data, self._secrets(met(data)))

    def _count(self) -> None:
        if self._clock() - self._counted_at < FRESH:
            return
        answers = self._ask({place: ["counts"] for place in self._there()})
        for place, answer in answers.items():
            pid = answer["pid"]  # of who has answered: another may have taken the place meanwhile
            self._bury(place, but=pid)
            self._counted[place] = Counted(pid, answer["running"], Statistics(**answer["statistics"]))
        for place in list(self._counted):
            self._bury(place, but=self._pid(place))
        self._counted_at = self._clock()

    def _bury(self, place: int, but: int) -> None:
        """Keep what one who has died had counted, unless it is the one who is there."""
        if place in self._counted and self._counted[place].pid != but:
            past = self._counted.pop(place).statistics
            # What waited to be written when it died was never recorded.
            self._past = total((self._past, replace(past, waiting_bytes=0, waiting_rows=0)))

    def _secrets(self, pseudonyms: Sequence[bytes]) -> Mapping[bytes, bytes]:
        """Return the secrets that are told. A worker that has many says some at a time."""
        found: dict[bytes, bytes] = {}
        give_up = self._clock() + _QUESTIONS * self._patience
        for at in range(0, len(pseudonyms), AT_ONCE):
            asked = dict.fromkeys(self._there(), pseudonyms[at : at + AT_ONCE])
            while asked and self._clock() < give_up:
                questions = {place: ["secrets", [each.decode() for each in some]] for place, some in asked.items()}
                left: dict[int, Sequence[bytes]] = {}
                for place, answer in self._ask(questions).items():
                    for pseudonym, secret in answer["secrets"].items():
                        found[pseudonym.encode()] = base64.b64decode(secret)
                    left[place] = asked[place][answer["seen"] :]
                rest = {place: [each for each in some if each not in found] for place, some in left.items()}
                asked = {place: some for place, some in rest.items() if some}
        return found

    def _there(self) -> list[int]:
        """Return the places of those who can be asked."""
        now = self._clock()
        return [
            place
            for place, line in enumerate(self._lines)
            if self._pid(place) and not line.ended and self._passed_over.get(place, 0.0) <= now
        ]

    def _ask(self, questions: Mapping[int, Sequence[object]]) -> dict[int, Any]:
        """Return the answers that came in time, by place."""
        with self._asking, selectors.DefaultSelector() as selector:
            self._number += 1
            asked = {place: self._pid(place) for place in questions}
            for place, question in questions.items():
                line = self._lines[place]
                whole = line.say(json.dumps([self._number, *question]).encode())
                selector.register(line.end, READ if whole else READ | WRITE, place)
            answers: dict[int, Any] = {}
            waiting = set(questions)
            deadline = self._clock() + self._patience
            while waiting and (left := deadline - self._clock()) > 0:
                for key, events in selector.select(min(left, _LOOK)):
                    line = self._lines[key.data]
                    if events & WRITE and line.flush():
                        selector.modify(line.end, READ, key.data)
                    if events & READ:
                        for answer in self._answers(line):
                            answers[key.data] = answer
                waiting = {
                    place
                    for place in waiting - answers.keys()
                    if self._pid(place) == asked[place] and not self._lines[place].ended
                }
            self._passed_over |= dict.fromkeys(waiting, self._clock() + PASSED_OVER)
            return answers

    def _answers(self, line: Line) -> list[Any]:
        """Return the answers to this question that have come; what else is heard was for somebody else."""
        found = []
        for heard in line.hear():
            try:
                said = json.loads(heard)
            except (ValueError, RecursionError):
                continue
            match said:
                case [self._number, answer]:
                    found.append(answer)
        return found
