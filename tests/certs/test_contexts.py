"""Each client gets the leaf it asked for, with ALPN; leaves renew, sessions and connections last."""

import socket
import ssl
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from certs import contexts, files, leaves, limits, profiles
from certs.authority import Authority
from certs.contexts import ServerContexts, client_context, trusting
from certs.errors import CertsError

ROOM = Path(__file__).parents[2]
VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


def everything(name: str) -> bool:
    return True


def client(folder: Path, version: ssl.TLSVersion | None = None) -> ssl.SSLContext:
    context = trusting(folder)
    if version is not None:
        context.minimum_version = context.maximum_version = version
    return context


def incurious(folder: Path) -> ssl.SSLContext:
    """A client that verifies the chain, sends SNI, and does not mind whose name it sees."""
    context = trusting(folder)
    context.check_hostname = False
    return context


@pytest.mark.parametrize("name", ["localhost", "app.test", "deep.app.localhost", "my_app.internal"])
def test_a_client_gets_a_leaf_with_exactly_the_name_it_asked_for(folder, handshake, name):
    served = ServerContexts(folder, serves=everything)

    assert handshake(served.base, incurious(folder), name).names == [name]


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "192.168.1.5"])
def test_a_listeners_address_is_served_to_clients_that_dialled_it(folder, handshake, address):
    served = ServerContexts(folder, serves=everything)

    assert handshake(served.at(address), client(folder), address).names == [address]


def test_base_serves_the_loopback_address_to_a_client_without_sni(folder, handshake):
    served = ServerContexts(folder, serves=everything)

    assert handshake(served.base, client(folder), "127.0.0.1").names == ["127.0.0.1"]
    assert served.base is served.base is served.at("127.0.0.1")


def test_a_socket_is_asked_which_address_was_dialled(folder):
    served = ServerContexts(folder, serves=everything)
    with socket.create_server(("127.0.0.2", 0)) as listener:
        dialling = socket.create_connection(listener.getsockname())
        accepted, _ = listener.accept()

    def serve() -> None:
        with served.base.wrap_socket(accepted, server_side=True) as tls:
            tls.recv(1)

    server = threading.Thread(target=serve)
    server.start()
    with client(folder).wrap_socket(dialling, server_hostname="127.0.0.2") as tls:
        shown = tls.getpeercert()
        tls.send(b"x")
    server.join()

    assert shown is not None
    assert shown["subjectAltName"] == (("IP Address", "127.0.0.2"),)


@pytest.mark.parametrize("asked", ["stranger.localhost", "google.com", "evil.com", "-a.test"])
def test_a_name_that_is_not_ours_gets_the_default_leaf_and_nothing_is_made_for_it(folder, handshake, asked):
    served = ServerContexts(folder, serves=lambda name: name != "stranger.localhost")

    # RFC 6066 names the alert for it, but a browser can say more about a wrong name than about an alert.
    assert handshake(served.base, incurious(folder), asked).names == ["127.0.0.1"]
    assert [path.name.rpartition("_")[2] for path in files.Layout(folder).leaves.iterdir()] == ["ip=127.0.0.1.pem"]


def test_an_address_outside_the_limits_falls_back_to_loopback(folder, handshake):
    served = ServerContexts(folder, serves=everything)

    assert handshake(served.at("203.0.113.7"), incurious(folder), "google.com").names == ["127.0.0.1"]


def test_the_name_is_asked_about_in_its_one_spelling(folder, handshake):
    asked = []
    served = ServerContexts(folder, serves=lambda name: bool(asked.append(name)) or True)

    handshake(served.base, incurious(folder), "App.TEST")

    assert asked == ["app.test"]


@pytest.mark.parametrize("name", ["app.test", "127.0.0.1", "google.com"])
@pytest.mark.parametrize("offered, chosen", [(["http/1.1"], "http/1.1"), (["h2", "http/1.1"], "h2"), (["spdy"], None)])
def test_a_swapped_context_negotiates_alpn(folder, handshake, name, offered, chosen):
    served = ServerContexts(folder, alpn=("h2", "http/1.1"), serves=everything)
    theirs = incurious(folder)
    theirs.set_alpn_protocols(offered)
    if chosen == "http/1.1":
        served = ServerContexts(folder, serves=everything)

    assert handshake(served.base, theirs, name).server.selected_alpn_protocol() == chosen


