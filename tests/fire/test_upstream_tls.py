"""TLS with an upstream goes wrong, in each of the common ways: a 502 that says which it is and what to type."""

import http.client
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme

from tests.fire.old_tls import old, weak
from tests.fire.origin import origin
from tests.helpers.fronts import Front
from tests.helpers.servers import free_port, python, served, within


@dataclass(frozen=True)
class Bad:
    """An upstream whose TLS is wrong, and what the user must be told."""

    said: str
    cure: str
    name: str = "localhost"
    known: bool = True
    own: bool = False
    expired: bool = False
    oldest: bool = False
    weak: bool = False
    wants: bool = False
    tls: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3


UNVERIFIED = "tunnel https+insecure://localhost:"
BAD = {
    "self-signed": Bad("self", UNVERIFIED, own=True),
    "of an unknown authority": Bad("not trusted (unable to get local issuer", UNVERIFIED, known=False),
    "expired": Bad("expired", UNVERIFIED, expired=True),
    "for another name": Bad("not valid for 'localhost'", UNVERIFIED, name="elsewhere.test"),
    "old": Bad("protocol", "TLS 1.2 or 1.3", oldest=True),
    "weak": Bad("handshake failure", "cipher", weak=True),
    "wants a certificate, TLS 1.3": Bad("wants a certificate", "service's own output", wants=True),
    "wants a certificate, TLS 1.2": Bad("handshake failure", "certificate", wants=True, tls=ssl.TLSVersion.TLSv1_2),
}


@contextmanager
def bad_upstream(bad: Bad, folder: Path) -> Iterator[tuple[int, Path]]:
    """Run an HTTPS server of that kind; give its port and the authority that the machine trusts."""
    authority = trustme.CA()
    trusted = folder / "trusted.pem"
    authority.cert_pem.write_to_path(trusted)
    now = datetime.now(UTC)
    leaf = (authority if bad.known else trustme.CA()).issue_cert(
        bad.name,
        **({"not_after": now - timedelta(days=1), "not_before": now - timedelta(days=2)} if bad.expired else {}),
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if bad.own:  # what signs itself
        own, both = trustme.CA(), folder / "own.pem"
        both.write_bytes(own.private_key_pem.bytes() + own.cert_pem.bytes())
        context.load_cert_chain(both)
    else:
        leaf.configure_cert(context)
    context.maximum_version = bad.tls
    if bad.oldest:
        old(context)
    if bad.weak:
        weak(context)
    if bad.wants:
        context.verify_mode = ssl.CERT_REQUIRED
        authority.configure_trust(context)
    with origin(context) as server:
        yield server.port, trusted


def told(front: Front) -> dict[str, str]:
    connection = http.client.HTTPSConnection("127.0.0.1", front.port, context=front.context(), timeout=30)
    connection.request("GET", "/", headers={"Accept": "application/json"})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    assert answer.status == 502, body
    row = front.exchange("/")
    assert row["fault"] == "upstream" and row["error"]
    return {"said": row["error"], "answer": body.decode()}


@pytest.mark.parametrize("kind", BAD)
def test_an_upstream_whose_tls_is_wrong_is_a_502_that_says_which_and_what_to_type(kind: str, tmp_path: Path) -> None:
    bad = BAD[kind]
    with (
        within(60),
        bad_upstream(bad, tmp_path) as (port, trusted),
        Front(f"https://localhost:{port}", tmp_path / "folder", env={"SSL_CERT_FILE": str(trusted)}) as front,
    ):
        heard = told(front)

    assert bad.said in heard["said"]
    assert bad.cure in heard["answer"]


def test_an_upstream_that_is_good_is_verified_by_the_same_machine(tmp_path: Path) -> None:
    with (
        within(60),
        bad_upstream(Bad("", ""), tmp_path) as (port, trusted),
        Front(f"https://localhost:{port}", tmp_path / "folder", env={"SSL_CERT_FILE": str(trusted)}) as front,
        front.client() as client,
    ):
        assert client.get("/").text == "hello"


def test_an_upstream_in_plain_http_behind_an_https_target_is_recognised(tmp_path: Path) -> None:
    with (
        within(60),
        origin() as server,
        Front(f"https://localhost:{server.port}", tmp_path / "folder", "--wait", "300ms") as front,
    ):
        assert f"tunnel http://localhost:{server.port}" in told(front)["answer"]


def test_an_upstream_that_closes_in_the_handshake_is_waited_for_and_then_told(tmp_path: Path) -> None:
    port = free_port()
    closing = f"import socket\ns = socket.create_server(('127.0.0.1', {port}))\nwhile True: s.accept()[0].close()"
    with (
        within(60),
        served(*python("-c", closing), port=port),
        Front(f"https://localhost:{port}", tmp_path / "folder", "--wait", "300ms") as front,
    ):
        heard = told(front)

    assert "no TLS with the upstream" in heard["said"] and f"tunnel http://localhost:{port}" in heard["answer"]
