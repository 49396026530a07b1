"""`tunnel share`: one rule, one address, an end; what opens wide has to be said, and nothing is guessed."""

import io
import json
import re
import sys
from contextlib import redirect_stdout
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tunnel.cli import share as command
from tunnel.cli import share_asking
from tunnel.cli.lines import Look
from tunnel.cli.main import tunnel
from tunnel.cli.share_shown import Shown, code, lines
from tunnel.errors import UsageError
from tunnel.model.config import Config, Mode
from tunnel.model.share import Access, Rate, Share
from tunnel.net.lan import Interface, Kind
from tunnel.terminal import Shared, Started

HOME = Interface("wlan0", "192.168.1.5", ip_network("192.168.1.0/24"), Kind.LOCAL)
HOME_6 = Interface("wlan0", "fd12::5", ip_network("fd12::/64"), Kind.LOCAL)
HOME_GLOBAL = Interface("wlan0", "2001:db8::5", ip_network("2001:db8::/64"), Kind.LOCAL)
OFFICE = Interface("eth0", "10.0.0.5", ip_network("10.0.0.0/8"), Kind.LOCAL)
TOKEN = "a-token-of-ones-own-0123456789"


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Config]:
    """The configs that would have been served."""
    configs: list[Config] = []
    monkeypatch.setattr(command, "interfaces", lambda: [HOME])
    monkeypatch.setattr(command, "run_front", lambda config, terminal: configs.append(config))
    return configs


def typed(*words: str, folder: Path, input: str = "") -> Any:
    return CliRunner().invoke(tunnel, ["share", *words, "--folder", str(folder)], input=input)


def shared(opened: list[Config], folder: Path, *words: str, input: str = "") -> Share:
    result = typed("3000", *words, folder=folder, input=input)
    if result.exception:
        raise result.exception
    share = opened[-1].share
    assert share is not None
    return share


def test_without_a_word_each_device_asks_for_an_hour_and_one_address_is_bound(opened, tmp_path):
    share = shared(opened, tmp_path)

    config = opened[0]
    assert (share.access, share.seconds, share.yes, share.read_only) == (Access.PAIRING, 3600, False, False)
    assert (share.address, share.interface, share.network) == ("192.168.1.5", "wlan0", ip_network("192.168.1.0/24"))
    assert (config.listen.hosts, config.listen.interface, config.listen.named) == (("192.168.1.5",), "wlan0", False)
    assert config.mode is Mode.HTTPS
    assert config.limits.connections == 512
    assert share.names[0].endswith("-3000.local")


def test_an_interface_means_its_ipv6_address_too_and_an_address_means_itself(opened, tmp_path, monkeypatch):
    monkeypatch.setattr(command, "interfaces", lambda: [OFFICE, HOME, HOME_GLOBAL, HOME_6])

    share = shared(opened, tmp_path, "--interface", "wlan0")
    assert share.addresses == opened[-1].listen.hosts == ("192.168.1.5", "fd12::5")
    assert share.networks == (ip_network("192.168.1.0/24"), ip_network("fd12::/64"))
    for address in ("192.168.1.5", "fd12::5"):
        share = shared(opened, tmp_path, "--address", address)
        assert share.addresses == opened[-1].listen.hosts == (address,)
    with pytest.raises(UsageError, match="further away than a local network"):
        shared(opened, tmp_path, "--address", "2001:db8::5")


