"""Firewalls: what each tool's real output says of one connection, and who is asked. With real kernels: tests/lan."""

import json
import shlex
import stat
from collections.abc import Mapping, Sequence
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunnel.net import firewall, firewall_fronts, firewall_iptables, firewall_macos, firewall_nft, firewall_windows
from tunnel.net.firewall import Machine, Passage, look, obstacle
from tunnel.net.firewall_rules import Fits

RULES = Path(__file__).parent / "firewalls"
RECORDED = RULES / "recorded"
HERE = Passage("10.78.0.1", ip_network("10.78.0.0/24"), 62893, "lan0", seconds=3600)
HERE_V6 = Passage("fd78::1", ip_network("fd78::/64"), 62893, "lan0")


def recorded(name: str) -> str:
    return (RECORDED / name).read_text()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("nothing", None),
        ("workstation", ("input", True)),
        ("port", None),
        ("network", None),
        ("half-a-network", ("input", False)),
        ("jumps", None),
        ("goto-without-end", ("input", True)),
        ("last-rule-rejects", ("input", True)),
        ("rate", ("input", False)),
        ("two-tables", ("input", True)),
        ("blocklist", None),
        ("other-interface", None),
        ("before-routing", ("prerouting", True)),
        ("firewalld-shut", ("filter_IN_public", True)),
        ("firewalld-rich", None),
    ],
)
def test_a_ruleset_of_nftables_is_followed_as_the_kernel_does(name: str, expected: tuple[str, bool] | None) -> None:
    found = firewall_nft.refusal(recorded(f"{name}.nft.json"), HERE)

    assert (found and (found.where, found.sure)) == expected


@pytest.mark.parametrize("name", ["workstation", "two-tables", "jumps"])
def test_rules_for_ipv6_are_those_of_its_own_families(name: str) -> None:
    found = firewall_nft.refusal(recorded(f"{name}.nft.json"), HERE_V6)

    assert (found is None) == (name == "two-tables")  # its second table is for IPv4


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"nftables": 1}', '{"nftables": [1]}', "nft: command failed"])
def test_what_is_no_ruleset_is_said_to_be_none(text: str) -> None:
    with pytest.raises(ValueError, match="not a ruleset"):
        firewall_nft.refusal(text, HERE)


@st.composite
def spoilt(draw: st.DrawFn) -> str:
    """A real ruleset in which something is not what it should be."""
    whole = json.loads(
        recorded(
            draw(st.sampled_from(["jumps", "workstation", "port", "last-rule-rejects", "blocklist"])) + ".nft.json"
        )
    )
    at: Any = whole
    while True:
        keys = list(at) if isinstance(at, dict) else list(range(len(at)))
        key = draw(st.sampled_from(keys))
        inner = at[key]
        if not (isinstance(inner, dict | list) and inner) or draw(st.integers(0, 3)) == 0:
            at[key] = draw(
                st.sampled_from(
                    [None, 7, "x", "@x", [], {}, [[]], {"set": 1}, {"range": [1]}, {"prefix": {}}, True, -1]
                )
            )
            return json.dumps(whole)
        at = inner


@given(spoilt())
def test_a_ruleset_that_is_not_as_its_schema_says_is_judged_or_said_to_be_none(text: str) -> None:
    try:
        firewall_nft.refusal(text, HERE)
    except ValueError as error:
        assert "not a ruleset" in str(error)


