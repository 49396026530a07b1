"""tunnel with a wall clock that a test moves: python jumping_clock.py FILE WORDS…

FILE holds by how many seconds the clock is ahead. Only the wall clock jumps, as it does when a user or NTP sets it, or when
a laptop has slept: what measures durations goes on.
"""

import sys
import time
from pathlib import Path

from tunnel.cli.main import main

if __name__ == "__main__":
    file, *words = sys.argv[1:]
    real = time.time_ns

    def time_ns() -> int:
        return real() + int(Path(file).read_text() or 0) * 10**9

    time.time_ns = time_ns
    time.time = lambda: time_ns() / 1e9
    sys.argv = ["tunnel", *words]
    main()
