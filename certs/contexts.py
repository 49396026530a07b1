"""ssl contexts: to serve with (a leaf for each name that clients ask for), to dial with, and to trust our root.

Leaves signing to `authority.py`, which it imports only when something must be signed: a start that finds its leaves in
the cache never loads cryptography.  Leaves sockets and handshakes to the caller, and which names are served as well.

How a leaf is chosen.  A client names the host in its ClientHello (SNI, RFC 6066 §3), OpenSSL calls us back with it, and
we swap the context.  Three things are known about that swap, and relied on:

- The certificate and the ALPN choice come from the new context: a context without ALPN of its own negotiates none.
- Ticket keys and the session cache stay those of the first context, so sessions outlive any number of renewed leaves.
- Versions, ciphers and options stay those of the first context too.

A connection holds on to its context, so a renewed leaf serves new connections and disturbs no old one.
"""

import os
import ssl
import tempfile
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from certs import files, leaves, limits, pem
from certs.errors import CertsError
from certs.names import IpAddress, Name, parse

# RFC 9325 §4.2: for TLS 1.2, forward secrecy and authenticated encryption only, which is also what HTTP/2 leaves
# standing (RFC 9113 appendix A).  Those of TLS 1.3 are all good, and not chosen here.
CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"

# What a client gets that asks for nothing we serve, when even the address it dialled is not ours to sign.
LOOPBACK = "127.0.0.1"

_MEMORY = "/dev/shm"  # on Linux: files that are on no disk


@dataclass(frozen=True, slots=True)
class _Served:
    """A leaf that has been loaded, and the context that presents it."""

    tls: ssl.SSLContext = field(repr=False)
    leaf: leaves.CachedLeaf


class ServerContexts:
    """The contexts to serve with: give `base` to whatever wraps sockets, and each client gets the leaf it asked for.

    A leaf is made the first time its name is asked for (two to three milliseconds; from the cache, less than one), and
    again when a third of its life is left.  A name that is not served, or that our root may not sign, gets the leaf of
    the address that was dialled: the client complains about the name, which is the truth, and nothing is made for it.

    Not locked: two threads that ask for one name at once may both make a leaf, and both are good.

    Args:
      folder: The authority's; a root is made in it when there is none.
      alpn: Protocols to offer, best first.
      serves: Whether a host name (one spelling: lower case, no final dot) is one of ours.  Asked inside the handshake.
      together: Names and addresses that share one leaf, which names them all: whoever asks for any of them gets that one.
        Those that our root may not sign are left out, addresses with a warning.
      clients: Ask clients for a certificate of our authority.  One that comes is verified, and a wrong one ends the
        handshake; one that does not come is for the caller to miss.
      now: Seconds since 1970, UTC.
      warn: Told when a leaf cannot be made or renewed; there is nobody to raise to inside a handshake.
    Raises: CertsError when there is no root and none can be made.
    """

    def __init__(
        self,
        folder: Path,
        *,
        alpn: Sequence[str] = ("http/1.1",),
        serves: Callable[[str], bool],
        together: Sequence[str] = (),
        clients: bool = False,
        now: Callable[[], float] = time.time,
        warn: Callable[[CertsError], None] = lambda error: None,
    ) -> None:
        self._layout = files.Layout(folder)
        self._alpn = tuple(alpn)
        self._serves = serves
        self._clients = clients
        self._now = now
        self._warn = warn
        self._root = _root(self._layout) or self._new_root()
        wanted = tuple(dict.fromkeys(map(parse, together)))
        self._together = tuple(name for name in wanted if limits.permits(name, self._root))
        for name in wanted:
            if isinstance(name, IpAddress) and name not in self._together:
                warn(_too_old(name, self._layout))
        self._recent: OrderedDict[leaves.Names, _Served] = OrderedDict()
        self._bases: dict[Name, ssl.SSLContext] = {}

    def __repr__(self) -> str:
        return f"<ServerContexts {self._layout.folder}, {len(self._recent)} leaves>"

    @property
    def fingerprint(self) -> str:
        """The root's SHA-256: 64 lower-case hex digits."""
        return pem.fingerprint(self._root)

    @property
    def base(self) -> ssl.SSLContext:
        """The context to wrap connections with.

        A client without SNI dialled an address (RFC 6066 §3 allows no addresses in it).  For a socket we ask which one
        it was; an `SSLObject`, as trio and asyncio use it, does not know, and 127.0.0.1 is assumed: see `at`.
        """
        return self.at(LOOPBACK)

    def at(self, address: str) -> ssl.SSLContext:
        """The context for a listener on one address, say "::1": clients without SNI get that address's leaf.

        Asked again, gives the same context, and with it the same sessions.

        Raises: CertsError when it is no name or address at all.
        """
        dialled = parse(address)
        if (context := self._bases.get(dialled)) is None:
            context = self._bases[dialled] = self._new_context()
            # No certificate here: OpenSSL calls back before it looks for one, with or without SNI.
            context.sni_callback = lambda connection, asked, _: self._swap(connection, asked, dialled)
        return context

    def _swap(self, connection: ssl.SSLSocket | ssl.SSLObject, asked: str | None, dialled: Name) -> int | None:
        if isinstance(connection, ssl.SSLSocket):
            connection.server_hostname = asked  # unused on a server's side, and where whoever accepted looks for it
        try:
            name = self._choose(asked) or self._local(connection, dialled)
            connection.context = self._served(self._together if name in self._together else name)
        except CertsError as error:
            self._warn(error)
            # RFC 8446 §6.2: "an internal error unrelated to the peer".  Anything else would blame the client.
            return ssl.ALERT_DESCRIPTION_INTERNAL_ERROR
        return None

    def _choose(self, asked: str | None) -> Name | None:
        """The name a client asked for, if it is ours to serve and to sign."""
        if asked is None:
            return None
        try:
            name = parse(asked)
        except CertsError:
            return None
        return name if limits.permits(name, self._root) and self._serves(str(name)) else None

    def _served(self, name: leaves.Names) -> ssl.SSLContext:
        """The context for a name, or names: remembered, else from the cache, else new.  An old leaf beats none."""
        now = self._now()
        last = self._recent.get(name)
        if last is None or not last.leaf.is_fresh(now):
            try:
                last = self._cached(name, now) or self._minted(name, now)
            except CertsError as error:
                if last is None or not last.leaf.is_valid(now):
                    raise
                self._warn(error)
            self._recent[name] = last
        self._recent.move_to_end(name)
        if len(self._recent) > leaves.MOST_LEAVES:
            self._recent.popitem(last=False)
        return last.tls

    def _cached(self, name: leaves.Names, now: float) -> _Served | None:
        leaf = leaves.find(self._layout.leaves, self.fingerprint, name, now=now)
        if leaf is None or not leaf.is_fresh(now):
            return None
        try:
            return self._loaded(leaf)
        except (ssl.SSLError, OSError):
            return None  # Damaged, or just replaced by another process: a new one costs a millisecond.

    def _minted(self, name: leaves.Names, now: float) -> _Served:
        from certs.authority import Authority  # Here and in _new_root only: see the first lines of this file.

        # Loaded for each leaf: the root's key does not stay in memory, and a root made anew is noticed.
        authority = Authority.load_or_make(self._layout.folder, now=self._now)
        self._root = authority.der
        leaf = authority.issue([str(one) for one in (name if isinstance(name, tuple) else (name,))], now=self._now)
        try:
            return self._kept(self._layout.leaves, name, leaf.pem, leaf.expires, now)
        except CertsError as error:
            # The disk is full, or may only be read: no reason not to serve.  Each process makes its own leaf then.
            memory = _MEMORY if os.access(_MEMORY, os.W_OK) else None
            try:
                with tempfile.TemporaryDirectory(dir=memory, ignore_cleanup_errors=True) as folder:
                    served = self._kept(Path(folder), name, leaf.pem, leaf.expires, now)
            except OSError:
                raise error from None
            self._warn(error)
            return served

    def _kept(self, folder: Path, name: leaves.Names, pem: bytes, expires: int, now: float) -> _Served:
        kept = leaves.keep(folder, self.fingerprint, name, pem, expires=expires, now=now)
        try:
            return self._loaded(kept)
        except (ssl.SSLError, OSError) as error:
            raise CertsError(f"cannot load {kept.path}: {error}", "make sure that nobody else writes there") from error

    def _loaded(self, leaf: leaves.CachedLeaf) -> _Served:
        context = self._new_context()
        # OpenSSL reads a key only from a path: https://bugs.python.org/issue16487
        context.load_cert_chain(leaf.path)
        return _Served(context, leaf)

    def _new_context(self) -> ssl.SSLContext:
        context = _server_context(self._alpn)
        if self._clients:
            # Both contexts of a connection need it: the first one asks, and the second one's roots are looked at.
            context.verify_mode = ssl.CERT_OPTIONAL
            context.verify_flags |= ssl.VERIFY_X509_STRICT
            context.load_verify_locations(self._layout.root)
        return context

    def _new_root(self) -> bytes:
        from certs.authority import Authority

        return Authority.load_or_make(self._layout.folder, now=self._now).der

    def _local(self, connection: ssl.SSLSocket | ssl.SSLObject, dialled: Name) -> Name:
        """The address a client dialled, as far as it can be known and signed for."""
        if isinstance(connection, ssl.SSLSocket) and isinstance(address := connection.getsockname(), tuple):
            dialled = parse(address[0])
        return dialled if limits.permits(dialled, self._root) else parse(LOOPBACK)


