"""The wall clock jumps while traffic flows: durations and order stay true, and no certificate is served that has run out."""

import socket
import ssl
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509

from certs.limits import DAYS, LEAF_LIFETIME, LEAF_RENEWED
from tests.fire.places import Upstream, upstream_with_ledger
from tests.helpers.fronts import Front

LAUNCHER = Path(__file__).parent / "jumping_clock.py"
HOUR = 3600


@pytest.fixture
def upstream(tmp_path: Path) -> Iterator[Upstream]:
    with upstream_with_ledger(tmp_path) as running:
        yield running


class Jumping:
    """A front and the clock it looks at."""

    def __init__(self, front: Front, file: Path) -> None:
        self.front = front
        self._file = file

    def jump(self, ahead: int) -> float:
        """Set the front's clock, so many seconds ahead of the true one; return what it shows."""
        new = self._file.with_suffix(".new")
        new.write_text(str(ahead))
        new.replace(self._file)
        return time.time() + ahead

    def certificate(self) -> x509.Certificate:
        """Return the leaf that the next client gets, whatever that client's clock says of it."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with (
            socket.create_connection(("127.0.0.1", self.front.port), 30) as raw,
            context.wrap_socket(raw, server_hostname="localhost") as secured,
        ):
            leaf = secured.getpeercert(binary_form=True)
        assert leaf is not None
        return x509.load_der_x509_certificate(leaf)


@pytest.fixture
def jumping(tmp_path: Path, upstream: Upstream) -> Iterator[Jumping]:
    file = tmp_path / "ahead"
    file.write_text("0")

    def command(*words: str) -> list[str]:
        return [sys.executable, str(LAUNCHER), str(file), *words]

    with Front(upstream.port, tmp_path / "folder", command=command) as front:
        yield Jumping(front, file)


@pytest.mark.parametrize("ahead", [HOUR, -HOUR, 400 * DAYS, -400 * DAYS])
def test_a_clock_that_jumps_breaks_no_request_no_duration_and_no_order(jumping: Jumping, ahead: int) -> None:
    front = jumping.front
    with front.client() as client:
        for number in range(3):
            assert client.get(f"/before/{number}").status_code == 200
        front.recorded(count=3)
        shown = jumping.jump(ahead)
        for number in range(3):
            assert client.get(f"/after/{number}").status_code == 200
        rows = front.recorded(count=6)

    assert [row["target"] for row in rows] == [f"/{when}/{n}" for when in ("before", "after") for n in range(3)]
    assert all(0 < row["duration_ms"] < 10_000 for row in rows)
    after = datetime.fromisoformat(rows[3]["started"]).timestamp()
    # Set ahead, as after a laptop's sleep, the times that are shown follow; set back they do not, for the order's sake.
    assert abs(after - (shown if ahead > 0 else time.time())) < 60


@pytest.mark.parametrize("ahead", [LEAF_LIFETIME - LEAF_RENEWED + HOUR, LEAF_LIFETIME + 1 * DAYS])
def test_a_leaf_that_a_jump_has_brought_near_its_end_or_past_it_is_renewed(jumping: Jumping, ahead: int) -> None:
    first = jumping.certificate()
    assert jumping.certificate() == first
    now = datetime.fromtimestamp(jumping.jump(ahead), UTC)

    renewed = jumping.certificate()
    assert renewed.not_valid_before_utc < now < renewed.not_valid_after_utc
    assert renewed.not_valid_after_utc.timestamp() - now.timestamp() > LEAF_LIFETIME - 2 * HOUR
    jumping.jump(0)
    again = jumping.certificate()
    assert again.not_valid_before_utc < datetime.now(UTC) < again.not_valid_after_utc
