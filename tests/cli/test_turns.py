"""Turns: processes that print to one pipe, more than it takes at once, never break each other's lines."""

import subprocess
import sys

from tests.helpers.servers import PATIENCE

# Eight processes, forked from one that has no thread, print a hundred lines of 10,000 letters each.
PROGRAM = """
import os, sys
from tunnel.cli.live import LivePrinter
from tunnel.cli.turns import Turn

turn = Turn()
children = []
for number in range(8):
    pid = os.fork()
    if not pid:
        printer = LivePrinter(sys.stdout, turn=turn)
        for _ in range(100):
            printer.say(str(number) * 10_000)
        os._exit(0 if printer.stop(30) else 1)
    children.append(pid)
sys.exit(max(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children))
"""


def test_lines_of_processes_that_print_at_once_stay_whole() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, timeout=PATIENCE, check=True)

    lines = done.stdout.splitlines()
    assert sorted(lines) == sorted(str(number).encode() * 10_000 for number in range(8) for _ in range(100))