@pytest.mark.parametrize(
    "expression",
    [
        {"match": {"op": "==", "left": {"meta": {"key": "mark"}}, "right": 7}},
        {"match": {"op": "==", "left": {"&": [{"payload": {"protocol": "tcp", "field": "flags"}}, "fin"]}, "right": 0}},
        {
            "match": {
                "op": "==",
                "left": {"payload": {"protocol": "ip", "field": "saddr"}},
                "right": "@nobody-has-told-of-it",
            }
        },
        {"match": {"op": "==", "left": {"socket": {"key": "mark"}}, "right": 1}},
        {"match": {"op": "!=", "left": None, "right": None}},
        {"a statement of tomorrow": {}},
        {"limit": {"rate": 5, "per": "second"}},
    ],
)
def test_a_rule_that_cannot_be_judged_makes_a_refusal_unsure_and_refuses_nothing_itself(expression: object) -> None:
    def ruleset(verdict: str, policy: str) -> str:
        chain = {
            "family": "inet",
            "table": "t",
            "name": "c",
            "type": "filter",
            "hook": "input",
            "prio": 0,
            "policy": policy,
        }
        rule = {"family": "inet", "table": "t", "chain": "c", "expr": [expression, {verdict: None}]}
        return json.dumps({"nftables": [{"table": {"family": "inet", "name": "t"}}, {"chain": chain}, {"rule": rule}]})

    unsure = firewall_nft.refusal(ruleset("accept", "drop"), HERE)
    assert unsure is not None
    assert not unsure.sure
    assert firewall_nft.refusal(ruleset("drop", "accept"), HERE) is None


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("policy", ("INPUT", True)),
        ("last-rule-rejects", ("INPUT", True)),
        ("ports", None),
        ("rate", ("INPUT", False)),
        ("docker", None),
    ],
)
def test_rules_of_iptables_are_followed_as_the_kernel_does(name: str, expected: tuple[str, bool] | None) -> None:
    assert firewall_iptables.refusal((RULES / f"{name}.iptables").read_text(), HERE) == expected


def test_ufws_own_chains_are_followed_to_their_end() -> None:
    shut = firewall_iptables.refusal(recorded("ufw-shut.iptables"), HERE)

    assert shut is not None
    assert shut[1]
    assert firewall_iptables.refusal(recorded("ufw-open.iptables"), HERE) is None
    assert firewall_iptables.refusal(recorded("ufw-shut.ip6tables"), HERE_V6) is not None


@pytest.mark.parametrize(
    ("rule", "lets_in"),
    [
        ("-s 10.78.0.0/24 -p tcp --dport 62893", True),
        ("! -s 10.78.0.0/24 -p tcp", False),
        ("-p udp --dport 62893", False),
        ("-p tcp --dport 1:62892", False),
        ("-p tcp -m multiport --dports 22,62893", True),
        ("-m iprange --src-range 10.0.0.0-10.255.255.255", True),
        ("-m iprange --dst-range 10.78.0.2-10.78.0.9", False),
        ("-i lan+", True),
        ("! -i lan0", False),
        ("-d 10.78.0.1/32", True),
        ("-d 224.0.0.0/4", False),
        ("-m addrtype --dst-type LOCAL", True),
        ("-m addrtype --dst-type BROADCAST", False),
        ("-p tcp --tcp-flags FIN,SYN,RST,ACK SYN", True),
        ("-p tcp --tcp-flags ALL NONE", False),
        ("-p icmp -m icmp --icmp-type 8", False),
        ('-m comment --comment "a -s 1.2.3.4 -j DROP inside"', True),
    ],
)
def test_each_condition_of_iptables_says_whom_it_means(rule: str, lets_in: bool) -> None:
    rules = f"*filter\n:INPUT DROP [0:0]\n-A INPUT {rule} -j ACCEPT\nCOMMIT\n"

    found = firewall_iptables.refusal(rules, HERE)

    assert (found is None) == lets_in
    assert found is None or found[1]


def test_what_the_tools_let_in_of_questions_about_names_by_themselves() -> None:
    names = Passage.of_names(HERE.network, "lan0")

    assert firewall_iptables.refusal(recorded("ufw-shut.iptables"), names) is None  # in its before.rules
    assert firewall_nft.refusal(recorded("workstation.nft.json"), names) is not None
    assert firewall_fronts.firewalld_lets_in(recorded("firewalld-shut.txt"), names) is Fits.NO
    fedora = recorded("firewalld-shut.txt").replace("ssh", "mdns ssh")
    assert firewall_fronts.firewalld_lets_in(fedora, names) is Fits.YES
    assert 'port port="5353" protocol="udp"' in firewall_fronts.firewalld_opens("public", names)[0]
    assert look(names, machine(Answers(), platform="win32")) is None
    assert look(names, machine(Answers(usrlibexec="Firewall is enabled. (State = 1)"), platform="darwin")) is None


