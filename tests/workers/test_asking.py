"""What the inspector's process asks, and what workers answer: over real sockets, the workers in threads of the test."""

import json
import os
import select
import socket
import threading
from collections.abc import Iterator

import pytest
import trio

from tunnel.capture.recorder import Statistics
from tunnel.capture.vault import Vault
from tunnel.workers import answering
from tunnel.workers.answering import Told, answer, answered
from tunnel.workers.asking import AT_ONCE, FRESH, PASSED_OVER, Asking
from tunnel.workers.links import Line, Links
from tunnel.workers.staff import total

PATIENCE = 0.2  # seconds; as long as a test waits for a worker that hangs


class Worker:
    """Answers at one end of a link, in a thread, until it is stopped; or hangs.

    Attributes:
      heard: The questions.
    """

    def __init__(self, end: socket.socket, pid: int, written: int = 0, running: int = 0) -> None:
        self.pid = pid
        self.vault = Vault()
        self.told = Told(lambda: Statistics(written, written, 0, 0, 7, 1, ""), lambda: running, self.vault)
        self.heard: list[bytes] = []
        self._line = Line(end)
        self._stop, self._stopped = socket.socketpair()
        self._thread = threading.Thread(target=self._run)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.close()
        if self._thread.ident is not None:
            self._thread.join()
        self._stop.close()

    def _run(self) -> None:
        while self._stop not in select.select([self._line.end, self._stop], [], [])[0]:
            for question in self._line.hear():
                self.heard.append(question)
                said = answered(question, self.told).replace(b'"pid": %d' % os.getpid(), b'"pid": %d' % self.pid)
                gone = self._line.say(said)
                while not gone and not select.select([self._stop], [self._line.end], [])[0]:
                    gone = self._line.flush()


class Place:
    """Two places, what is asked there, and a clock that stands until it is moved, in the hand of the test."""

    def __init__(self) -> None:
        self.pairs = [socket.socketpair() for _ in range(2)]
        for pair in self.pairs:
            for end in pair:
                end.setblocking(False)
        self.pids = [0, 0]
        self.workers: list[Worker] = []
        self.later = 0.0
        self.asking = self.another()

    def another(self) -> Asking:
        """Return one that asks, as its predecessor's successor does."""
        import time

        ends = [ours for ours, _ in self.pairs]
        clock = lambda: time.monotonic() + self.later  # noqa: E731
        return Asking(ends, lambda place: self.pids[place], patience=PATIENCE, clock=clock)

    def worker(self, place: int, pid: int, *, hangs: bool = False, written: int = 0, running: int = 0) -> Worker:
        worker = Worker(self.pairs[place][1], pid, written, running)
        self.pids[place] = pid
        self.workers.append(worker)
        if not hangs:
            worker.start()
        return worker

    def dies(self, place: int, worker: Worker) -> None:
        self.pids[place] = 0
        worker.stop()
        self.workers.remove(worker)


@pytest.fixture
def place() -> Iterator[Place]:
    place = Place()
    yield place
    for worker in place.workers:
        worker.stop()
    for pair in place.pairs:
        for end in pair:
            end.close()


def pseudonym(number: int) -> bytes:
    return b"redacted-%016x" % number


def test_counts_of_all_workers_are_added_up(place: Place) -> None:
    place.worker(0, 1000, written=3, running=2)
    place.worker(1, 1001, written=4, running=1)

    assert place.asking.statistics() == Statistics(7, 7, 0, 0, 14, 2, "")
    assert place.asking.running() == 3


def test_counts_are_asked_for_once_in_a_while_however_many_look(place: Place) -> None:
    worker = place.worker(0, 1000, written=3)
    for _ in range(5):
        place.asking.statistics()
        place.asking.running()
    assert len([line for line in worker.heard if line]) == 1

    place.later += FRESH
    place.asking.running()
    assert len([line for line in worker.heard if line]) == 2


def test_what_a_worker_that_died_had_counted_is_kept_and_nothing_waits_there(place: Place) -> None:
    first = place.worker(0, 1000, written=3, running=2)
    place.worker(1, 1001, written=4)
    assert place.asking.statistics().written == 7
    place.dies(0, first)
    place.later += FRESH
    assert place.asking.statistics() == Statistics(7, 7, 0, 0, 7, 1, "")
    assert place.asking.running() == 0

    place.worker(0, 1002, written=1, running=1)
    place.later += FRESH
    assert place.asking.statistics().written == 8
    assert place.asking.running() == 1


def test_a_worker_that_hangs_keeps_what_it_said_last_and_is_waited_for_once(place: Place) -> None:
    place.worker(0, 1000, written=3)
    hanging = place.worker(1, 1001, written=4)
    assert place.asking.statistics().written == 7
    place.dies(1, hanging)
    place.pids[1] = 1001

    place.later += FRESH
    assert place.asking.statistics().written == 7
    place.later += FRESH
    assert place.asking.statistics().written == 7
    assert place.pairs[1][1].recv(65536).count(b"counts") == 1

    place.later += PASSED_OVER
    assert place.asking.statistics().written == 7
    assert place.pairs[1][1].recv(65536).count(b"counts") == 1


def test_nobody_there_is_nothing_counted(place: Place) -> None:
    assert place.asking.statistics() == total(())
    assert place.asking.running() == 0
    assert place.asking.reveal(pseudonym(1)) == (pseudonym(1), 1)


