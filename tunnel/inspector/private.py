"""Private files: written for their owner alone (0600), whole or not at all."""

import os
import secrets
from pathlib import Path

from tunnel.errors import TunnelError


def write_private(path: Path, content: bytes, *, durable: bool = True) -> None:
    """Write a file, in place of one that is there.

    Args:
      durable: It is to outlive a power cut, which takes the disk some milliseconds.
    Raises:
      TunnelError: It cannot be written; what was there is still there.
    """
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        file = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(file, "wb") as writing:
                writing.write(content)
                writing.flush()
                if durable:
                    os.fsync(writing.fileno())
            beside.replace(path)
        except BaseException:
            beside.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise TunnelError(
            f"cannot write {path}: {(error.strerror or str(error)).lower()}",
            hint=f"look at the folder: ls -la {path.parent}",
        ) from error
