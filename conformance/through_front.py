"""A pytest plugin: each server of pytest-httpbin is reached through a front of its own.

Runs in the environment of the suite under test, which knows nothing of tunnel; the front is a program in another
environment, named by TUNNEL_PYTHON, with its folders below TUNNEL_FOLDERS.
"""

import os
import signal
import subprocess
from pathlib import Path

import pytest
from pytest_httpbin import certs, serve

FRONTS: list[tuple[subprocess.Popen[bytes], Path]] = []

start_alone = serve.Server.start


def start(server: serve.Server) -> None:
    """Start the server, then a front before it, and let the server say that the front's address is its own."""
    start_alone(server)
    scheme = "https+insecure" if server.protocol == "https" else "http"
    folder = Path(os.environ["TUNNEL_FOLDERS"]) / scheme
    argv = [os.environ["TUNNEL_PYTHON"], "-m", "tunnel", "http", f"{scheme}://127.0.0.1:{server.port}"]
    argv += ["--listen", "127.0.0.1:0", "--folder", str(folder), *(["--plain"] if server.protocol == "http" else [])]
    argv += ["--allow-host", "httpbin.org"]  # a Host that one test sends; any other but ours would be a 421
    folder.mkdir(mode=0o700, parents=True)
    errors = folder / "stderr.txt"
    front = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=errors.open("wb"))
    FRONTS.append((front, errors))
    assert front.stdout is not None
    url = front.stdout.readline().decode().strip()
    assert url.startswith(f"{server.protocol}://"), errors.read_text()
    server.port = int(url.rpartition(":")[2])
    if server.protocol == "https":
        root = folder / "authority" / "root.pem"
        certs.where = lambda: str(root)  # what the suite trusts, by its fixture httpbin_ca_bundle


def stop_fronts() -> None:
    while FRONTS:
        front, errors = FRONTS.pop()
        front.send_signal(signal.SIGINT)
        code = front.wait(30)
        said = errors.read_text()
        assert code == 0, said
        assert "Traceback" not in said, said
        assert "a bug in tunnel" not in said, said


def pytest_configure(config: pytest.Config) -> None:
    serve.Server.start = start


def pytest_unconfigure(config: pytest.Config) -> None:
    stop_fronts()