def test_a_secret_is_found_whichever_worker_saw_it_and_what_nobody_has_is_counted(place: Place) -> None:
    one, two = place.worker(0, 1000), place.worker(1, 1001)
    one.vault.put(pseudonym(1), b"\xff secret")
    pin = b"redacted-number-%016x" % 2
    two.vault.put(pin, b"1234")

    text = b'{"a": "%b", "pin": "%b", "b": "%b", "again": "%b"}' % (pseudonym(1), pin, pseudonym(3), pseudonym(3))

    assert place.asking.reveal(text) == (
        b'{"a": "\xff secret", "pin": 1234, "b": "%b", "again": "%b"}' % (pseudonym(3), pseudonym(3)),
        1,
    )


def test_a_text_without_pseudonyms_is_not_asked_about(place: Place) -> None:
    place.worker(0, 1000, hangs=True)

    assert place.asking.reveal(b"plain") == (b"plain", 0)
    assert place.pairs[0][1].recv(100) == b"\n", "it was asked"


def test_what_a_worker_that_hangs_had_seen_is_gone_and_the_others_is_not(place: Place) -> None:
    place.worker(0, 1000).vault.put(pseudonym(1), b"here")
    place.worker(1, 1001, hangs=True).vault.put(pseudonym(2), b"there")

    assert place.asking.reveal(pseudonym(1) + pseudonym(2)) == (b"here" + pseudonym(2), 1)


def test_many_and_large_secrets_come_some_at_a_time(place: Place) -> None:
    one, two = place.worker(0, 1000), place.worker(1, 1001)
    count = 2 * AT_ONCE + 7
    for number in range(count):
        (one if number % 2 else two).vault.put(pseudonym(number), b"%d" % number + b"x" * 300)
    one.vault.put(pseudonym(count), b"y" * 3 * answering.MOST_SECRETS)
    numbers = range(count + 1)

    text, missing = place.asking.reveal(b" ".join(map(pseudonym, numbers)))

    assert missing == 0
    assert text.split() == [
        *(b"%d" % number + b"x" * 300 for number in range(count)),
        b"y" * 3 * answering.MOST_SECRETS,
    ]
    assert len(one.heard) > 5, "it was told in one go"


def test_answers_to_a_predecessor_and_half_lines_are_passed_over(place: Place) -> None:
    window, worker = place.pairs[0]
    window.send(b'[1, "secrets", ["redac')  # the one before died over a question
    worker.send(b'[1, {"pid": 9, "running": 9, "statistics": {}}]\n[2, {"pid": 9, "runn')  # and so did a worker
    place.worker(0, 1001, written=6).vault.put(pseudonym(1), b"secret")

    asking = place.another()
    assert asking.statistics().written == 6
    assert asking.reveal(pseudonym(1)) == (b"secret", 0)


def test_a_worker_answers_in_its_loop_until_it_is_cancelled() -> None:
    ours, theirs = socket.socketpair()
    vault = Vault()
    vault.put(pseudonym(1), b"secret")
    told = Told(lambda: Statistics(5, 4, 3, 2, 1, 0, "the disk is full"), lambda: 2, vault)

    async def story() -> list[bytes]:
        line = Line(ours)
        heard: list[bytes] = []
        async with trio.open_nursery() as nursery:
            nursery.start_soon(answer, theirs, told)
            line.say(b"nonsense")
            line.say(b'[1, "what"]')
            line.say(b'[2, "secrets", ["%b", "redacted-"]]' % pseudonym(1))
            line.say(b'[3, "counts"]')
            while len(heard) < 3:  # an empty one first
                await trio.lowlevel.wait_readable(ours)
                heard += line.hear()
            nursery.cancel_scope.cancel()
        return heard

    with ours, theirs:
        ours.setblocking(False)
        theirs.setblocking(False)
        empty, secrets, counts = trio.run(story)

    assert empty == b""
    assert json.loads(secrets) == [2, {"seen": 2, "secrets": {pseudonym(1).decode(): "c2VjcmV0"}}]
    assert json.loads(counts)[1]["statistics"] == {
        **dict(zip(Statistics.__slots__, (5, 4, 3, 2, 1, 0, "the disk is full"), strict=True))
    }
    assert (json.loads(counts)[1]["running"], json.loads(counts)[1]["pid"]) == (2, os.getpid())


def test_a_worker_ends_its_answering_when_the_first_process_is_gone() -> None:
    ours, theirs = socket.socketpair()
    ours.close()
    theirs.setblocking(False)
    with theirs:
        trio.run(answer, theirs, Told(lambda: total(()), lambda: 0, Vault()))


def test_each_process_keeps_its_own_ends_alone() -> None:
    worker, window = Links(2), Links(2)

    end = worker.for_worker(1)
    with pytest.raises(OSError):
        end.send(b"nobody holds the other end here")
    ends = window.for_window()
    assert len(ends) == 2 and all(each.fileno() >= 0 for each in ends)
    for each in (end, *ends):
        each.close()


def test_what_nobody_hears_is_lost_and_no_line_is_broken() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        for end in (ours, theirs):
            end.setblocking(False)
        line, other = Line(ours), Line(theirs)
        question = b"[" + b" " * 50_000 + b"]"
        for _ in range(100):
            line.say(question)
        heard: list[bytes] = []
        while not line.flush() or select.select([theirs], [], [], 0)[0]:
            heard += other.hear()

    assert 5 < len(heard) < 50
    assert set(heard) == {b"", question}
