"""Private: what steers a share, and what it keeps, is its user's alone: not the network's, and not another user's."""

import stat
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.servers import needed
from tests.lan.guests import LetIn, let_in
from tests.lan.network import Network
from tests.lan.service import SECRET, Service
from tests.lan.shares import Shared
from tests.share.attacks import get

pytestmark = pytest.mark.lan
NOBODY = "65534"
PUBLIC = "root.pem"  # the certificate itself, which is handed to everybody
# Prints which of its arguments it could open, or connect to: curl's 7 is a connection that could not be made.
SNOOP = """
for path; do
  case $path in
    *.sock) curl -s -m 5 -o /dev/null --unix-socket "$path" http://share/; [ $? -ne 7 ] && echo "$path" ;;
    *) head -c 1 "$path" >/dev/null 2>&1 && echo "$path" ;;
  esac
done
true
"""


@pytest.fixture(scope="module")
def steered(hosts: Network, counted: Service) -> Iterator[Shared]:
    """A share with somebody in it, in a folder whose path is short and has no private folder above it."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        with Shared(hosts, counted.port, Path(name) / "share") as share:
            assert let_in(share, "pairing").ask(b"/kept").body == SECRET
            share.exchange("/kept")
            yield share


def files(share: Shared) -> list[Path]:
    return [path for path in share.folder.rglob("*") if not path.is_dir() and path.name != PUBLIC]


def opened(paths: list[Path], *user: str) -> list[str]:
    """Return what of this a user can open: root unless said otherwise."""
    argv = [*user, "sh", "-c", SNOOP, "sh", *map(str, paths)]
    done = subprocess.run(argv, capture_output=True, text=True, cwd="/", timeout=30)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_nothing_that_a_share_keeps_is_anybody_elses(steered: Shared) -> None:
    kept = [steered.folder, *steered.folder.rglob("*")]

    assert [path for path in kept if stat.S_IMODE(path.lstat().st_mode) & 0o077 and path.name != PUBLIC] == []
    assert [path for path in kept if path.suffix == ".sock"], "it is steered by a socket"


def test_another_user_of_the_machine_can_neither_steer_nor_read(steered: Shared) -> None:
    """Not by the folders' modes, and should those be lost, not by the modes of what is in them."""
    needed("curl", "curl")
    nobody = ("setpriv", "--reuid", NOBODY, "--regid", NOBODY, "--clear-groups", "--")
    assert set(opened(files(steered))) >= {str(path) for path in files(steered)}, "the judge is judged: its user can"
    assert opened(files(steered), *nobody) == []

    folders = {path: path.stat().st_mode for path in [steered.folder, *steered.folder.rglob("*")] if path.is_dir()}
    try:
        for folder in folders:
            folder.chmod(0o755)
        assert opened(files(steered), *nobody) == []
    finally:
        for folder, mode in folders.items():
            folder.chmod(mode)


def test_nothing_of_it_has_a_name_that_needs_no_file(hosts: Network, steered: Shared) -> None:
    """Abstract sockets have no mode: whoever is on the machine may connect."""
    named = [
        line.split()[7]
        for line in Path(f"/proc/{steered.pid}/net/unix").read_text().splitlines()
        if len(line.split()) > 7
    ]

    assert not [name for name in named if name.startswith("@")]


def test_the_inspector_and_its_api_are_no_path_of_the_share(steered: Shared, service: Service) -> None:
    """Not for strangers, and not for who was let in: it is the service's path then, or nobody's."""
    guest = let_in(steered, "pairing")
    for path in (b"/api/exchanges", b"/api/share", b"/metrics", b"/?token=x", b"/api/openapi.json"):
        service.forget()
        assert steered.ask(get(path), steered.hosts.stranger()).status == 401
        assert service.connections == 0
        assert guest.ask(path).body == SECRET
    for path in (b"/.tunnel/api/share", b"/.tunnel/share/stop", b"/.tunnel/revoke"):
        service.forget()
        assert guest.ask(path).status == 404
        assert service.connections == 0


def test_the_inspectors_host_is_none_of_the_shares(steered: Shared, service: Service) -> None:
    guest = LetIn(steered)
    service.forget()
    for host in (f"127.0.0.1:{steered.inspector_port}", f"localhost:{steered.inspector_port}"):
        for target in ("/", f"https://{host}/", f"http://{host}/api/share"):
            assert guest.send(f"GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()).status == 421
    assert service.connections == 0