def test_without_alpn_none_is_negotiated(folder, handshake):
    served = ServerContexts(folder, alpn=(), serves=everything)
    theirs = client(folder)
    theirs.set_alpn_protocols(["http/1.1"])

    assert handshake(served.base, theirs, "app.test").server.selected_alpn_protocol() is None


@pytest.mark.parametrize("version", VERSIONS)
def test_a_leaf_is_renewed_under_way_without_touching_connections_or_sessions(folder, handshake, clock, version):
    now = clock()
    # OpenSSL verifies by the real clock: so the leaf is made five days ago and renewed today.
    clock.seconds = now - 5 * limits.DAYS
    served = ServerContexts(folder, serves=everything, now=clock)
    theirs = client(folder, version)
    old = handshake(served.base, theirs, "app.test")
    same = handshake(served.base, theirs, "app.test")

    clock.seconds = now
    new = handshake(served.base, theirs, "app.test")
    resumed = handshake(served.base, theirs, "app.test", old.client.session)
    old.say(b"still here")

    assert same.number == old.number != new.number
    assert new.client.version() == {VERSIONS[0]: "TLSv1.2", VERSIONS[1]: "TLSv1.3"}[version]
    assert not new.client.session_reused
    assert resumed.client.session_reused


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", ["app.test", "127.0.0.1"])
def test_a_returning_client_resumes(folder, handshake, version, name):
    served = ServerContexts(folder, serves=everything)
    theirs = client(folder, version)
    first = handshake(served.base, theirs, name)

    assert handshake(served.base, theirs, name, first.client.session).client.session_reused


def test_openssl_resumes_after_a_renewal(folder, clock, tmp_path):
    now = clock()
    clock.seconds = now - 5 * limits.DAYS
    served = ServerContexts(folder, serves=everything, now=clock)
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(10)

    def serve() -> None:
        for _ in range(2):
            accepted, _ = listener.accept()
            accepted.settimeout(10)
            with served.base.wrap_socket(accepted, server_side=True) as tls:
                tls.recv(1)
                tls.sendall(b"bye")

    def s_client(*more: str) -> str:
        port = listener.getsockname()[1]
        argv = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", "app.test", "-alpn", "http/1.1"]
        argv += ["-CAfile", str(files.Layout(folder).root), "-verify_hostname", "app.test", "-verify_return_error"]
        argv += ["-ign_eof"]  # Read to the end: a ticket of TLS 1.3 comes after the handshake.
        return subprocess.run([*argv, *more], input="x\n", capture_output=True, text=True, timeout=20).stdout

    server = threading.Thread(target=serve)
    server.start()
    first = s_client("-sess_out", str(tmp_path / "session"))
    clock.seconds = now
    second = s_client("-sess_in", str(tmp_path / "session"))
    server.join()
    listener.close()

    assert "Verify return code: 0 (ok)" in first
    assert "ALPN protocol: http/1.1" in first
    assert "New, TLSv1.3" in first
    assert "Reused, TLSv1.3" in second


def test_an_old_leaf_serves_on_while_none_can_be_made_and_someone_is_told(folder, handshake, clock):
    now, told = clock(), []
    clock.seconds = now - 5 * limits.DAYS
    served = ServerContexts(folder, serves=everything, now=clock, warn=told.append)
    old = handshake(served.base, client(folder), "app.test")
    files.Layout(folder).root_key.write_bytes(b"")

    clock.seconds = now
    assert handshake(served.base, client(folder), "app.test").number == old.number
    assert "is damaged" in told[0].what


def test_a_leaf_that_cannot_be_kept_serves_all_the_same_and_someone_is_told(folder, handshake):
    told = []
    served = ServerContexts(folder, serves=everything, warn=told.append)
    files.Layout(folder).leaves.write_bytes(b"no folder can be made here")

    for _ in range(2):
        assert handshake(served.base, client(folder), "app.test").names == ["app.test"]
    assert len(told) == 1
    assert str(files.Layout(folder).leaves) in told[0].what


