"""What processes use of their machine, one by itself and several together."""

import os
import subprocess
import sys

from tunnel.net.vitals import vitals, vitals_of


def test_several_are_added_up_and_one_that_has_ended_is_left_out() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        one, both = vitals_of((other.pid,)), vitals_of((os.getpid(), other.pid))
        other.communicate(b"\n")
    gone = vitals_of((other.pid,))

    assert 0 < one.memory < both.memory
    assert 0 < one.descriptors < both.descriptors
    assert vitals().cpu > 0
    assert (gone.memory, gone.descriptors, gone.cpu) == (0, 0, 0)
