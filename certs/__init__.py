"""A local certificate authority that can sign for local names and for nothing else.

Usable on its own (`python -m certs`), and from a program:

    authority = Authority.load_or_make(folder)              # a root, made once
    leaf = authority.issue(["app.test", "127.0.0.1"])       # a key and a certificate, for a week
    contexts = ServerContexts(folder, serves=is_one_of_us)  # or leave the leaves to the handshake

Leaves telling the machine to trust the root to `certs.stores`.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from certs.errors import CertsError
from certs.names import DnsName, IpAddress, Name, parse

if TYPE_CHECKING:
    from certs.authority import Authority, Leaf
    from certs.contexts import ServerContexts, client_context, trusting

__all__ = [
    "Authority",
    "CertsError",
    "DnsName",
    "IpAddress",
    "Leaf",
    "Name",
    "ServerContexts",
    "client_context",
    "parse",
    "trusting",
]

# Looked up when they are asked for (PEP 562): otherwise `import certs.contexts`, which begins by running this file,
# would load cryptography and ssl, for a program that may need neither.
_HOMES = {
    "Authority": "certs.authority",
    "Leaf": "certs.authority",
    "ServerContexts": "certs.contexts",
    "client_context": "certs.contexts",
    "trusting": "certs.contexts",
}


def __getattr__(name: str) -> object:
    if name in _HOMES:
        found: object = getattr(import_module(_HOMES[name]), name)
        return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