def test_chains_that_jump_in_a_circle_end() -> None:
    rules = "*filter\n:INPUT DROP [0:0]\n:A - [0:0]\n:B - [0:0]\n-A INPUT -j A\n-A A -j B\n-A B -j A\nCOMMIT\n"

    assert firewall_iptables.refusal(rules, HERE) == ("INPUT", True)


def test_a_zone_of_firewalld_lets_in_what_it_names() -> None:
    judged = {
        name: firewall_fronts.firewalld_lets_in(recorded(f"firewalld-{name}.txt"), HERE)
        for name in ("shut", "rich", "ports", "trusted")
    }

    assert judged == {"shut": Fits.NO, "rich": Fits.YES, "ports": Fits.YES, "trusted": Fits.YES}


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ('rule family="ipv6" port port="62893" protocol="tcp" accept', Fits.NO),
        ('rule family="ipv4" source address="10.78.0.0/25" port port="62893" protocol="tcp" accept', Fits.PERHAPS),
        ('rule family="ipv4" source NOT address="10.78.0.0/24" accept', Fits.NO),
        ('rule service name="http" accept', Fits.NO),
        ('rule family="ipv4" source address="10.0.0.0/8" accept', Fits.YES),
        ('rule family="ipv4" source ipset="friends" accept', Fits.PERHAPS),
    ],
)
def test_a_rich_rule_says_whom_it_means(rule: str, expected: Fits) -> None:
    zone = recorded("firewalld-shut.txt") + f"\t{rule}\n"

    assert firewall_fronts.firewalld_lets_in(zone, HERE) is expected


def test_the_zone_is_that_of_the_interface_else_the_default() -> None:
    active = "home (default)\n  interfaces: eth0\n" + recorded("firewalld-active.txt")

    assert firewall_fronts.firewalld_zone(active, "lan0", "home\n") == "public"
    assert firewall_fronts.firewalld_zone(active, "wlan0", "home\n") == "home"


class Answers:
    """Stands for a machine's tools: what they print, by the first words of how they are called."""

    def __init__(self, **printed: str) -> None:
        self.printed = printed
        self.asked: list[list[str]] = []

    def __call__(self, argv: Sequence[str]) -> str | None:
        self.asked.append(list(argv))
        key = "_".join(argv).replace("-", "").replace("/", "")
        return next((text for name, text in self.printed.items() if key.startswith(name)), None)


def machine(answers: Answers, *, platform: str = "linux", files: Mapping[str, str] | None = None, root: bool = True,
            environ: Mapping[str, str] | None = None, release: str = "") -> Machine:  # fmt: skip
    return Machine(
        platform=platform,
        run=answers,
        read=lambda path: (files or {}).get(path, ""),
        superuser=root,
        program="/opt/python3.11",
        environ=environ or {},
        release=release,
    )


def test_ufw_is_named_with_the_command_that_opens_just_this() -> None:
    answers = Answers(ufw_status=recorded("ufw-on.txt"), iptablessave=recorded("ufw-shut.iptables"))

    found = look(HERE, machine(answers))

    assert found is not None
    assert (found.firewall, found.sure) == ("ufw", True)
    assert found.opens == "sudo ufw allow proto tcp from 10.78.0.0/24 to 10.78.0.1 port 62893"
    assert found.closes == "sudo ufw delete allow proto tcp from 10.78.0.0/24 to 10.78.0.1 port 62893"
    assert "10.78.0.0/24" in found.error().what
    assert found.opens in found.error().hint


def test_ufw_that_lets_it_in_is_not_named() -> None:
    answers = Answers(ufw_status=recorded("ufw-on.txt"), iptablessave=recorded("ufw-open.iptables"))

    assert look(HERE, machine(answers)) is None


def test_without_root_ufws_files_say_that_it_may_be_in_the_way() -> None:
    files = {"/etc/ufw/ufw.conf": recorded("ufw.conf"), "/etc/default/ufw": recorded("default-ufw")}
    answers = Answers()

    found = look(HERE, machine(answers, files=files, root=False))

    assert found is not None
    assert (found.firewall, found.sure) == ("ufw", False)
    assert all(argv[0] == "firewall-cmd" for argv in answers.asked)  # the rest answers root alone
    off = {**files, "/etc/ufw/ufw.conf": "ENABLED=no\n"}
    assert look(HERE, machine(Answers(), files=off, root=False)) is None
    open_ = {**files, "/etc/default/ufw": 'DEFAULT_INPUT_POLICY="ACCEPT"\n'}
    assert look(HERE, machine(Answers(), files=open_, root=False)) is None


