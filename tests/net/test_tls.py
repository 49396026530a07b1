"""TLS: what a handshake agrees, and the sentence for each way it fails."""

import contextlib
import ssl

import pytest
import trio
import trio.testing
import trustme
from cryptography.hazmat.primitives.hashes import SHA256

from certs.authority import Authority
from certs.contexts import ServerContexts, trusting
from tests.helpers.garbage import alive, no_collector
from tests.helpers.wire import contexts, in_no_time, socket_wires, tls_wires
from tunnel.net.sniff import Speech, sniff
from tunnel.net.streams import SocketWire
from tunnel.net.sweep import Sweep
from tunnel.net.tls import HandshakeFailed, agreed, dial_tls, serve_tls

pytestmark = pytest.mark.anyio


async def handshake(
    client: ssl.SSLContext, name: str = "localhost", sweep: Sweep | None = None
) -> tuple[HandshakeFailed | None, HandshakeFailed | None, Sweep]:
    """The client's and the server's failure in a handshake with our test server."""
    sweep = sweep or Sweep()
    near, far = socket_wires(sweep)
    failures: dict[str, HandshakeFailed] = {}

    async def serve() -> None:
        try:
            (await serve_tls(far, contexts()[0])).close()
        except HandshakeFailed as error:
            failures["server"] = error

    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(serve)
            try:
                wire = await dial_tls(near, client, name)
                await wire.receive()
                wire.close()
            except HandshakeFailed as error:
                failures["client"] = error
    return failures.get("client"), failures.get("server"), sweep


async def test_what_was_agreed_is_told() -> None:
    client, server = await tls_wires(Sweep())
    assert isinstance(server.sock, ssl.SSLSocket)

    tls = agreed(server.sock, "localhost")

    assert (tls.version, tls.sni, tls.alpn) == ("TLSv1.3", "localhost", "")
    assert tls.cipher.startswith("TLS_")
    client.close()
    server.close()


async def test_a_handshake_can_be_sniffed_first() -> None:
    sweep = Sweep()
    near, far = socket_wires(sweep)
    server, client = contexts()
    async with trio.open_nursery() as nursery:

        async def serve() -> None:
            assert await sniff(far, float("inf")) is Speech.TLS
            wire = await serve_tls(far, server)
            await wire.send(b"hello")
            wire.close()

        nursery.start_soon(serve)
        wire = await dial_tls(near, client, "localhost")
        assert await wire.receive() == b"hello"
        wire.close()


async def test_a_client_that_does_not_know_our_authority_distrusts_us() -> None:
    for_others = ssl.create_default_context()

    client, server, sweep = await handshake(for_others)

    assert client is not None
    assert server is not None
    assert "its certificate is not trusted" in str(client)
    assert server.distrust
    assert not client.distrust
    assert not sweep.wires


async def test_a_certificate_for_another_name_is_refused_with_the_reason() -> None:
    client, _, sweep = await handshake(contexts()[1], name="other.test")

    assert client is not None
    assert "other.test" in str(client)
    assert not sweep.wires


async def test_an_expired_certificate_is_refused_with_the_reason() -> None:
    import datetime

    authority = trustme.CA()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    past = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
    authority.issue_cert("localhost", not_after=past).configure_cert(server)
    client = ssl.create_default_context()
    authority.configure_trust(client)
    near, far = socket_wires(Sweep())

    async with trio.open_nursery() as nursery:

        async def serve() -> None:
            with pytest.raises(HandshakeFailed):
                await serve_tls(far, server)

        nursery.start_soon(serve)
        with pytest.raises(HandshakeFailed, match="expired"):
            await dial_tls(near, client, "localhost")


@pytest.mark.parametrize("said", [b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x00\x05nonsense", b"\x00" * 100])
async def test_what_is_no_handshake_fails_as_one_and_closes_the_socket(said: bytes) -> None:
    sweep = Sweep()
    near, far = socket_wires(sweep)
    await near.send(said)

    with trio.fail_after(5), pytest.raises(HandshakeFailed) as caught:
        await send_end_and_serve(near, far)

    assert not caught.value.expired
    assert not caught.value.distrust
    assert sweep.wires == {near}
    near.close()


async def send_end_and_serve(near: SocketWire, far: SocketWire) -> None:
    await near.send_end()
    await serve_tls(far, contexts()[0])


async def test_a_peer_that_leaves_in_the_handshake_is_an_ordinary_failure() -> None:
    sweep = Sweep()
    near, far = socket_wires(sweep)
    near.close()

    with pytest.raises(HandshakeFailed):
        await serve_tls(far, contexts()[0])
    assert not sweep.wires


def test_a_slow_handshake_is_cut_off_at_its_deadline() -> None:
    async def story() -> None:
        sweep = Sweep()
        near, far = socket_wires(sweep)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(sweep.run)
            far.deadline = trio.current_time() + 10
            with pytest.raises(HandshakeFailed) as caught:
                await serve_tls(far, contexts()[0])
            assert caught.value.expired
            assert 10 <= trio.current_time() <= 11
            nursery.cancel_scope.cancel()
        assert sweep.wires == {near}
        near.close()

    in_no_time(story)


async def test_a_cancelled_handshake_leaves_nothing_open() -> None:
    sweep = Sweep()
    near, far = socket_wires(sweep)

    with trio.move_on_after(0.01):
        await serve_tls(far, contexts()[0])

    assert sweep.wires == {near}
    assert near.left()
    near.close()


async def test_a_failed_handshake_leaves_nothing_to_the_garbage_collector() -> None:
    with no_collector():
        near, far = socket_wires(Sweep())
        near.close()
        with contextlib.suppress(HandshakeFailed):
            await serve_tls(far, contexts()[0])

        assert alive("TlsWire", "SSLSocket") == {}


@pytest.mark.parametrize("shown", ["alice", ""])
async def test_a_clients_verified_certificate_is_told(tmp_path, shown) -> None:
    served = ServerContexts(tmp_path / "authority", serves=lambda name: True, clients=True)
    theirs = trusting(tmp_path / "authority")
    fingerprint = ""
    if shown:
        issued = Authority.load_or_make(tmp_path / "authority").issue_client(shown)
        (tmp_path / "client.pem").write_bytes(issued.pem)
        theirs.load_cert_chain(tmp_path / "client.pem")
        fingerprint = issued.certificate.fingerprint(SHA256()).hex()
    near, far = socket_wires(Sweep())
    agreements = []

    async def serve() -> None:
        wire = await serve_tls(far, served.base)
        assert isinstance(wire.sock, ssl.SSLSocket)
        agreements.append(agreed(wire.sock, "localhost"))
        wire.close()

    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(serve)
            (await dial_tls(near, theirs, "localhost")).close()

    assert [(tls.client, tls.client_print) for tls in agreements] == [(shown, fingerprint)]
