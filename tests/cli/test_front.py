"""Where the tunnel of a folder is, by what it says of itself and by what the user says."""

import json
import ssl
from pathlib import Path

import pytest

from tunnel.cli.front import context_for, front_of, running
from tunnel.cli.jobs import way_of
from tunnel.errors import TunnelError, UsageError
from tunnel.model.address import parse_target
from tunnel.model.headers import Headers
from tunnel.model.replay import ReplayPlan

TOLD = {"url": "https://127.0.0.1:62894", "token": "T", "pid": 1, "authority": "/x", "front": "https://127.0.0.1:4000"}


def says(folder: Path, told: object) -> None:
    (folder / "inspector.json").write_text(told if isinstance(told, str) else json.dumps(told))


def test_a_running_tunnel_says_where_it_is(tmp_path: Path) -> None:
    says(tmp_path, TOLD | {"new": "key"})

    told = running(tmp_path)

    assert told is not None
    assert (told.front, told.window, told.token) == (
        parse_target("https://127.0.0.1:4000"), parse_target("https://127.0.0.1:62894"), "T",
    )  # fmt: skip


@pytest.mark.parametrize("front", [None, ""])
def test_a_window_without_a_front_leaves_the_usual_address(tmp_path: Path, front: str | None) -> None:
    says(tmp_path, TOLD | {"front": front})

    assert str(front_of(running(tmp_path), None)) == "https://127.0.0.1:62893"


def test_where_none_runs_the_usual_address_is_tried(tmp_path: Path) -> None:
    assert running(tmp_path) is None
    assert str(front_of(None, None)) == "https://127.0.0.1:62893"


@pytest.mark.parametrize(
    "told",
    [
        "", "[]", "nonsense", '{"url": 3}', b"\xff".decode("latin-1"), TOLD | {"front": "https://other.test:1"},
        TOLD | {"url": "http://192.0.2.1:80"}, TOLD | {"front": "ftp://127.0.0.1"}, TOLD | {"url": "unix:/x"},
    ],
)  # fmt: skip
def test_a_file_that_is_none_of_ours_is_told_unless_it_is_not_needed(tmp_path: Path, told: object) -> None:
    """Nothing is ever sent to another machine because a file says so."""
    says(tmp_path, told)

    with pytest.raises(TunnelError, match="is not what a tunnel writes") as caught:
        running(tmp_path)
    assert "--via" in caught.value.hint
    way = way_of(tmp_path, to=None, via="https://127.0.0.1:5000", patience=1, force=False)
    assert (str(way.front), way.told) == ("https://127.0.0.1:5000", None)


def test_who_names_another_tunnel_does_not_send_through_this_one(tmp_path: Path) -> None:
    says(tmp_path, TOLD)

    here = way_of(tmp_path, to=None, via="https://127.0.0.1:4000", patience=1, force=False)
    other = way_of(tmp_path, to=None, via="https://127.0.0.1:4001", patience=1, force=False)

    assert here.told is not None
    assert other.told is None


def test_a_via_that_is_no_address_is_a_wrong_word(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        way_of(tmp_path, to=None, via="https://127.0.0.1/path", patience=1, force=False)


def plan(place: str, *, front: bool) -> ReplayPlan:
    return ReplayPlan(1, b"GET", b"/", Headers(), b"", parse_target(place), front, 1)


def test_a_front_is_verified_by_its_folders_authority_and_nothing_else(tmp_path: Path) -> None:
    with pytest.raises(TunnelError, match="has no authority") as caught:
        context_for(tmp_path, plan("https://127.0.0.1:1", front=True))
    assert "--folder" in caught.value.hint

    from certs.authority import Authority

    Authority.load_or_make(tmp_path / "authority")
    ours = context_for(tmp_path, plan("https://127.0.0.1:1", front=True))
    assert (ours.verify_mode, ours.check_hostname, len(ours.get_ca_certs())) == (ssl.CERT_REQUIRED, True, 1)


@pytest.mark.parametrize(
    ("place", "mode"), [("https://a.test", ssl.CERT_REQUIRED), ("https+insecure://a.test", ssl.CERT_NONE)]
)
def test_elsewhere_is_verified_as_its_scheme_says(tmp_path: Path, place: str, mode: ssl.VerifyMode) -> None:
    assert context_for(tmp_path, plan(place, front=False)).verify_mode == mode
