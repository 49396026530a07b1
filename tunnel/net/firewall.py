"""Firewall: whether one on this machine keeps a network from a listener, and what would open just that. Changes nothing.

What each tool's output means is for the `firewall_*` files; here is only which tool is asked, in which order, and the one
place that runs them. Whatever cannot be found out is not told: no answer, a tool that is not there, or five seconds without
one, is no obstacle. A firewall elsewhere (a router, an access point that keeps its guests apart) cannot be seen from here.
"""

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import trio

from tunnel.errors import TunnelError
from tunnel.net import firewall_fronts, firewall_iptables, firewall_macos, firewall_nft, firewall_windows
from tunnel.net.firewall_rules import Fits, Passage

__all__ = ["Machine", "Obstacle", "Passage", "obstacle"]

_PATIENCE = 5.0  # seconds for one tool; what takes longer asks a daemon that hangs, or a person for a password
_SYSTEM_FOLDERS = ("/usr/sbin", "/sbin", "/usr/local/sbin")  # where Debian keeps these tools, out of most people's PATH


def run(argv: Sequence[str]) -> str | None:
    """Run a tool that reads; return what it printed, or None where it is missing, fails or hangs. In English."""
    program = shutil.which(argv[0], path=os.pathsep.join([os.environ.get("PATH", os.defpath), *_SYSTEM_FOLDERS]))
    if program is None:
        return None
    try:
        done = subprocess.run(
            [program, *argv[1:]],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env={**os.environ, "LC_ALL": "C"},
            timeout=_PATIENCE,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode(errors="replace") if done.returncode == 0 else None


def read(path: str) -> str:
    """Return what is in a file, or nothing where it cannot be read."""
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _is_superuser() -> bool:
    return sys.platform != "win32" and os.geteuid() == 0


@dataclass(frozen=True, slots=True)
class Machine:
    """What is looked at; tests give another.

    Attributes:
      program: The path of what listens.
      release: Of macOS.
    """

    platform: str = sys.platform
    run: Callable[[Sequence[str]], str | None] = run
    read: Callable[[str], str] = read
    superuser: bool = field(default_factory=_is_superuser)
    program: str = field(default_factory=lambda: str(Path(sys.executable).resolve()))
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    release: str = field(default_factory=lambda: platform.mac_ver()[0])


@dataclass(frozen=True, slots=True)
class Obstacle:
    """A firewall in the way.

    Attributes:
      firewall: Its name: "ufw".
      what: What is the case; lower case, no full stop.
      opens: What to type to open just this port to just this network; empty where there is no such command.
      closes: What to type afterwards.
      sure: It refuses; otherwise it may.
    """

    firewall: str
    what: str
    opens: str = ""
    closes: str = ""
    sure: bool = True

    def error(self) -> TunnelError:
        """Return what to tell at the terminal."""
        hint = f"open it with: {self.opens}" if self.opens else ""
        return TunnelError(self.what, hint=hint + (f"; and close it again with: {self.closes}" if self.closes else ""))


async def obstacle(passage: Passage, machine: Machine | None = None) -> Obstacle | None:
    """Return the firewall on this machine that keeps a network from a listener, or None where none is seen.

    Never raises. Cancelled: it returns at once, and a tool that still runs ends by itself.
    """
    machine = machine or Machine()
    return await trio.to_thread.run_sync(lambda: look(passage, machine), abandon_on_cancel=True)


def look(passage: Passage, machine: Machine) -> Obstacle | None:
    """Do what `obstacle` does, in this thread."""
    try:
        match machine.platform:
            case "linux":
                return _linux(passage, machine)
            case "darwin" if not passage.multicast:
                return _macos(machine)
            case "win32" if (
                not passage.multicast
            ):  # it lets in questions about names by itself, where a network is private
                return _windows(passage, machine)
    except ValueError:
        pass  # a tool printed what nobody expects of it: then nothing is known
    return None


def _linux(passage: Passage, machine: Machine) -> Obstacle | None:
    if (machine.run(["firewall-cmd", "--state"]) or "").strip() == "running":
        return _firewalld(passage, machine)
    refused = _refused(passage, machine) if machine.superuser else None
    opens, closes = firewall_fronts.ufw_opens(passage)
    if machine.superuser:
        if refused is not None and firewall_fronts.ufw_active(machine.run(["ufw", "status"]) or ""):
            return Obstacle("ufw", _keeps("ufw", passage, refused.sure), opens, closes, refused.sure)
        return refused
    on = firewall_fronts.ufw_is_on(machine.read("/etc/ufw/ufw.conf"))
    if passage.multicast:  # which ufw lets in by rules of its own
        return None
    if not on or firewall_fronts.ufw_lets_in(machine.read("/etc/default/ufw")):
        return None
    what = (
        f"ufw is on, and lets nothing in that no rule names; whether one names port {passage.port}, root alone may ask"
    )
    return Obstacle("ufw", what, opens, closes, sure=False)


def _firewalld(passage: Passage, machine: Machine) -> Obstacle | None:
    active = machine.run(["firewall-cmd", "--get-active-zones"]) or ""
    default = machine.run(["firewall-cmd", "--get-default-zone"]) or ""
    zone = firewall_fronts.firewalld_zone(active, passage.interface, default)
    listed = machine.run(["firewall-cmd", f"--zone={zone}", "--list-all"])
    if not zone or listed is None:
        return None
    fit = firewall_fronts.firewalld_lets_in(listed, passage)
    if fit is Fits.YES:
        return None
    sure = fit is Fits.NO
    return Obstacle(
        "firewalld",
        f"{_keeps('firewalld', passage, sure)} (zone {zone})",
        *firewall_fronts.firewalld_opens(zone, passage),
        sure,
    )


def _refused(passage: Passage, machine: Machine) -> Obstacle | None:
    """Look at the kernel's own rules, as root: first at those of iptables, which nft shows too and should leave alone."""
    return _refused_by_iptables(passage, machine) or _refused_by_nft(passage, machine)


def _refused_by_iptables(passage: Passage, machine: Machine) -> Obstacle | None:
    tool = "iptables" if passage.version == 4 else "ip6tables"
    saved = machine.run([f"{tool}-save"])
    if saved is None or (refused := firewall_iptables.refusal(saved, passage)) is None:
        return None
    where, sure = refused
    rule = f"-s {passage.network} -d {passage.address} -p {passage.protocol} --dport {passage.port} -j ACCEPT"
    what = f"{_keeps(tool, passage, sure)} (chain {where})"
    return Obstacle(tool, what, f"sudo {tool} -I INPUT {rule}", f"sudo {tool} -D INPUT {rule}", sure)


def _refused_by_nft(passage: Passage, machine: Machine) -> Obstacle | None:
    rules = machine.run(["nft", "-j", "list", "ruleset"])
    if not rules or (found := firewall_nft.refusal(rules, passage)) is None:
        return None
    chain = f"{found.family} {found.table} {found.chain}"
    family = "ip" if passage.version == 4 else "ip6"
    ends = f"{family} saddr {passage.network} {family} daddr {passage.address}"
    rule = f"{ends} {passage.protocol} dport {passage.port} accept"
    return Obstacle(
        "nftables",
        f"{_keeps('nftables', passage, found.sure)} (chain {found.where} of table {found.family} {found.table})",
        f"sudo nft insert rule {chain} {rule}",
        f"sudo nft -a list chain {chain} shows its handle; sudo nft delete rule {chain} handle NUMBER",
        found.sure,
    )


def _macos(machine: Machine) -> Obstacle | None:
    state = machine.run([firewall_macos.TOOL, "--getglobalstate"]) or ""
    if firewall_macos.is_on(state):
        if firewall_macos.blocks_all(machine.run([firewall_macos.TOOL, "--getblockall"]) or "", state):
            what = "macOS blocks all connections from outside: System Settings, Network, Firewall, Options"
            return Obstacle("macOS", what)
        fit = firewall_macos.lets_in(machine.run([firewall_macos.TOOL, "--getappblocked", machine.program]) or "")
        opens, closes = firewall_macos.opens(machine.program)
        if fit is Fits.NO:
            what = f"macOS blocks connections to {machine.program}, and can open no single port, only all that it listens on"
            return Obstacle("macOS", what, opens, closes)
        if fit is Fits.PERHAPS:
            what = "macOS may ask in a window whether Python may accept connections: answer Allow"
            return Obstacle("macOS", what, opens, closes, sure=False)
    app = firewall_macos.private_network_app(machine.environ, machine.release, superuser=machine.superuser)
    if app:
        what = (
            f"macOS may keep names under .local to itself until {app} is allowed to find devices on the local network"
        )
        return Obstacle("macOS", f"{what}: System Settings, Privacy & Security, Local Network", sure=False)
    return None


def _windows(passage: Passage, machine: Machine) -> Obstacle | None:
    answer = machine.run(firewall_windows.question(passage, machine.program))
    if not answer:
        return None
    fit, profile = firewall_windows.lets_in(answer)
    if fit is Fits.YES:
        return None
    what = f"{_keeps('Windows', passage, sure=True)} ({profile.lower()} network)"
    opens, closes = firewall_windows.opens(passage)
    return Obstacle("Windows", what, f"{opens} (in PowerShell, as administrator)", closes)


def _keeps(who: str, passage: Passage, sure: bool) -> str:
    verb = "keeps" if sure else "may keep"
    if passage.multicast:
        return f"{who} {verb} {passage.network} from asking for names under .local"
    return f"{who} {verb} {passage.network} away from {passage.address} port {passage.port}"
