"""Watch: one target's engine in a process of its own, watched for crashes, hangs and growth.

Hangs are an input of more than `LONGEST` seconds; growth is what the process takes at its end beyond what it took after a
tenth of its time, of which the engine's own notes need some.
"""

import re
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.fuzz.inputs import HERE, load

ROOT = HERE.parent.parent
FOUND = ROOT / ".fuzz"  # what breaks a law, and what leads to new branches; the latter is where the next run goes on
LONGEST = 10  # seconds for one input, on a machine that does other things too; they take a millisecond
LARGEST = 1024  # MiB a process may take
MOST_GROWN = 100  # MiB
LONGEST_INPUT = 4096  # bytes
GRACE = 60  # seconds to start, and to end
LOOK_AGAIN = 0.2  # seconds

_LIMITS = [f"-timeout={LONGEST}", f"-rss_limit_mb={LARGEST}", f"-max_len={LONGEST_INPUT}", "-print_final_stats=1"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a target's share of the time gave.

    Attributes:
      peak: Most memory, bytes; `grown` what of it came after the first tenth of the time.
      wrong: What law was broken, or empty; `said` is the engine's last words, `input` the file that holds the input.
    """

    name: str
    executions: int
    rate: float
    corpus: int
    peak: int
    grown: int
    wrong: str = ""
    said: str = ""
    input: Path | None = None


def fuzz(name: str, seconds: float) -> Outcome:
    """Fuzz one target for so long. Never raises for what the target does."""
    known, crashes = FOUND / "known" / name, FOUND / "crashes" / name
    known.mkdir(parents=True, exist_ok=True)
    crashes.mkdir(parents=True, exist_ok=True)
    target = load(name)
    with tempfile.TemporaryDirectory(prefix="tunnel-fuzz-") as folder:
        seeds, words = Path(folder) / "seeds", Path(folder) / "words"
        seeds.mkdir()
        for number, data in enumerate(target.inputs):
            (seeds / f"{number:03}").write_bytes(data)
        words.write_text("".join(f'"{_quoted(word)}"\n' for word in target.words if word), encoding="ascii")
        flags = [
            *_LIMITS,
            f"-max_total_time={max(1, round(seconds))}",
            f"-dict={words}",
            f"-artifact_prefix={crashes}/",
        ]
        argv = [sys.executable, "-m", "tests.fuzz.engine", name, *flags, str(known), str(seeds)]
        began = time.time()
        with subprocess.Popen(
            argv, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
        ) as process:
            lines, peak, grown = _watched(process, seconds)
    inputs = [path for path in crashes.iterdir() if path.stat().st_mtime >= began - 1]
    return _judged(name, lines, time.time() - began, peak, grown, process.returncode, inputs[0] if inputs else None)


def _watched(process: "subprocess.Popen[str]", seconds: float) -> tuple[list[str], int, int]:
    """Read what it says and look at its memory until it ends; return the lines, its peak and how much it grew."""
    lines: list[str] = []
    assert process.stdout is not None
    reading = threading.Thread(target=lambda: lines.extend(process.stdout or ()), daemon=True)
    reading.start()
    start, peak, early, begun = time.monotonic(), 0, 0, False
    while process.poll() is None:
        try:
            peak = max(peak, psutil.Process(process.pid).memory_info().rss)
        except psutil.Error:
            break  # it has just ended
        passed = time.monotonic() - start
        if passed < seconds / 10 or not begun:
            early = peak
        begun = begun or any("INITED" in line for line in lines[:2000])  # the seeds are read, the fuzzing begins
        if passed > seconds + LONGEST + GRACE:
            process.kill()  # the engine's own limits did not hold
        try:
            process.wait(LOOK_AGAIN)
        except subprocess.TimeoutExpired:
            pass
    reading.join(GRACE)
    return lines, peak, peak - early


def _judged(
    name: str, lines: list[str], took: float, peak: int, grown: int, code: int | None, found: Path | None
) -> Outcome:
    text = "".join(lines)
    executions, corpus = _number(r"number_of_executed_units: (\d+)", text), _number(r"corp: (\d+)/", text)
    wrong = ""
    if code:
        wrong = "an input takes too long" if found and found.name.startswith("timeout") else "an input breaks its law"
        wrong = wrong if found else f"the engine ended with {code}"
    elif grown > MOST_GROWN * 2**20:
        wrong = f"it grew by {grown / 2**20:.0f} MiB after the first tenth of its time"
    said = _last_words(lines) if wrong else ""
    return Outcome(name, executions, executions / took, corpus, peak, grown, wrong, said, found)


def _last_words(lines: list[str]) -> str:
    """Return what was said from the traceback on, else the last lines."""
    starts = [at for at, line in enumerate(lines) if "Uncaught Python exception" in line]
    return "".join(lines[starts[-1] :][:60] if starts else lines[-20:])


def _number(pattern: str, text: str) -> int:
    """Return the number that was told last, or 0."""
    found = re.findall(pattern, text)
    return int(found[-1]) if found else 0


def _quoted(word: bytes) -> str:
    return "".join(chr(byte) if 0x20 <= byte < 0x7F and byte not in b'"\\' else f"\\x{byte:02x}" for byte in word)
