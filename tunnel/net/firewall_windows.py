"""Windows' firewall: what it is asked in PowerShell, and what its answer says of one new connection. Pure.

Its rules are many and asking for each takes seconds, so one question fetches only what could concern us: the profile of the
interface, the rules for our port, and those for our program. Names of its enumerations are asked for, since they are the
same in every language of Windows; `netsh` speaks the user's. Written from Microsoft's documentation of the NetSecurity
module; nobody has run it on Windows yet.
"""

import msgspec

from tunnel.net.firewall_rules import Fits, Passage, any_of, fits


class _Profile(msgspec.Struct, rename="pascal", frozen=True):
    name: str
    enabled: str = "True"
    inbound: str = "Block"
    rules: str = ""


class _Rule(msgspec.Struct, rename="pascal", frozen=True):
    enabled: str = ""
    action: str = ""
    profile: str = "Any"


class _Answer(msgspec.Struct, frozen=True):
    category: str
    profiles: list[_Profile]
    rules: list[_Rule]


def question(passage: Passage, program: str) -> list[str]:
    """Return the argv that asks. It reads, and needs no administrator.

    Args:
      program: The path of what listens: python.exe.
    """
    quoted = program.replace("'", "''")
    interface = passage.interface.replace("'", "''")
    words = (
        "@{n='Enabled';e={\"$($_.Enabled)\"}},@{n='Action';e={\"$($_.Action)\"}},@{n='Profile';e={\"$($_.Profile)\"}}"
    )
    script = f"""
$ErrorActionPreference = 'SilentlyContinue'
$network = Get-NetConnectionProfile -InterfaceAlias '{interface}'
$profiles = Get-NetFirewallProfile -PolicyStore ActiveStore | Select-Object Name,
  @{{n='Enabled';e={{"$($_.Enabled)"}}}}, @{{n='Inbound';e={{"$($_.DefaultInboundAction)"}}}},
  @{{n='Rules';e={{"$($_.AllowInboundRules)"}}}}
$filters = @(Get-NetFirewallPortFilter -PolicyStore ActiveStore -Protocol TCP | Where-Object LocalPort -eq {passage.port})
$filters += @(Get-NetFirewallApplicationFilter -PolicyStore ActiveStore -Program '{quoted}')
$rules = @($filters | Get-NetFirewallRule | Where-Object Direction -eq Inbound | Select-Object {words})
ConvertTo-Json -Compress -Depth 4 @{{
  category = "$($network.NetworkCategory)"; profiles = @($profiles); rules = $rules }}
"""
    return ["powershell", "-NoProfile", "-NonInteractive", "-Command", script]


def lets_in(answer: str) -> tuple[Fits, str]:
    """Return whether a connection is let in, and the name of the profile that decides: "Public", "Private" or "Domain".

    Raises:
      ValueError: It is no answer to our question.
    """
    try:
        told = msgspec.json.decode(answer, type=_Answer)
    except msgspec.DecodeError as error:  # of which one about a field is a kind
        raise ValueError(f"not an answer of PowerShell's: {error}") from error
    # Networks that Windows has not identified are public to it.
    name = "Domain" if told.category == "DomainAuthenticated" else told.category or "Public"
    profile = next((each for each in told.profiles if each.name == name), _Profile(name))
    refusing = any(_concerns(rule, name) and rule.action == "Block" for rule in told.rules)
    if profile.enabled == "False" or (profile.inbound == "Allow" and not refusing):
        return Fits.YES, name
    if (
        refusing or profile.rules == "False"
    ):  # "block all incoming connections, including those in the list of allowed apps"
        return Fits.NO, name
    return any_of(fits(_concerns(rule, name) and rule.action == "Allow") for rule in told.rules), name


def opens(passage: Passage) -> tuple[str, str]:
    """Return the commands that open just this port to just this network, and close it again; for an administrator."""
    name = f"tunnel share {passage.port}"
    rule = (
        f'New-NetFirewallRule -DisplayName "{name}" -Direction Inbound -Action Allow -Protocol TCP '
        f"-LocalPort {passage.port} -LocalAddress {passage.address} -RemoteAddress {passage.network}"
    )
    return rule, f'Remove-NetFirewallRule -DisplayName "{name}"'


def _concerns(rule: _Rule, profile: str) -> bool:
    named = [each.strip() for each in rule.profile.split(",")]
    return rule.enabled == "True" and (profile in named or "Any" in named)
