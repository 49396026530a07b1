"""`tunnel trust` on the system's own store, for real. It changes this machine, so it runs only where that was allowed."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.fronts import Front, tunnel

pytestmark = [pytest.mark.real, pytest.mark.system]

NOT_TRUSTED = 60  # curl's exit code: the peer's certificate cannot be verified


@pytest.fixture
def front(tmp_path: Path) -> Iterator[Front]:
    if os.environ.get("TUNNEL_SYSTEM") != "1":
        pytest.skip("changes this machine's trust store; allow it, as root, with TUNNEL_SYSTEM=1")
    with Front(None, tmp_path / "folder") as front:
        yield front


def ask_with_curl(front: Front) -> int:
    return subprocess.run(["curl", "--silent", "--output", os.devnull, front.url], timeout=30, check=False).returncode


def ask_with_python(front: Front) -> int:
    asking = f"import urllib.request; urllib.request.urlopen({front.url!r}, timeout=30)"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SSL_CERT")}
    # Debian's own Python: one that was built elsewhere may look for certificates elsewhere.
    python = "/usr/bin/python3" if Path("/usr/bin/python3").exists() else sys.executable
    return subprocess.run(
        [python, "-c", asking], env=environment, capture_output=True, timeout=30, check=False
    ).returncode


def type_in(front: Front, *words: str) -> "subprocess.CompletedProcess[str]":
    """Run a command at a home without browsers, so that only the system's store is there to change."""
    environment = os.environ | {"HOME": str(front.folder)}
    argv = tunnel(*words, "--folder", str(front.folder))
    return subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=120, check=False)


def test_curl_and_python_accept_us_after_trust_and_refuse_us_after_untrust(front: Front) -> None:
    assert ask_with_curl(front) == NOT_TRUSTED

    trusted = type_in(front, "trust")
    try:
        assert "trusted" in trusted.stdout, trusted
        assert ask_with_curl(front) == 0
        assert ask_with_python(front) == 0
    finally:
        untrusted = type_in(front, "untrust")

    assert "removed" in untrusted.stdout, untrusted
    assert ask_with_curl(front) == NOT_TRUSTED
    assert ask_with_python(front) != 0
