"""Requests without a credential: whatever is written into them, under each access rule, not a byte reaches the service.

After each attack somebody who was let in asks for something. So what the service took is known to be all that it will take.
"""

import itertools
from collections.abc import Iterator

import pytest

from tests.lan.guests import LetIn, let_in
from tests.lan.network import Network
from tests.lan.service import SECRET, Service
from tests.lan.shares import RULES, Shared
from tests.share.attacks import STRANGE_HOSTS, WITHOUT_A_CREDENTIAL, at, get

pytestmark = pytest.mark.lan
LAST = get(b"/.tunnel/login", b"Connection: close")  # so that the connection ends behind an attack that leaves it open
COUNT = itertools.count()


@pytest.fixture(scope="module", params=RULES)
def guest(
    request: pytest.FixtureRequest, hosts: Network, counted: Service, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LetIn]:
    """Somebody who was let in, to a share under each rule."""
    folder = tmp_path_factory.mktemp("share")
    with Shared(hosts, counted.port, folder, *RULES[request.param](folder)) as share:
        yield let_in(share, request.param)


def only_the_guest_got_through(guest: LetIn, service: Service) -> None:
    target = b"/guest/%d" % next(COUNT)
    assert guest.ask(target).body == SECRET
    assert service.targets == [target], f"the service took {service.taken}"


@pytest.mark.parametrize("tls", [True, False], ids=["TLS", "plain"])
@pytest.mark.parametrize("attack", WITHOUT_A_CREDENTIAL)
def test_nothing_reaches_the_service_without_a_credential(
    hosts: Network, guest: LetIn, service: Service, attack: str, tls: bool
) -> None:
    share = guest.share
    with share.talk(hosts.stranger(), tls=tls) as stranger:
        heard = stranger.everything(at(share.authority, WITHOUT_A_CREDENTIAL[attack] + LAST))

    assert SECRET not in heard
    assert b" 101 " not in heard
    only_the_guest_got_through(guest, service)


@pytest.mark.parametrize("host", STRANGE_HOSTS)
def test_a_host_that_is_not_the_shares_is_refused_whoever_asks(guest: LetIn, service: Service, host: str) -> None:
    request = guest.request(b"/rebound").replace(b"{host}", guest.share.host_like(host, service.port).encode(), 1)

    for tls in (True, False):
        answer = guest.send(request, tls=tls)
        assert answer.status in (400, 421), answer
        assert not answer.cookies()
    only_the_guest_got_through(guest, service)


def test_each_request_is_judged_and_not_its_connection(guest: LetIn, service: Service) -> None:
    """What was shown once on a connection is not remembered for it; a certificate is the connection's own."""
    if guest.context is not None:
        return
    with guest.share.talk(guest.source) as connection:
        assert connection.ask(at(guest.share.authority, guest.request(b"/with"))).body == SECRET
        refused = connection.ask(at(guest.share.authority, get(b"/without")))

    assert refused.status == 401
    assert service.targets == [b"/with"]


def test_what_the_share_was_shown_is_not_shown_to_the_service(guest: LetIn, service: Service) -> None:
    guest.ask(
        b"/shown",
        b"Cookie: theme=dark; __Host-tunnel-share-1=other; lang=en",
        b"X-Forwarded-User: admin",
        b"X_Forwarded_User: admin",
    )

    [head] = service.heads
    assert b"tunnel-share" not in head
    assert b"admin" not in head
    assert not any(secret in head for secret in guest.secrets)
    assert b"theme=dark; lang=en" in head
    assert head.lower().count(b"x-forwarded-user:") == 1


def test_no_trailer_says_what_no_head_may(guest: LetIn, service: Service) -> None:
    chunked = guest.request(b"/trailers", b"Transfer-Encoding: chunked", b"Trailer: X-Forwarded-User, Cookie")
    trailers = b"0\r\nX-Forwarded-User: admin\r\nX_Forwarded_For: admin\r\nCookie: a=admin\r\nX-Sum: 1\r\n\r\n"
    assert guest.send(chunked.replace(b"GET", b"POST", 1) + trailers).body == SECRET

    service.wait_for(lambda: b"X-Sum: 1" in b"".join(service.taken))
    assert b"admin" not in b"".join(service.taken)


def test_a_field_that_says_who_asks_cannot_be_named_away(guest: LetIn, service: Service) -> None:
    guest.ask(
        b"/named", b"Connection: keep-alive, X-Forwarded-User, X-Forwarded-For, Forwarded, Via, X-Forwarded-Proto"
    )

    [head] = service.heads
    for name in (
        b"X-Forwarded-User: ",
        b"X-Forwarded-For: 10.77.0.7",
        b"X-Forwarded-Proto: https",
        b"Forwarded: for=10.77.0.7",
    ):
        assert head.count(name) == 1
