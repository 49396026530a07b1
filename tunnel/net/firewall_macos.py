"""macOS: what its application firewall says of a program that listens, and when local network privacy is in the way. Pure.

The application firewall knows programs, not ports: what it lets in, it lets in on every port of that program. Local network
privacy (Apple, TN3179, since macOS 15) stops no connection that comes in, but multicast, and so a name under `.local`, in
silence; what Terminal and ssh start, and root, are free of it. Which apps a user allowed cannot be read.
Written from Apple's documentation and outputs that others published; nobody has run it on macOS yet.
"""

from collections.abc import Mapping

from tunnel.net.firewall_rules import Fits

TOOL = "/usr/libexec/ApplicationFirewall/socketfilterfw"


def is_on(state: str) -> bool:
    """Whether the firewall is on, by what `--getglobalstate` printed: "Firewall is enabled. (State = 1)"."""
    return "State = 0" not in state and ("State = 1" in state or "State = 2" in state)


def blocks_all(told: str, state: str) -> bool:
    """Whether everything is blocked but what the system needs: by `--getblockall`, or state 2.

    It has said "Block all ENABLED!", and since macOS 15 "Firewall has block all state set to enabled."
    """
    words = told.strip().lower()
    return "State = 2" in state or (words.startswith(("block all", "firewall has block all")) and "enabled" in words)


def lets_in(told: str) -> Fits:
    """Whether a program may take connections, by what `--getappblocked PATH` printed.

    A program that is in no list is asked about when it first listens, in a window that a person must answer; one that is
    signed by a developer whom Apple knows may be let in without.
    """
    words = told.lower()
    if "permitted" in words or "allow incoming" in words:
        return Fits.YES
    return Fits.NO if "blocked" in words or "block incoming" in words else Fits.PERHAPS


def opens(program: str) -> tuple[str, str]:
    """Return the commands that let a program take connections, and forget it again. For this port alone there is none."""
    quoted = f"'{program}'" if " " in program else program
    return f"sudo {TOOL} --add {quoted} --unblockapp {quoted}", f"sudo {TOOL} --remove {quoted}"


def private_network_app(environ: Mapping[str, str], release: str, *, superuser: bool) -> str:
    """Return the app whose permission decides about multicast, as its terminal calls itself; "" where none is needed.

    Args:
      release: Of macOS: "15.1".
    """
    major = release.partition(".")[0]
    if superuser or not major.isdecimal() or int(major) < 15 or "SSH_CONNECTION" in environ:
        return ""
    app = environ.get("TERM_PROGRAM", "")
    return "" if app in ("", "Apple_Terminal") else app
