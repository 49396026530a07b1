"""Link: how programs of the same user find a running window: `inspector.json` in the folder, private, gone with its window.

    {"url": "https://127.0.0.1:62894", "token": "…", "pid": 4711, "authority": "/…/authority/root.pem" or null,
     "front": "https://127.0.0.1:62893"}

Of several windows on one folder the last one stands there. What a process that died left behind is not believed.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tunnel.inspector.private import write_private

FILE = "inspector.json"


@dataclass(frozen=True, slots=True)
class Link:
    """Where a window is, and what it has to be shown.

    Attributes:
      url: Without the token and without a path.
      token: For `Authorization: Bearer`.
      pid: Of its process.
      authority: The certificate to trust, a file in PEM; None where it speaks plain HTTP.
      front: Where the front takes requests; None where it only shows a store.
    """

    url: str
    token: str = field(repr=False)
    pid: int
    authority: str | None
    front: str | None = None

    @property
    def address(self) -> str:
        """What a person opens."""
        return f"{self.url}/?token={self.token}"


def leave(folder: Path, link: Link) -> None:
    """Write where the window is.

    Raises:
      TunnelError: It cannot be written.
    """
    write_private(folder / FILE, json.dumps(asdict(link)).encode() + b"\n", durable=False)


def found(folder: Path, lives: Callable[[int], bool]) -> Link | None:
    """Return the window of a folder; None where there is none, or its process has died.

    Args:
      lives: Whether a process of that number runs.
    """
    link = _read(folder)
    return link if link is not None and lives(link.pid) else None


def take_away(folder: Path, link: Link) -> None:
    """Remove the file, unless another window has written its own since."""
    if _read(folder) == link:
        try:
            (folder / FILE).unlink(missing_ok=True)
        except OSError:
            pass  # whoever finds it asks whether we live


def _read(folder: Path) -> Link | None:
    try:
        match json.loads((folder / FILE).read_bytes()):
            case {
                "url": str(url),
                "token": str(token),
                "pid": int(pid),
                "authority": str() | None as authority,
                "front": str() | None as front,
            }:
                return Link(url, token, pid, authority, front)
    except (OSError, ValueError, RecursionError):
        pass  # there is none, or nobody wrote it whole
    return None