def test_firewalld_is_asked_first_and_its_command_ends_with_the_share() -> None:
    answers = Answers(
        firewallcmd_state="running\n",
        firewallcmd_getactivezones=recorded("firewalld-active.txt"),
        firewallcmd_getdefaultzone="public\n",
        firewallcmd_zone=recorded("firewalld-shut.txt"),
    )

    found = look(HERE, machine(answers, root=False))

    assert found is not None
    assert found.firewall == "firewalld"
    words = shlex.split(found.opens)
    assert words[:3] == ["sudo", "firewall-cmd", "--zone=public"]
    assert words[-1] == "--timeout=3600"
    answers.printed["firewallcmd_zone"] = recorded("firewalld-rich.txt")
    assert look(HERE, machine(answers, root=False)) is None


def test_nothing_is_said_where_nothing_can_be_found_out() -> None:
    assert look(HERE, machine(Answers())) is None
    assert look(HERE, machine(Answers(nft="gibberish", iptablessave="gibberish"))) is None
    assert look(HERE, machine(Answers(), platform="sunos")) is None


def test_every_tool_is_asked_only_what_changes_nothing() -> None:
    reading = {
        "--state",
        "--get-active-zones",
        "--get-default-zone",
        "--list-all",
        "list",
        "status",
        "--getglobalstate",
    }
    reading |= {"--getblockall", "--getappblocked"}
    for platform in ("linux", "darwin", "win32"):
        answers = Answers(firewallcmd_state="running\n", firewallcmd_getdefaultzone="public",
                          usrlibexec="Firewall is enabled. (State = 1)")  # fmt: skip
        look(HERE, machine(answers, platform=platform))
        look(HERE, machine(Answers(), platform=platform))
        for argv in answers.asked:
            written = " ".join(argv)
            assert set(argv) & reading or argv[0] == "powershell", argv
            assert not any(
                word in written for word in ("Set-Net", "New-Net", "Remove-Net", "Enable-", "Disable-", "--add")
            )


MACOS_ON, MACOS_OFF = "Firewall is enabled. (State = 1)\n", "Firewall is disabled. (State = 0)\n"


@pytest.mark.parametrize(
    ("state", "block_all", "program", "sure"),
    [
        (MACOS_OFF, "Block all DISABLED!\n", "", None),
        (MACOS_ON, "Block all DISABLED!\n", "Incoming connection to the application is permitted\n", None),
        (MACOS_ON, "Block all DISABLED!\n", "Incoming connection to the application is blocked\n", True),
        (MACOS_ON, "Block all ENABLED!\n", "Incoming connection to the application is permitted\n", True),
        (MACOS_ON, "Firewall has block all state set to enabled.\n", "", True),
        (
            MACOS_ON,
            "Firewall has block all state set to disabled.\n",
            "The application is not part of the firewall\n",
            False,
        ),
        ("Firewall is blocking all non-essential incoming connections. (State = 2)\n", "", "", True),
    ],
)
def test_macos_is_believed_about_our_program(state: str, block_all: str, program: str, sure: bool | None) -> None:
    tool = "usrlibexecApplicationFirewallsocketfilterfw"
    answers = Answers(**{f"{tool}_getglobal": state, f"{tool}_getblock": block_all, f"{tool}_getapp": program})

    found = look(HERE, machine(answers, platform="darwin"))

    assert (found and found.sure) is sure