def test_every_flag_is_heard(opened, tmp_path):
    share = shared(
        opened, tmp_path, "--read-only", "--upgrades", "--path", "/app", "--path", "/api/*", "--rate", "20/s",
        "--allow", "192.168.1.7", "--deny", "192.168.1.64/26", "--name", "demo", "--for", "30m", "--yes", "--no-mdns",
        "--max-connections", "9", "--port", "8443",
    )  # fmt: skip

    assert (share.read_only, share.upgrades, share.paths, share.rate) == (True, True, ("/app", "/api/*"), Rate(20))
    assert (share.allow, share.deny) == ((ip_network("192.168.1.7/32"),), (ip_network("192.168.1.64/26"),))
    assert (share.names[0], share.seconds, share.yes, share.announce) == ("demo.local", 1800, True, False)
    assert (opened[0].limits.connections, opened[0].listen.port, opened[0].listen.named) == (9, 8443, True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--password", "--token"], "--password and --token do not go together"),
        (["--yes", "--open"], "--yes and --open do not go together"),
        (["--yes-to-everybody"], "confirms --open, and nothing else"),
        (["--for", "1h", "--until", "18:00"], "do not go together"),
        (["--upgrades"], "is for --read-only"),
        (["--workers", "2"], "is not for a share"),
        (["--interface", "eth9"], "no interface 'eth9'"),
        (["--path", "app"], "app"),
        (["--open"], "has to be confirmed"),
    ],
)
def test_what_makes_no_sense_is_refused_and_nothing_is_opened(opened, tmp_path, words, said):
    result = typed("3000", *words, folder=tmp_path)

    assert isinstance(result.exception, UsageError) and said in result.exception.what
    assert result.exception.hint
    assert opened == []


def test_without_a_target_nothing_is_opened(opened, tmp_path):
    assert "nothing to share" in str(typed(folder=tmp_path).exception)


def test_in_several_networks_where_nobody_can_be_asked_nothing_is_guessed(opened, tmp_path, monkeypatch):
    monkeypatch.setattr(command, "interfaces", lambda: [HOME, OFFICE])

    with pytest.raises(UsageError, match=r"several networks: eth0 \(10\.0\.0\.5\), wlan0 \(192\.168\.1\.5\)") as raised:
        shared(opened, tmp_path)

    assert raised.value.hint == "name one: --interface eth0"
    assert shared(opened, tmp_path, "--interface", "wlan0").address == "192.168.1.5"


def test_in_several_networks_a_person_is_asked(opened, tmp_path, monkeypatch):
    monkeypatch.setattr(command, "interfaces", lambda: [HOME, OFFICE])
    monkeypatch.setattr(share_asking, "_somebody", lambda: True)

    assert shared(opened, tmp_path, input="9\n2\n").address == "192.168.1.5"


def test_open_to_everybody_is_typed_by_a_person_or_said_twice(opened, tmp_path, monkeypatch):
    assert shared(opened, tmp_path, "--open", "--yes-to-everybody").access is Access.OPEN
    monkeypatch.setattr(share_asking, "_somebody", lambda: True)
    assert shared(opened, tmp_path, "--open", input="open\n").access is Access.OPEN
    for answer in ("y\n", "yes\n", "\n", "OPEN\n"):
        with pytest.raises(UsageError, match="it was not confirmed"):
            shared(opened, tmp_path, "--open", input=answer)


def test_a_token_is_made_or_taken_from_the_environment_and_never_from_the_command_line(opened, tmp_path, monkeypatch):
    one, other = (shared(opened, tmp_path, "--token").token for _ in range(2))
    assert one != other and len(one) == 43
    monkeypatch.setenv("TUNNEL_SHARE_TOKEN", TOKEN)
    assert shared(opened, tmp_path, "--token").token == TOKEN
    for wrong in ("short", "with a blank in it, and long", "grüße-grüße-grüße-grüße", "x" * 19):
        monkeypatch.setenv("TUNNEL_SHARE_TOKEN", wrong)
        with pytest.raises(UsageError, match="TUNNEL_SHARE_TOKEN") as raised:
            shared(opened, tmp_path, "--token")
        assert wrong not in raised.value.what + raised.value.hint
    assert TOKEN not in repr(opened)


def test_a_password_is_read_where_no_history_keeps_it_and_only_its_hash_is_kept(opened, tmp_path):
    share = shared(opened, tmp_path, "--password", input="correct horse battery\n")

    assert share.access is Access.PASSWORD
    assert share.password.startswith("$argon2id$") and "correct" not in share.password
    assert "argon2id" not in repr(opened)
    with pytest.raises(UsageError, match="there is no password"):
        shared(opened, tmp_path, "--password")
    with pytest.raises(UsageError, match="shorter than"):
        shared(opened, tmp_path, "--password", input="short\n")


