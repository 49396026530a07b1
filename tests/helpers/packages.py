"""Packages: what npm brings for tests, installed once for each list of them, outside of the tree."""

import fcntl
import hashlib
import os
import subprocess
from pathlib import Path

import pytest

from tests.helpers.servers import APPS, needed

INSTALLING = 300  # seconds; npm took 8 here


def installed_packages() -> Path:
    """Return a folder with what apps/package.json names; kept outside of the tree, by that file's content."""
    npm = needed("npm", "npm")
    wanted = (APPS / "package.json").read_bytes()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tunnel-tests"
    place = cache / f"node-{hashlib.sha256(wanted).hexdigest()[:16]}"
    place.mkdir(parents=True, exist_ok=True)
    with (place / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # of two test runs at once one installs
        if not (place / "installed").exists():
            (place / "package.json").write_bytes(wanted)
            argv = [npm, "install", "--no-audit", "--no-fund", "--loglevel=error"]
            done = subprocess.run(argv, cwd=place, capture_output=True, timeout=INSTALLING, check=False)
            if done.returncode:
                told = done.stderr.decode(errors="replace")[-2000:]
                pytest.skip(f"npm could not install the packages of {APPS / 'package.json'}: {told}")
            (place / "installed").touch()
    return place / "node_modules"