def test_a_leaf_that_finds_no_place_at_all_is_told_as_ever(folder, handshake, monkeypatch):
    told = []
    served = ServerContexts(folder, serves=everything, warn=told.append)
    files.Layout(folder).leaves.write_bytes(b"no folder can be made here")
    monkeypatch.setattr(contexts, "_MEMORY", str(folder / "missing"))
    monkeypatch.setattr(contexts.tempfile, "tempdir", str(folder / "missing"))

    with pytest.raises(ssl.SSLError, match=r"internal error|callback failed"):
        handshake(served.base, client(folder), "app.test")
    assert str(files.Layout(folder).leaves) in told[0].what


def test_when_no_leaf_can_be_made_the_client_is_told_that_it_is_our_fault(folder, handshake):
    told = []
    served = ServerContexts(folder, serves=everything, warn=told.append)
    files.Layout(folder).root_key.write_bytes(b"")

    with pytest.raises(ssl.SSLError, match=r"internal error|callback failed"):
        handshake(served.base, client(folder), "app.test")

    assert "is damaged" in told[0].what


def test_a_cached_leaf_is_used_by_the_next_process(folder, handshake):
    first = handshake(ServerContexts(folder, serves=everything).base, client(folder), "app.test")
    second = handshake(ServerContexts(folder, serves=everything).base, client(folder), "app.test")

    assert first.number == second.number


def test_a_damaged_leaf_in_the_cache_is_made_again(folder, handshake):
    handshake(ServerContexts(folder, serves=everything).base, client(folder), "app.test")
    (leaf,) = files.Layout(folder).leaves.iterdir()
    leaf.write_bytes(leaf.read_bytes()[:300])

    assert handshake(ServerContexts(folder, serves=everything).base, client(folder), "app.test").names == ["app.test"]


def test_a_cached_leaf_of_another_root_is_not_used(folder, handshake):
    old = handshake(ServerContexts(folder, serves=everything).base, client(folder), "app.test")
    files.Layout(folder).root_key.unlink()
    files.Layout(folder).root.unlink()

    new = handshake(ServerContexts(folder, serves=everything).base, client(folder), "app.test")

    assert new.number != old.number
    assert len(list(files.Layout(folder).leaves.iterdir())) == 1


def test_a_root_made_anew_while_running_is_noticed_with_the_next_leaf(folder, handshake):
    served = ServerContexts(folder, serves=everything)
    handshake(served.base, client(folder), "a.test")
    files.Layout(folder).root_key.unlink()
    files.Layout(folder).root.unlink()
    Authority.load_or_make(folder)

    assert handshake(served.base, client(folder), "b.test").names == ["b.test"]


def test_no_more_names_are_remembered_than_the_limit_and_the_latest_stay(folder, handshake, monkeypatch):
    monkeypatch.setattr(leaves, "MOST_LEAVES", 3)
    served = ServerContexts(folder, serves=everything)
    for name in ["a.test", "b.test", "c.test", "a.test", "d.test"]:
        handshake(served.base, client(folder), name)

    assert [str(name) for name in served._recent] == ["c.test", "a.test", "d.test"]
    assert len(list(files.Layout(folder).leaves.iterdir())) == 3


def test_old_versions_weak_ciphers_and_renegotiation_are_off(folder):
    base = ServerContexts(folder, serves=everything).base

    assert base.minimum_version == ssl.TLSVersion.TLSv1_2
    assert base.options & ssl.OP_NO_COMPRESSION
    assert base.options & ssl.OP_NO_RENEGOTIATION
    assert not base.options & ssl.OP_NO_TICKET
    for cipher in base.get_ciphers():
        assert cipher["aead"]
        assert cipher["protocol"] == "TLSv1.3" or "ecdhe" in cipher["kea"]


def test_a_root_that_cannot_be_used_is_reported_before_serving(folder):
    folder.mkdir()
    folder.chmod(0o777)

    with pytest.raises(CertsError, match="others may write"):
        ServerContexts(folder, serves=everything)


def test_trusting_a_folder_without_a_root_says_how_to_make_one(folder):
    with pytest.raises(CertsError, match="there is no root") as refusal:
        trusting(folder)

    assert "python -m certs" in refusal.value.hint


def test_an_upstream_is_verified_or_not_as_asked(folder, handshake):
    served = ServerContexts(folder, serves=everything)

    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(served.base, client_context(verify=True), "app.test")
    unchecked = handshake(served.base, client_context(verify=False), "app.test")

    assert unchecked.client.selected_alpn_protocol() == "http/1.1"
    assert client_context(verify=True).check_hostname


SECOND_START = """
import ssl, sys
from pathlib import Path
from certs.contexts import ServerContexts, trusting
assert "cryptography" not in sys.modules
folder = Path(sys.argv[1])
served = ServerContexts(folder, serves=lambda name: True)
for name in ["app.test", "127.0.0.1"]:
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = served.base.wrap_bio(up, down, server_side=True)
    client = trusting(folder).wrap_bio(down, up, server_hostname=name)
    for _ in range(4):
        for end in (client, server):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                pass
    print(client.version(), client.getpeercert()["subjectAltName"])
print("cryptography" in sys.modules, "subprocess" in sys.modules)
"""


def test_a_second_start_serves_from_the_cache_without_cryptography(folder):
    def start() -> str:
        argv = [sys.executable, "-W", "error", "-c", SECOND_START, str(folder)]
        done = subprocess.run(argv, cwd=ROOM, capture_output=True, text=True)
        assert not done.stderr
        return done.stdout.splitlines()[-1]

    assert start().startswith("True")
    assert start() == "False False"


def test_serving_from_memory_reads_no_file(folder, handshake, monkeypatch):
    served = ServerContexts(folder, serves=everything)
    handshake(served.base, client(folder), "app.test")
    monkeypatch.setattr(contexts.leaves, "find", None)

    assert handshake(served.base, client(folder), "app.test").names == ["app.test"]


TOGETHER = ("192.168.1.5", "anna-3000.local", "anna.local")


@pytest.mark.parametrize("asked", TOGETHER)
def test_names_that_belong_together_share_one_leaf_which_names_them_all(folder, handshake, asked):
    served = ServerContexts(folder, serves=everything, together=(*TOGETHER, "anna.example", "203.0.113.7"))

    assert handshake(served.at("192.168.1.5"), client(folder), asked).names == list(TOGETHER)
    assert handshake(served.at("192.168.1.5"), client(folder), "localhost").names == ["localhost"]


def test_the_leaf_of_several_names_is_found_again_by_the_next_start_and_not_by_one_with_others(folder, handshake):
    serials = [
        handshake(
            ServerContexts(folder, serves=everything, together=names).base, incurious(folder), "anna.local"
        ).number
        for names in (TOGETHER, TOGETHER, TOGETHER[1:], TOGETHER)
    ]

    assert serials[0] == serials[1] == serials[3] != serials[2]


def test_an_address_that_an_older_root_may_not_sign_for_is_told_and_spoils_no_name_beside_it(
    folder, handshake, monkeypatch
):
    """A leaf with one address too many would be refused for all that it names."""
    older = tuple(network for network in limits.PERMITTED_NETWORKS if str(network) != "100.64.0.0/10")
    monkeypatch.setattr(profiles, "PERMITTED_NETWORKS", older)
    Authority.load_or_make(folder)
    warned = []
    served = ServerContexts(
        folder, serves=everything, together=("100.100.1.2", "demo.local", "anna.example"), warn=warned.append
    )

    assert handshake(served.at("100.100.1.2"), client(folder), "demo.local").names == ["demo.local"]
    (error,) = warned
    assert "may not sign for 100.100.1.2" in error.what
    assert "root-key.pem.old" in error.hint and "trust" in error.hint


def test_the_roots_fingerprint_is_what_people_compare(folder):
    assert ServerContexts(folder, serves=everything).fingerprint == Authority.load_or_make(folder).fingerprint
