"""What can be known about trust at start-up for next to nothing: no program run, no cryptography, no database opened.

Leaves the real answer to `certs.stores.check`, which asks every store.  `certs.stores.trust` leaves a note beside the
root: which root, and, if every store took it, the files in which they keep it.  A glance reads them and looks for the
certificate's bytes.

    trusted.txt     3f9a2c41d07be852…                       the root's fingerprint
                    /etc/ssl/certs/ca-certificates.crt      then one file a line
                    /home/ada/.pki/nssdb/cert9.db

What it cannot see: a store that came after `trust` (a new browser, a new profile), and trust that was taken away from a
certificate that is still there.  What it does see: that nobody ran `trust` for this root, that an update or a person
removed the root from a store, and that a store is gone.
"""

from collections.abc import Sequence
from pathlib import Path

from certs import files, pem
from certs.errors import CertsError


def trusted_at_a_glance(folder: Path) -> bool:
    """Whether every store took the root, and still seems to have it.  Takes about a millisecond.

    Args:
      folder: The authority's.
    Returns: False also when there is no root or no note, or one store did not take it: then `check` knows more.
    """
    layout = files.Layout(folder)
    try:
        roots = pem.certificates(files.read(layout.root) or b"")
        noted = (files.read(layout.trusted) or b"").decode(errors="replace").splitlines()
        match roots, noted:
            case [root, *_], [fingerprint, *places] if places and fingerprint == pem.fingerprint(root):
                return all(_holds(files.read(Path(place)), root) for place in places)
            case _:
                return False
    except CertsError:
        return False


def note(folder: Path, root: bytes, places: Sequence[Path]) -> None:
    """Remember which files hold the root (DER), for later glances."""
    lines = [pem.fingerprint(root), *map(str, places)]
    files.write(files.Layout(folder).trusted, "".join(f"{line}\n" for line in lines).encode(), mode=files.PRIVATE)


def _holds(content: bytes | None, root: bytes) -> bool:
    # A bundle has it as PEM.  An NSS database is an SQLite file with pages of 4 KiB or more, and a certificate of 700
    # bytes lies in one piece on one of them; certutil -D wipes it (both tried with NSS 3.87).
    return content is not None and (root in content or root in pem.certificates(content))
