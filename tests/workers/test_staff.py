"""Staff: who is forked when, and what is made of a worker's end. Nothing is forked here: the other ends are the test's."""

import os
import selectors
import socket
from collections.abc import Iterator

import pytest

from tunnel.errors import TunnelError
from tunnel.terminal import Terminal
from tunnel.workers import staff as room
from tunnel.workers.links import Links
from tunnel.workers.staff import Jobs, Staff
from tunnel.workers.voice import Voice
from tunnel.workers.worker import STOP


class Told(Terminal):
    def __init__(self) -> None:
        self.notices: list[str] = []
        self.rested = True

    def notice(self, error: TunnelError) -> None:
        self.notices.append(error.what)

    def rest(self) -> bool:
        return self.rested


class Forks:
    """Stands for `fork`, `waitpid` and the workers: numbers from 1000 on, the workers' ends of their sockets."""

    def __init__(self) -> None:
        self.pid = 999
        self.failing = 0
        self.ends: list[socket.socket] = []

    def fork(self) -> int:
        if self.failing:
            self.failing -= 1
            raise OSError(11, "Resource temporarily unavailable")
        self.pid += 1
        return self.pid

    def forget(self) -> None:
        while self.ends:
            self.ends.pop().close()


@pytest.fixture
def forks(monkeypatch: pytest.MonkeyPatch) -> Iterator[Forks]:
    forks = Forks()
    real = socket.socketpair

    def socketpair() -> tuple[socket.socket, socket.socket]:
        ours, theirs = real()
        forks.ends.append(theirs.dup())
        return ours, theirs

    monkeypatch.setattr(room, "fork", forks.fork)
    monkeypatch.setattr(os, "waitpid", lambda pid, options: (pid, 9))
    monkeypatch.setattr(socket, "socketpair", socketpair)
    yield forks
    forks.forget()


class Office:
    def __init__(self, count: int = 2, *, shows: bool = False) -> None:
        self.told = Told()
        self.selector = selectors.DefaultSelector()
        self.links = Links(count)
        jobs = Jobs(lambda count, place, first: 0, (lambda first: 0) if shows else None)
        self.staff = Staff(count, jobs, self.links, self.selector, self.told)

    def hear(self) -> None:
        for key, _ in self.selector.select(5):
            key.data()

    def close(self) -> None:
        self.staff.let_go()
        self.links.close()
        self.selector.close()


@pytest.fixture
def office(forks: Forks) -> Iterator[Office]:
    office = Office()
    forks.forget()  # the links
    yield office
    office.close()


@pytest.fixture
def showing(forks: Forks) -> Iterator[Office]:
    """One with a process that serves the inspector; its pid is 1002, and its end the last."""
    office = Office(shows=True)
    forks.forget()
    office.staff.turn(100.0)
    yield office
    office.close()


def test_every_place_is_filled_at_once(office: Office) -> None:
    office.staff.turn(100.0)

    assert len(office.staff) == 2
    assert office.staff.due() == float("inf")


def test_nobody_is_forked_while_the_terminals_thread_does_not_rest(office: Office) -> None:
    office.told.rested = False
    office.staff.turn(100.0)
    assert len(office.staff) == 0
    assert 100.0 < office.staff.due() < 101.0

    office.told.rested = True
    office.staff.turn(office.staff.due())
    assert len(office.staff) == 2


def test_a_fork_that_fails_is_said_and_tried_again_later(office: Office, forks: Forks) -> None:
    forks.failing = 1
    office.staff.turn(100.0)
    assert len(office.staff) == 1
    assert office.told.notices == ["cannot start a worker: resource temporarily unavailable"]

    office.staff.turn(100.0)
    assert len(office.staff) == 1
    office.staff.turn(office.staff.due())
    assert len(office.staff) == 2


def test_all_have_begun_when_each_has_said_so(office: Office, forks: Forks) -> None:
    office.staff.turn(100.0)
    for end in forks.ends:
        assert not office.staff.begun()
        voice = Voice(Told())
        voice.send_to(end)
        voice.started(None)  # type: ignore[arg-type]
        office.hear()

    assert office.staff.begun()


