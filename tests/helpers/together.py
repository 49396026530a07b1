"""Together: the `tunnel` command in several processes that begin in the same moment: `… COUNT WORD…`.

Programs that are started one after the other differ by the time that their imports take. Here all is imported first, then
forked, and each waits until all are there. Their output goes where this one's goes; it ends with the highest of their exit
codes, and leaves SIGINT to them.
"""

import importlib
import os
import signal
import socket
import sys

LOADED = ("tunnel.cli.main", "tunnel.cli.serve", "tunnel.run", "tunnel.capture.writer", "tunnel.capture.redact_bodies")


def main(count: int, words: list[str]) -> int:
    """Fork them, let them go, and wait for all."""
    for name in LOADED:
        importlib.import_module(name)
    waiting, go = socket.socketpair()
    pids = []
    for _ in range(count):
        pid = os.fork()
        if not pid:
            go.close()
            waiting.recv(1)  # its end is the sign
            sys.argv = ["tunnel", *words]
            importlib.import_module("tunnel.cli.main").main()
            os._exit(0)
        pids.append(pid)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    go.close()
    return max(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
