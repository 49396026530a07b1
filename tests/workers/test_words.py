"""What workers tell the first process, and what it makes of it."""

import json
import os
import signal
import socket

import pytest
import trio

from tunnel.capture.recorder import Statistics
from tunnel.errors import TunnelError
from tunnel.terminal import Started, Terminal
from tunnel.workers.staff import how_it_ended, total
from tunnel.workers.voice import Voice
from tunnel.workers.worker import STOP, Orders


class Heard(Terminal):
    def __init__(self) -> None:
        self.said: list[object] = []

    def notice(self, error: TunnelError) -> None:
        self.said.append(error.what)

    def stopping(self, running: int) -> None:
        self.said.append(running)

    def stopped(self, statistics: Statistics) -> None:
        self.said.append(statistics)


STATISTICS = Statistics(5, 4, 3, 2, 1, 0, "")


def test_in_the_first_process_a_voice_speaks_to_the_terminal() -> None:
    heard = Heard()
    voice = Voice(heard)
    voice.notice(TunnelError("it happened"))
    voice.stopping(2)
    voice.stopped(STATISTICS)

    assert heard.said == ["it happened", 2, STATISTICS]


def test_in_a_worker_it_speaks_to_the_first_process_in_lines_of_json() -> None:
    heard, (ours, theirs) = Heard(), socket.socketpair()
    with ours, theirs:
        voice = Voice(heard)
        voice.send_to(theirs)
        voice.started(Started("https://127.0.0.1:1", 1, "", None, None))
        voice.notice(TunnelError("it happened", hint="type this"))
        voice.stopping(2)
        voice.stopped(STATISTICS)
        voice.failed(TunnelError("it cannot", exit_code=4))
        lines = [json.loads(line) for line in ours.recv(65536).splitlines()]

    assert not heard.said
    assert lines == [
        ["begun", None],
        ["notice", ["it happened", "type this"]],
        ["stopping", 2],
        ["stopped", {**dict(zip(Statistics.__slots__, (5, 4, 3, 2, 1, 0, ""), strict=True))}],
        ["failed", ["it cannot", "", 4]],
    ]


def test_it_never_waits_for_a_first_process_that_does_not_listen_and_breaks_no_line() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.setblocking(False)
        voice = Voice(Heard())
        voice.send_to(theirs)
        for number in range(5000):
            voice.notice(TunnelError(f"{number} {'x' * 1000}"))
        heard = b""
        ours.setblocking(False)
        while not heard.endswith(b'["stopping", 7]\n'):
            heard += ours.recv(65536)
            if b"stopping" not in heard:
                voice.stopping(7)  # with it goes what could not be sent before
        assert all(json.loads(line) for line in heard.splitlines())


def test_it_says_nothing_of_a_first_process_that_is_gone() -> None:
    ours, theirs = socket.socketpair()
    ours.close()
    with theirs:
        voice = Voice(Heard())
        voice.send_to(theirs)
        voice.notice(TunnelError("nobody hears this"))


def test_orders_come_one_by_one_and_the_end_of_the_first_process_is_two() -> None:
    async def story() -> int:
        ours, theirs = socket.socketpair()
        theirs.setblocking(False)
        with ours, theirs, trio.fail_after(10):
            orders = Orders(theirs)
            ours.send(STOP)
            await anext(orders)
            ours.close()
            return len([None async for _ in orders])

    assert trio.run(story) == 2


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (0, "ended with code 0"),
        (70 << 8, "ended with code 70"),
        (9, "was killed by SIGKILL"),
        (11, "was killed by SIGSEGV"),
    ],
)
def test_how_a_worker_ended_is_said_in_words(status: int, said: str) -> None:
    assert how_it_ended(status) == said


def test_a_signal_without_a_name_has_its_number() -> None:
    nameless = next(n for n in range(signal.SIGRTMIN + 1, signal.SIGRTMAX) if n not in set(signal.Signals))

    assert how_it_ended(nameless) == f"was killed by signal {nameless}"
    assert os.waitstatus_to_exitcode(nameless) == -nameless


def test_what_workers_recorded_is_added_up_and_the_last_complaint_kept() -> None:
    assert total([]) == Statistics(0, 0, 0, 0, 0, 0, "")
    assert total([STATISTICS, Statistics(1, 1, 1, 1, 1, 1, "the disk is full"), STATISTICS]) == Statistics(
        11, 9, 7, 5, 3, 1, "the disk is full"
    )
