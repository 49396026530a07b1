"""Share: `tunnel share TARGET`. Words to a Config that opens one service to one network, for a while.

What is asked of a person is in `cli.share_asking`, how words are read in `cli.share_words`, and what is shown in
`cli.share_shown`.
"""

import dataclasses
import os
import secrets
import sys
import time
from pathlib import Path
from typing import Any

import click

from tunnel.cli.configfile import FileSettings, ShareSettings, read_config
from tunnel.cli.serve import BESIDE, given_options, run_front, settled
from tunnel.cli.share_asking import ask_interface, ask_password, confirm_open
from tunnel.cli.share_control import Steered
from tunnel.cli.share_words import End, Lasting, Net, RateParam, lasting, local_names
from tunnel.errors import UsageError
from tunnel.model.address import DEFAULT_PORT, Listen, Target
from tunnel.model.config import Config, Limits, Mode
from tunnel.model.share import Access, Share
from tunnel.net.lan import Several, beside, choose
from tunnel.net.lan_read import interfaces
from tunnel.rules.paths import parse_path

TOKEN = "TUNNEL_SHARE_TOKEN"
_CONNECTIONS = 512  # open at once, unless said otherwise: a network's devices, not the internet's
_FEWEST = 20  # characters of a token of one's own: what is shorter can be guessed

_OPTIONS = (
    click.option("--interface", metavar="NAME", help="The network interface to share on. [the only one]"),
    click.option("--address", metavar="ADDRESS", help="The one address to share on, of this machine."),
    click.option("--port", type=click.IntRange(0, 65535), help=f"Where to listen. [{DEFAULT_PORT}, or the next free]"),
    click.option("--for", "lasting", type=Lasting(), metavar="DURATION|ever", help="How long. [1h]"),
    click.option("--until", type=End(), metavar="HH:MM", help="Until when, by this machine's clock."),
    click.option("--yes", is_flag=True, help="Let in whoever holds the QR's token, without asking."),
    click.option("--password", is_flag=True, help="Let in who knows a password; asked for, or a line on stdin."),
    click.option("--token", is_flag=True, help=f"Let in who sends a Bearer token; shown, or yours in {TOKEN}."),
    click.option("--mtls", is_flag=True, help="Let in who has a client certificate: tunnel cert --client NAME."),
    click.option("--open", "everybody", is_flag=True, help="Let in everybody. Has to be confirmed."),
    click.option("--yes-to-everybody", is_flag=True, help="Confirms --open where nobody can be asked."),
    click.option(
        "--allow", multiple=True, type=Net(), metavar="CIDR", help="Only addresses in here, besides the rule."
    ),
    click.option(
        "--deny", multiple=True, type=Net(), metavar="CIDR", help="No address in here, whatever else is said."
    ),
    click.option("--read-only", is_flag=True, default=None, help="GET, HEAD and OPTIONS only, and no WebSockets."),
    click.option("--upgrades", is_flag=True, help="With --read-only: WebSockets too."),
    click.option("--path", "paths", multiple=True, metavar="PATH", help="Only this and what is below it; `*` is any."),
    click.option("--rate", type=RateParam(), metavar="20/s", help="Most requests of each device."),
    click.option(
        "--max-connections", type=click.IntRange(min=1), metavar="NUMBER", help=f"Open at once. [{_CONNECTIONS}]"
    ),
    click.option("--name", metavar="NAME", help="Reached as NAME.local too. [this machine's name and the port]"),
    click.option("--no-mdns", is_flag=True, help="Do not tell the network of the name."),
    click.option("--no-qr", is_flag=True, help="Print no QR code."),
    click.option("--hash-password", is_flag=True, help="Print a password's hash for the config file, and end."),
    click.option("--host-header", metavar="upstream|NAME", help="The Host that the target sees. [the client's]"),
)


@click.command(cls=Steered)
@click.argument("target", required=False)
@given_options(*_OPTIONS, *BESIDE)
def share(target: str | None, **given: Any) -> None:
    """Open one service to the local network: for an hour, over HTTPS, to those whom you let in.

    TARGET as in `tunnel http`. Without a rule, a device that opens the QR code's address asks, and you say yes here.
    """
    if given["hash_password"]:
        from tunnel.share.passwords import hash_password

        click.echo(hash_password(ask_password()))
        return
    file = read_config(given["config"]) if given["config"] else FileSettings()
    config = settled(target or file.target, given, file)
    if config.target is None:
        raise UsageError("there is nothing to share yet", hint="name your dev server's port, like: tunnel share 3000")
    config = shared(config, config.target, given, file.share)
    from tunnel.cli.share_shown import Shown  # with what asks and steers: `tunnel --help` needs none of it

    terminal = Shown(Path(config.folder), as_json=given["as_json"], quiet=given["quiet"], qr=not given["no_qr"])
    run_front(config, terminal)


def shared(config: Config, target: Target, given: dict[str, Any], file: ShareSettings) -> Config:
    """Return the config of a front with what makes it a share.

    Args:
      config: As any front's.
      given: The flags.
      file: What the config file says of shares.

    Raises:
      UsageError: The words contradict each other, or nobody is there to be asked.
    """
    if config.limits.workers > 1:
        raise UsageError(
            f"--workers {config.limits.workers} is not for a share, which one process keeps", hint="leave it out"
        )
    access = _access(given, file)
    found = interfaces()
    try:
        interface = choose(found, interface=given["interface"] or file.interface, address=given["address"] or "")
    except Several as several:
        interface = ask_interface(several.found)
    also = None if given["address"] else beside(found, interface)
    more = ((also.address, also.network),) if also else ()
    if access is Access.OPEN and not given["yes_to_everybody"]:
        confirm_open(interface, *([also] if also else []))
    connections = given["max_connections"] or config.limits.connections
    if connections == Limits().connections:
        connections = _CONNECTIONS
    port = DEFAULT_PORT if given["port"] is None else given["port"]
    hosts = (interface.address, *(address for address, _ in more))
    return dataclasses.replace(
        config,
        mode=Mode.HTTPS,
        listen=Listen(hosts, port, given["port"] is not None, interface.name),
        limits=dataclasses.replace(config.limits, connections=connections),
        share=Share(
            address=interface.address,
            interface=interface.name,
            network=interface.network,
            more=more,
            names=local_names(given["name"] or file.name, target),
            access=access,
            seconds=lasting(given["lasting"], given["until"], file.lasting, time.time()),
            allow=given["allow"] or file.allow,
            deny=(*file.deny, *given["deny"]),
            read_only=file.read_only if given["read_only"] is None else given["read_only"],
            upgrades=given["upgrades"],
            paths=tuple(map(parse_path, given["paths"] or file.paths)),
            rate=file.rate if given["rate"] is None else given["rate"],
            yes=given["yes"],
            password=_password(file) if access is Access.PASSWORD else "",
            token=_token() if access is Access.TOKEN else "",
            announce=not given["no_mdns"],
        ),
    )


def _access(given: dict[str, Any], file: ShareSettings) -> Access:
    """Return the one rule that was asked for; a password in the file is one too."""
    flags = {
        "--yes": Access.PAIRING,
        "--password": Access.PASSWORD,
        "--token": Access.TOKEN,
        "--mtls": Access.CERTIFICATE,
        "--open": Access.OPEN,
    }
    asked = [flag for flag in flags if given["everybody" if flag == "--open" else flag.removeprefix("--")]]
    if len(asked) > 1:
        raise UsageError(
            f"{' and '.join(asked)} do not go together", hint="a share has one rule: leave all but one out"
        )
    if given["yes_to_everybody"] and asked != ["--open"]:
        raise UsageError("--yes-to-everybody confirms --open, and nothing else", hint="leave it out, or say --open")
    if given["upgrades"] and not (given["read_only"] or file.read_only):
        raise UsageError("--upgrades is for --read-only: without it they pass anyway", hint="leave --upgrades out")
    if asked:
        return flags[asked[0]]
    return Access.PASSWORD if file.password else Access.PAIRING


def _password(file: ShareSettings) -> str:
    """Return the hash of the share's password."""
    from tunnel.share.passwords import check_hash, hash_password

    if file.password:
        check_hash(file.password)
    return file.password or hash_password(ask_password())


def _token() -> str:
    """Return the token of one's own, or a new one: 256 bits."""
    token = os.environ.get(TOKEN, "")
    if not token:
        return secrets.token_urlsafe(32)
    if len(token) < _FEWEST or not (token.isascii() and token.isprintable()) or " " in token:
        raise UsageError(
            f"the token in {TOKEN} is not at least {_FEWEST} printable ASCII characters without a blank",
            hint=f"make one: export {TOKEN}=$({sys.executable.rpartition('/')[2]} -c 'import secrets;"
            " print(secrets.token_urlsafe())')",
        )
    return token