def test_a_config_file_may_hold_the_hash_and_what_narrows_but_nothing_that_opens_wide(opened, tmp_path):
    hashed = typed("--hash-password", folder=tmp_path, input="correct horse battery\n").stdout.strip()
    file = tmp_path / "tunnel.toml"
    file.write_text(
        f'target = 3000\n[share]\npassword = "{hashed}"\nfor = "2h"\nallow = ["192.168.1.0/25"]\nread_only = true\n'
        'paths = ["/app"]\nrate = "5/s"\nname = "demo"\ninterface = "wlan0"\n'
    )

    result = typed("--config", str(file), folder=tmp_path)

    assert result.exception is None
    share = opened[-1].share
    assert share is not None
    assert (share.access, share.password, share.seconds) == (Access.PASSWORD, hashed, 7200)
    assert (share.read_only, share.paths, share.rate, share.names[0]) == (True, ("/app",), Rate(5), "demo.local")
    assert share.allow == (ip_network("192.168.1.0/25"),)
    assert shared(opened, tmp_path, "--config", str(file), "--yes").access is Access.PAIRING
    for wrong, said in [
        ('for = "ever"', "share.for"), ("open = true", "no setting share.open"), ("yes = true", "no setting share.yes"),
        ('lasting = "1h"', "no setting share.lasting"), ('password = 7', "share.password is '***'"),
        ('allow = "192.168.1.0/24"', "share.allow"), ('rate = "fast"', "share.rate"), ('password = "plain"', "argon2id"),
    ]:  # fmt: skip
        file.write_text(f"target = 3000\n[share]\n{wrong}\n")
        failed = typed("--config", str(file), folder=tmp_path).exception
        assert isinstance(failed, UsageError) and said in failed.what, wrong


def test_what_a_person_sees_first_is_where_to_whom_and_until_when():
    share = Share(address="192.168.1.5", interface="wlan0", network=HOME.network, names=("demo.local",), read_only=True)
    shown = Shared(
        share, ("https://192.168.1.5:1", "https://demo.local:1"), "https://192.168.1.5:1/x?token=t", "ab" * 32
    )

    said = [text for text, _ in lines(shown, 0.0)]

    assert "also https://demo.local:1" in said
    assert any("shared on wlan0 with 192.168.1.0/24" in text and "asks" in text for text in said)
    assert "read-only" in said
    assert any(text.startswith("until ") for text in said)
    assert any("fingerprint" in text and len(text.split()) > 10 for text in said)
    assert max(map(len, [word for text in said for word in text.split()])) < 80


class Terminal(io.TextIOWrapper):
    """A terminal, of which a test sees what stands on it."""

    def __init__(self) -> None:
        self.written = io.BytesIO()
        super().__init__(self.written, encoding="utf-8", write_through=True)

    def isatty(self) -> bool:
        return True

    def lines(self) -> list[str]:
        return re.sub(r"\x1b\[[0-9;]*m", "", self.written.getvalue().decode()).splitlines()


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm")
    return Terminal()


LINK = "https://192.168.111.111:62893/.tunnel/join?token=" + "x" * 24


def begun(terminal: Terminal, folder: Path, *, as_json: bool = False) -> Shown:
    share = Share(address="192.168.111.111", interface="wlan0", network=HOME.network, names=("demo.local",))
    shared = Shared(share, ("https://192.168.111.111:62893", "https://demo.local:62893"), LINK, "ab" * 32)
    with redirect_stdout(terminal):
        shown = Shown(folder, as_json=as_json, quiet=True, qr=True)
        shown.started(Started("https://192.168.111.111:62893", 62893, "http://localhost:3000", None, None, "", shared))
    return shown


