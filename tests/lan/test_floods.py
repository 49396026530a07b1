"""Floods: guesses, connections, slow ones, endless ones. None reaches the service, and whoever was let in goes on."""

from base64 import b64encode
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from tests.lan.forms import Form
from tests.lan.guests import LetIn, let_in
from tests.lan.network import LAPTOP, PHONE, SERVER, Network
from tests.lan.service import SECRET, Service
from tests.lan.shares import PASSWORD, RULES, Shared
from tests.lan.talk import Answer
from tests.share.attacks import at, get

pytestmark = pytest.mark.lan
GUESSES = 1000
SOURCES = 50  # addresses that they come from
AT_ONCE = 32
MOST_MEMORY = 400 * 2**20  # bytes: a hash takes 64 MiB, so a crowd at once would take gigabytes
SHORT = ("--handshake", "2s", "--head", "2s", "--idle", "4s", "--stall", "4s")


def guesses(share: Shared, rule: str, sources: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    """Yield who guesses, and the request with which they do; no two alike. Half of the passwords come by the form."""
    forms = [Form(share, source) for source in sources] if rule == "password" else []
    for number in range(GUESSES):
        guess, source = f"guess-{number:04}", sources[number % len(sources)]
        match rule:
            case "password" if number % 2:
                yield source, forms[number % len(forms)].request(guess)
            case "password":
                yield source, get(b"/guess", b"Authorization: Basic " + b64encode(f"me:{guess}".encode()))
            case "token":
                yield source, get(b"/guess", b"Authorization: Bearer " + guess.encode() * 4)
            case _:
                yield source, get(b"/.tunnel/join?token=" + guess.encode() * 4)


@pytest.mark.parametrize("rule", ["pairing", "password", "token"])
def test_a_thousand_guesses_from_everywhere_let_nobody_in_and_shut_nobody_out(
    hosts: Network, service: Service, tmp_path: Path, rule: str
) -> None:
    with Shared(hosts, service.port, tmp_path, *RULES[rule](tmp_path)) as share:
        guest = let_in(share, rule)
        assert guest.ask(b"/before").body == SECRET
        tries = list(guesses(share, rule, [hosts.stranger() for _ in range(SOURCES)]))
        service.forget()

        def guess(source: str, request: bytes) -> Answer:
            return share.ask(request, source)

        with ThreadPoolExecutor(AT_ONCE) as threads:
            answers = [threads.submit(guess, source, request) for source, request in tries]
            meanwhile = [guest.ask(b"/meanwhile/%d" % number) for number in range(10)]
        told = Counter(answer.result().status for answer in answers)

        assert {answer.body for answer in meanwhile} == {SECRET}
        assert set(told) <= {401, 429, 503}, told
        assert told[401] <= GUESSES / 10, f"so many were compared: {told}"
        assert not any(name for answer in answers for name in answer.result().cookies() if not name.endswith("-form"))
        assert service.targets == [b"/meanwhile/%d" % number for number in range(10)]
        assert share.peak_memory() < MOST_MEMORY
        if rule == "pairing":
            assert share.standing()["questions"] == []


def test_a_stranger_who_is_locked_out_stays_so(hosts: Network, service: Service, tmp_path: Path) -> None:
    """Also with the right password: else the lock would tell which one it is."""
    with Shared(hosts, service.port, tmp_path, *RULES["password"](tmp_path)) as share:
        source = hosts.stranger()
        wrong = get(b"/x", b"Authorization: Basic " + b64encode(b"me:wrong"))
        right = get(b"/x", b"Authorization: Basic " + b64encode(f"me:{PASSWORD}".encode()))
        told = [share.ask(wrong, source) for _ in range(30)]
        assert [answer.status for answer in told[:3]] == [401] * 3
        assert told[-1].status == 429
        assert share.ask(right, source).status == 429
        assert int(told[-1].all("retry-after")[0]) >= 1
        assert let_in(share, "password").ask(b"/other").body == SECRET, "others are not"

    assert service.targets == [b"/other"]


def test_a_flood_of_silent_connections_shuts_nobody_out_and_is_gone_when_it_is_over(
    hosts: Network, service: Service, tmp_path: Path
) -> None:
    with Shared(hosts, service.port, tmp_path, *RULES["token"](tmp_path), "--max-connections", "100", *SHORT) as share:
        guest = let_in(share, "token")

        def flood(size: int) -> None:
            with ExitStack() as stack:
                for number in range(size):
                    sock = stack.enter_context(hosts.visitor.connect(SERVER, share.port, source=LAPTOP))
                    with suppress(ConnectionError):  # closed in its face already
                        sock.sendall((b"", b"\x16\x03\x01", b"GET / HTTP/1.1\r\nHost: ")[number % 3])
                assert guest.ask(b"/during").body == SECRET
            assert guest.ask(b"/after").body == SECRET

        flood(3)
        before = share.open_files()
        flood(300)
        share.until_open_files(before)

    assert service.targets == [b"/during", b"/after"] * 2


@pytest.mark.parametrize("begin", [
    b"GET /slow-head HTTP/1.1\r\nHost: {host}\r\nX-Slow: ",
    b"POST /.tunnel/login HTTP/1.1\r\nHost: {host}\r\nContent-Length: 1000\r\n\r\n",
    b"POST /secret HTTP/1.1\r\nHost: {host}\r\nContent-Length: 1000000\r\n\r\n",
    b"POST /secret HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n1",
    b"GET /.tunnel/wait HTTP/1.1\r\nHost: {host}\r\nX-Slow: ",
])  # fmt: skip
@pytest.mark.parametrize("tls", [True, False], ids=["TLS", "plain"])
def test_a_slow_sender_is_cut_off(quick: LetIn, service: Service, begin: bytes, tls: bool) -> None:
    """It may take its time for a while, and the connection is closed then."""
    with quick.share.talk(PHONE, tls=tls) as slow:
        slow.sock.sendall(at(quick.share.authority, begin))
        assert slow.ended()

    assert quick.ask(b"/still").body == SECRET
    assert service.targets == [b"/still"]


def test_a_body_without_end_is_not_taken(quick: LetIn, service: Service) -> None:
    for path in (b"/.tunnel/login", b"/.tunnel/logout", b"/secret"):
        with quick.share.talk(PHONE) as sender:
            head = b"POST %b HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n" % path
            sender.sock.sendall(at(quick.share.authority, head))
            sent = sender.push(b"10000\r\n" + bytes(65536) + b"\r\n", most=64 * 2**20)
            assert sent < 16 * 2**20, f"{path!r} took {sent} bytes"
    assert quick.ask(b"/still").body == SECRET
    assert service.targets == [b"/still"]


@pytest.fixture(scope="module")
def quick(hosts: Network, counted: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LetIn]:
    """Somebody who was let in, to a share that waits for nobody for long."""
    folder = tmp_path_factory.mktemp("share")
    with Shared(hosts, counted.port, folder, *RULES["password"](folder), *SHORT) as share:
        yield let_in(share, "password")