def test_a_worker_that_ends_is_said_and_replaced_after_a_pause(office: Office, forks: Forks) -> None:
    office.staff.turn(100.0)
    forks.ends.pop(0).close()
    office.hear()

    assert office.told.notices == ["worker 1000 was killed by SIGKILL; another takes its place"]
    assert len(office.staff) == 1
    assert not office.staff.begun()
    office.staff.turn(office.staff.due())
    assert len(office.staff) == 2


def test_after_the_order_to_stop_nobody_is_replaced(office: Office, forks: Forks) -> None:
    office.staff.turn(100.0)
    office.staff.order_stop()
    assert office.staff.running() is None
    for running, end in enumerate(forks.ends, start=2):
        assert end.recv(16) == STOP
        voice = Voice(Told())
        voice.send_to(end)
        voice.stopping(running)
        office.hear()
    assert office.staff.running() == 5
    while forks.ends:
        forks.ends.pop().close()
        office.hear()

    assert len(office.staff) == 0
    assert office.told.notices == []
    assert office.staff.due() == float("inf")


def test_what_no_worker_can_serve_for_is_kept_and_nobody_is_replaced(office: Office, forks: Forks) -> None:
    office.staff.turn(100.0)
    voice = Voice(Told())
    voice.send_to(forks.ends[0])
    voice.failed(TunnelError("it cannot", hint="do this", exit_code=4))
    office.hear()
    forks.ends.pop(0).close()
    office.hear()

    failed = office.staff.failed
    assert failed is not None
    assert (failed.what, failed.hint, failed.exit_code) == ("it cannot", "do this", 4)
    assert office.told.notices == []


def test_a_line_that_comes_in_pieces_is_one_line(office: Office, forks: Forks) -> None:
    office.staff.turn(100.0)
    for piece in (b'["notice", ["it hap', b'pened", ""]]', b'\n["notice", ["again", ""]]\n'):
        forks.ends[0].send(piece)
        office.hear()

    assert office.told.notices == ["it happened", "again"]


def says_begun(end: socket.socket) -> None:
    voice = Voice(Told())
    voice.send_to(end)
    voice.started(None)  # type: ignore[arg-type]


def test_all_have_begun_without_the_one_that_serves_the_inspector(showing: Office, forks: Forks) -> None:
    assert len(showing.staff) == 3
    for end in forks.ends[:2]:
        says_begun(end)
        showing.hear()

    assert showing.staff.begun()


def test_who_serves_can_be_asked_from_its_beginning_to_its_end(showing: Office, forks: Forks) -> None:
    assert showing.links.pids() == ()
    for end in forks.ends[:2]:
        says_begun(end)
        showing.hear()
    assert showing.links.pids() == (1000, 1001)

    forks.ends.pop(0).close()
    showing.hear()
    assert [showing.links.pid(place) for place in (0, 1)] == [0, 1001]


def test_the_one_that_serves_the_inspector_is_replaced_as_a_worker_is(showing: Office, forks: Forks) -> None:
    forks.ends.pop().close()
    showing.hear()

    assert showing.told.notices == ["the inspector's process 1002 was killed by SIGKILL; another takes its place"]
    showing.staff.turn(showing.staff.due())
    assert len(showing.staff) == 3


def test_it_stops_when_no_worker_is_left(showing: Office, forks: Forks) -> None:
    showing.staff.order_stop()
    last = forks.ends.pop()
    last.setblocking(False)
    while forks.ends:
        assert not showing.staff.worked()
        with pytest.raises(BlockingIOError):
            last.recv(16)
        forks.ends.pop().close()
        showing.hear()
    assert showing.staff.worked()
    assert showing.staff.running() == 0

    showing.staff.order_last()
    assert last.recv(16) == STOP
    last.close()
    showing.hear()
    assert len(showing.staff) == 0
    assert showing.told.notices == []
