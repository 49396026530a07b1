"""Keys: damaged key and certificate files are a sentence or are made anew, never a traceback.

Input: a letter, then bytes for one file of a folder that is otherwise whole: `k` the root's key file as it is, `c` the DER
of the certificate in it, `p` the DER of the key in it; `r` root.pem; `l` a leaf; `t` the note about trust.
"""

import base64
import os
import shutil
import ssl

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from certs import files, leaves
from certs.authority import Authority
from certs.contexts import ServerContexts, trusting
from certs.errors import CertsError
from certs.glance import trusted_at_a_glance
from certs.names import parse
from certs.stores.store import Root
from tests.fuzz.places import place

EXAMPLES = 100
NOW = 1_800_000_000.0
WORDS = [
    b"-----BEGIN CERTIFICATE-----\n", b"-----END CERTIFICATE-----\n", b"-----BEGIN PRIVATE KEY-----\n",
    b"-----END PRIVATE KEY-----\n", b"-----BEGIN ENCRYPTED PRIVATE KEY-----\n", b"-----BEGIN EC PRIVATE KEY-----\n",
    b"\x30\x82", b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07", b"\x06\x05\x2b\x81\x04\x00\x0a",
    b"\x06\x03\x2b\x65\x70", b"\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02", b"\x17\x0d", b"\x18\x0f",
    b"99991231235959Z",
]  # fmt: skip
_WHOLE = place("keys") / "whole"


def _pem(kind: str, der: bytes) -> bytes:
    return f"-----BEGIN {kind}-----\n".encode() + base64.encodebytes(der) + f"-----END {kind}-----\n".encode()


def _make() -> tuple[bytes, bytes, bytes]:
    authority = Authority.load_or_make(_WHOLE, now=lambda: NOW, owner="a person")
    leaf = authority.issue(["localhost"], now=lambda: NOW)
    folder, name = files.Layout(_WHOLE).leaves, parse("localhost")
    leaves.keep(folder, authority.fingerprint, name, leaf.pem, expires=leaf.expires, now=NOW)
    key = authority.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return key, authority.certificate.public_bytes(Encoding.DER), leaf.pem


KEY, CERTIFICATE, LEAF = _make()
BOTH = files.Layout(_WHOLE).root_key.read_bytes()
SEEDS = [
    b"k" + BOTH, b"k" + BOTH[:200], b"k", b"k" + BOTH.replace(b"PRIVATE KEY", b"ENCRYPTED PRIVATE KEY"), b"k" + LEAF,
    b"k" + BOTH[::-1], b"c" + CERTIFICATE, b"c" + CERTIFICATE[:100], b"p" + KEY, b"p" + KEY[:50],
    b"r" + _pem("CERTIFICATE", CERTIFICATE), b"r", b"r" + BOTH[-300:], b"r" + _pem("CERTIFICATE", b"\x30\x00"),
    b"l" + LEAF, b"l" + LEAF[:300], b"l" + LEAF[-300:], b"l", b"t" + b"\xff\n/\n", b"t",
    b"c" + CERTIFICATE.replace(b"\x2a\x86\x48\xce\x3d\x03\x01\x07", b"\x2a\x86\x48\xce\x3d\x03\x01\x08"),
    b"t" + b"0" * 64 + b"\n\x00\n",
]  # fmt: skip


def check(data: bytes) -> None:
    """Raise where the law is broken."""
    folder = place("keys") / "tried"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(_WHOLE, folder)
    layout = files.Layout(folder)
    rest = data[1:]
    match data[:1]:
        case b"k":
            layout.root_key.write_bytes(rest)
        case b"c":
            layout.root_key.write_bytes(_pem("PRIVATE KEY", KEY) + _pem("CERTIFICATE", rest))
        case b"p":
            layout.root_key.write_bytes(_pem("PRIVATE KEY", rest) + _pem("CERTIFICATE", CERTIFICATE))
        case b"r":
            layout.root.write_bytes(rest)
        case b"l":
            for name in os.listdir(layout.leaves):  # noqa: PTH208  names, not paths
                (layout.leaves / name).write_bytes(rest)
        case _:
            layout.trusted.write_bytes(rest)
    for act in (_load, _serve, trusting, trusted_at_a_glance, lambda folder: Root.read(files.Layout(folder).root)):
        try:
            act(folder)
        except CertsError as error:
            assert error.what
            assert error.hint


def _load(folder: os.PathLike[str]) -> None:
    authority = Authority.load_or_make(files.Path(folder), now=lambda: NOW)
    leaf = authority.issue(["app.test"], now=lambda: NOW)
    x509.load_pem_x509_certificate(leaf.chain_pem)


def _serve(folder: os.PathLike[str]) -> None:
    told: list[str] = []
    contexts = ServerContexts(
        files.Path(folder),
        serves=lambda name: True,
        now=lambda: NOW,
        # The words alone: an error holds this frame, and with it a connection, which the garbage collector cannot look into.
        warn=lambda error: told.append(error.what),
    )
    server = contexts.base.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_side=True)
    assert contexts._swap(server, "localhost", parse("127.0.0.1")) is None or told