@pytest.mark.parametrize(
    ("environ", "release", "root", "app"),
    [
        ({"TERM_PROGRAM": "iTerm.app"}, "15.1", False, "iTerm.app"),
        ({"TERM_PROGRAM": "vscode"}, "26.0", False, "vscode"),
        ({"TERM_PROGRAM": "Apple_Terminal"}, "15.1", False, ""),
        ({"TERM_PROGRAM": "iTerm.app"}, "14.7", False, ""),
        ({"TERM_PROGRAM": "iTerm.app"}, "15.1", True, ""),
        ({"TERM_PROGRAM": "iTerm.app", "SSH_CONNECTION": "1"}, "15.1", False, ""),
        ({}, "", False, ""),
    ],
)
def test_macos_privacy_is_named_where_it_could_keep_a_name_to_itself(
    environ: Mapping[str, str], release: str, root: bool, app: str
) -> None:
    assert firewall_macos.private_network_app(environ, release, superuser=root) == app
    answers = Answers(usrlibexec=MACOS_OFF)
    found = look(HERE, machine(answers, platform="darwin", root=root, environ=environ, release=release))
    assert (found is not None and app in found.what and not found.sure) == bool(app)


def windows(category: str = "Private", *, enabled: str = "True", inbound: str = "Block", rules: Sequence[object] = (),
            allow_rules: str = "NotConfigured") -> str:  # fmt: skip
    profile = {"Enabled": enabled, "Inbound": inbound, "Rules": allow_rules}
    profiles = [{"Name": name, **profile} for name in ("Domain", "Private", "Public")]
    return json.dumps({"category": category, "profiles": profiles, "rules": list(rules)})


def rule(action: str = "Allow", profile: str = "Any", enabled: str = "True") -> dict[str, str]:
    return {"Action": action, "Profile": profile, "Enabled": enabled}


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (windows(), (Fits.NO, "Private")),
        (windows(enabled="False"), (Fits.YES, "Private")),
        (windows(inbound="Allow"), (Fits.YES, "Private")),
        (windows(rules=[rule()]), (Fits.YES, "Private")),
        (windows(rules=[rule(profile="Domain, Private")]), (Fits.YES, "Private")),
        (windows("Public", rules=[rule(profile="Private")]), (Fits.NO, "Public")),
        (windows("", rules=[rule(profile="Private")]), (Fits.NO, "Public")),
        (windows("DomainAuthenticated", rules=[rule(profile="Domain")]), (Fits.YES, "Domain")),
        (windows(rules=[rule(), rule("Block")]), (Fits.NO, "Private")),
        (windows(rules=[rule(enabled="False")]), (Fits.NO, "Private")),
        (windows(rules=[rule()], allow_rules="False"), (Fits.NO, "Private")),
        (windows(inbound="Allow", rules=[rule("Block")]), (Fits.NO, "Private")),
    ],
)
def test_windows_is_believed_about_the_profile_of_the_interface(answer: str, expected: tuple[Fits, str]) -> None:
    assert firewall_windows.lets_in(answer) == expected


def test_windows_is_named_with_a_command_for_just_this() -> None:
    found = look(HERE, machine(Answers(powershell=windows("Public")), platform="win32"))

    assert found is not None
    assert "public network" in found.what
    assert "-LocalPort 62893 -LocalAddress 10.78.0.1 -RemoteAddress 10.78.0.0/24" in found.opens
    assert look(HERE, machine(Answers(powershell="At line:1 char:1"), platform="win32")) is None


def test_names_are_quoted_for_powershell() -> None:
    (*_, script) = firewall_windows.question(
        Passage("10.0.0.1", ip_network("10.0.0.0/8"), 1, "Bob's; calc"), "C:\\it's.exe"
    )

    assert "'Bob''s; calc'" in script
    assert "'C:\\it''s.exe'" in script


@pytest.mark.anyio
async def test_the_question_never_raises_and_runs_beside_the_loop() -> None:
    def fails(argv: Sequence[str]) -> str | None:
        raise ValueError("a tool of tomorrow")

    assert await obstacle(HERE, Machine(platform="linux", run=fails)) is None


def test_a_tool_that_fails_is_missing_or_waits_for_somebody_gives_no_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, script in {
        "fails": "echo no; exit 1",
        "asks": "read word && echo $word",
        "hangs": "exec tail -f /dev/null",
    }.items():
        path = tmp_path / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(firewall, "_PATIENCE", 0.2)

    assert firewall.run(["fails"]) is None
    assert firewall.run(["not-there-at-all"]) is None
    assert firewall.run(["hangs"]) is None
    assert firewall.run(["asks"]) is None