def test_the_link_and_its_code_come_last_and_fit_a_window_of_24_lines(terminal, tmp_path):
    begun(terminal, tmp_path).close()

    said = terminal.lines()
    at = said.index("open it by camera, or type:")
    assert said[at + 1].strip() == LINK
    assert all(not set(text) - set(" ▄▀█") for text in said[at + 2 :])
    assert len(said[at:]) <= 23
    assert all(len(text) <= 80 for text in said if str(tmp_path) not in text)  # where a path breaks is not ours


def test_a_link_that_was_used_up_is_followed_by_the_next_with_its_code(terminal, tmp_path):
    shown = begun(terminal, tmp_path)
    another = LINK.replace("x", "y")
    shown.link(another)
    shown.close()

    said = terminal.lines()
    at = said.index("that link is used up; for one more device:")
    assert said[at + 1].strip() == another
    assert decoded(said[at + 2 :], colour=True, painted=False) == matrix(another)


def test_a_program_is_told_of_the_next_link(terminal, tmp_path):
    shown = begun(terminal, tmp_path, as_json=True)
    shown.link("https://next")
    shown.close()

    assert json.loads(terminal.lines()[-1]) == {"event": "share", "what": "link", "link": "https://next"}


def test_what_is_shared_by_ipv6_too_is_one_line_more():
    more = ((HOME_6.address, HOME_6.network),)
    share = Share(address="192.168.1.5", interface="wlan0", network=HOME.network, names=("demo.local",), more=more)
    urls = ("https://192.168.1.5:1", "https://demo.local:1", "https://[fd12::5]:1")

    said = [text for text, _ in lines(Shared(share, urls, "https://192.168.1.5:1/x?token=t", "ab" * 32), 0.0)]

    assert said[:2] == ["also https://demo.local:1", "also https://[fd12::5]:1, the same by IPv6"]
    assert "shared on wlan0 with 192.168.1.0/24 and fd12::/64" in said[2]


def test_everybody_and_for_ever_are_said_loudly():
    share = Share(address="192.168.1.5", interface="wlan0", network=HOME.network, access=Access.OPEN, seconds=0)

    said = dict(lines(Shared(share, ("https://192.168.1.5:1",), "https://192.168.1.5:1/", "ab" * 32), 0.0))

    loud = [text for text, colour in said.items() if colour == "1;31"]
    assert len(loud) == 2 and "EVERYBODY" in loud[0] and "FOR EVER" in loud[1]


@pytest.mark.parametrize("colour", [True, False])
def test_a_code_is_drawn_where_it_fits_and_says_the_link(colour):
    link = "https://192.168.1.5:62893/.tunnel/join?token=" + "x" * 43

    drawn = code(link, Look(80, colour), "utf-8")

    assert decoded(drawn, colour) == matrix(link)
    assert code(link, Look(40, colour), "utf-8") == []
    assert code(link, Look(80, colour), "ascii") == []


def matrix(link: str) -> list[list[bool]]:
    import segno

    return [[bool(module) for module in row] for row in segno.make(link, error="l", micro=False).matrix_iter(border=4)]


def decoded(drawn: list[str], colour: bool, *, painted: bool = True) -> list[list[bool]]:
    """Return the dark modules of what was drawn: ink is dark with colours, and light on a dark terminal."""
    if colour and painted:
        assert all(line.startswith("\x1b[38;5;16;48;5;231m") and line.endswith("\x1b[0m") for line in drawn)
        drawn = [line.removeprefix("\x1b[38;5;16;48;5;231m").removesuffix("\x1b[0m") for line in drawn]
    rows = []
    for line in drawn:
        rows += [[(half in "▀█") is colour for half in line], [(half in "▄█") is colour for half in line]]
    return rows[: len(rows[0])]


def test_a_plain_front_imports_nothing_of_a_share():
    import subprocess

    code = "import sys, tunnel.cli.main, tunnel.cli.serve; print([m for m in sys.modules if m.split('.')[0] in"
    code += " ('segno', 'zeroconf', 'argon2') or m.startswith(('tunnel.share', 'tunnel.run_share', 'tunnel.net.lan'))])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout.strip() == b"[]"