def client_context(*, verify: bool) -> ssl.SSLContext:
    """The context to dial https upstreams with, offering HTTP/1.1.

    Args:
      verify: Hold upstreams to this system's trusted roots and to their names; or check nothing, for a development
        server with a certificate of its own making.
    """
    if verify:
        context = ssl.create_default_context()
    else:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context


def trusting(folder: Path) -> ssl.SSLContext:
    """A client's context that trusts our root alone, and holds it to the letter of RFC 5280: for tests and tools.

    Raises: CertsError when the folder has no root.
    """
    root = files.Layout(folder).root
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    try:
        context.load_verify_locations(root)
    except (ssl.SSLError, OSError) as error:
        raise CertsError(f"there is no root in {root}", f"type: python -m certs --folder '{folder}' root") from error
    return context


def _server_context(alpn: Sequence[str]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2  # RFC 8996: the older ones are dead.
    context.set_ciphers(CIPHERS)
    context.options |= (
        ssl.OP_NO_COMPRESSION  # CRIME: RFC 9325 §3.3
        | ssl.OP_NO_RENEGOTIATION  # RFC 9325 §3.5; HTTP/2 forbids it (RFC 9113 §9.2.1)
        | ssl.OP_CIPHER_SERVER_PREFERENCE
    )
    # A ticket saves a returning client a signature and a certificate, and costs us no memory.
    context.options &= ~ssl.OP_NO_TICKET
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context


def _too_old(name: IpAddress, layout: files.Layout) -> CertsError:
    return CertsError(
        f"the root in {layout.root_key} may not sign for {name}: who dials that address is warned of the certificate",
        f"it was perhaps made by an older version; {layout.retiring}",
    )


def _root(layout: files.Layout) -> bytes | None:
    """The root, DER.  None: it is not there or not whole, which is for Authority to judge."""
    found = pem.certificates(files.read(layout.root) or b"")
    return found[0] if found else None
