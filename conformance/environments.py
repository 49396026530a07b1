"""Environments: one for each outside judge, since what they pin does not go together with ours. Kept in .conformance/.

Each is made once for the packages it names, and made anew when they change.
"""

import subprocess
import sys
import venv
from pathlib import Path

CACHE = Path(__file__).parent.parent / ".conformance"
INSTALLING = 600  # seconds


def environment(name: str, packages: list[str]) -> Path:
    """Return the folder of an environment's programs."""
    place = CACHE / name
    wanted = "\n".join([sys.version, *packages])
    done = place / "made-for.txt"
    if not done.exists() or done.read_text() != wanted:
        print(f"  making {place.relative_to(CACHE.parent)}: {' '.join(packages)}", flush=True)
        venv.create(place, with_pip=True, clear=True)
        call([place / "bin" / "python", "-m", "pip", "install", "--quiet", *packages], timeout=INSTALLING)
        done.write_text(wanted)
    return place / "bin"


def sdist(python: Path, package: str, version: str) -> Path:
    """Return the unpacked source of a package, tests and all, from the package index."""
    place = CACHE / "sources"
    source = place / f"{package}-{version}"
    if not source.exists():
        words = ["download", "--quiet", "--no-deps", "--no-binary", package, f"{package}=={version}", "--dest", place]
        call([python, "-m", "pip", *words], timeout=INSTALLING)
        call([sys.executable, "-m", "tarfile", "--extract", f"{source}.tar.gz", place], timeout=INSTALLING)
    return source


def call(argv: list[str | Path], *, timeout: float) -> str:
    """Run a program that must succeed; return what it printed."""
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout, check=False)
    if done.returncode:
        raise SystemExit(f"{argv[0]} failed with {done.returncode}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout
