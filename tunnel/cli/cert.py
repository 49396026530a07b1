"""Cert: `tunnel cert --client NAME`, a certificate by which somebody comes into a share with `--mtls`."""

import secrets
from datetime import UTC, datetime
from pathlib import Path

import click

from certs import files
from certs.authority import Authority, Client
from certs.errors import CertsError
from certs.files import Layout
from tunnel.cli.folder import default_folder, folder_option
from tunnel.cli.said import say_line
from tunnel.errors import TunnelError

_LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"  # none that is taken for another; 32, so five bits each
_GROUPS, _EACH = 4, 4


@click.command()
@click.option("--client", "name", required=True, metavar="NAME", help="Who it is for: alice, 'Build server 3'.")
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    help="Folder for the two files (default: here).",
)
@folder_option
def cert(name: str, output: Path, folder: Path | None) -> int:
    """Make a client certificate, for whoever is to come into `tunnel share --mtls`.

    Writes NAME.p12 for a browser or a phone, under a password that is shown once, and NAME.pem for tools. It shows who
    somebody is, and no server can use it.
    """
    layout = Layout((folder or default_folder()) / "authority")
    password = "-".join("".join(secrets.choice(_LETTERS) for _ in range(_EACH)) for _ in range(_GROUPS))
    try:
        client = Authority.load_or_make(layout.folder).issue_client(name)
        p12, pem = _written(client, output, password)
    except CertsError as error:
        raise TunnelError(error.what, hint=error.hint.replace("python -m certs", "tunnel")) from error
    say_line(f"certificate for {client.name}, until {datetime.fromtimestamp(client.expires, UTC).date().isoformat()}")
    say_line(f"  {p12}  for a browser or a phone; it asks for this password, which is shown only now: {password}")
    say_line(f"  {pem}  for tools, without a password: curl --cacert {layout.root} --cert {pem} https://…")
    say_line(
        "whoever has one of them comes into every share with --mtls; out of one again with: tunnel share revoke DEVICE"
    )
    return 0


def _written(client: Client, output: Path, password: str) -> tuple[Path, Path]:
    """Write both files, for their owner alone, and never over others."""
    files.make_folder(output, shared=True)
    stem = client.name.replace(" ", "-").replace(":", "-").lstrip(".-") or "client"
    p12, pem = output / f"{stem}.p12", output / f"{stem}.pem"
    for path, content in ((p12, client.p12(password)), (pem, client.pem)):
        if not files.write_once(path, content, mode=files.PRIVATE):
            raise CertsError(
                f"{path} is there already", f"move it away, or name another folder: --output DIR (rm '{path}')"
            )
    return p12, pem
