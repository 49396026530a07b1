"""Pairing under attack: the link, the question and the cookie, each tried by somebody who should not come in by it."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lan.guests import PIXEL, Device, let_in, target_of
from tests.lan.network import LAPTOP, PHONE, Network
from tests.lan.service import SECRET, Service
from tests.lan.shares import Shared

pytestmark = pytest.mark.lan
AS_THE_PHONE = (
    b"X-Forwarded-For: 10.77.0.7", b"Forwarded: for=10.77.0.7", b"X-Real-IP: 10.77.0.7", b"X_Forwarded_For: 10.77.0.7",
    b"Connection: X-Forwarded-For", b"X-Forwarded-Host: localhost", b"X-Forwarded-Proto: http",
)  # fmt: skip


@pytest.fixture
def phone(share: Shared) -> Iterator[Device]:
    """A device that has not asked yet. Whoever came in during a test is put out after it."""
    yield Device(share, PHONE)
    for device in share.standing()["devices"]:
        share.order("revoke", str(device["number"]))


@pytest.fixture
def thief(hosts: Network, share: Shared) -> Device:
    """Somebody else on the network, of whom nothing is known yet."""
    return Device(share, hosts.stranger())


def is_out(device: Device, service: Service) -> bool:
    """Whether a device gets nothing of the service, by anything that it has been given."""
    before = len(service.heads)
    answer = device.ask(b"/secret")
    return answer.status in (401, 403, 429) and SECRET not in answer.body and len(service.heads) == before


def test_who_was_let_in_is_in_and_nobody_else(phone: Device, thief: Device, service: Service) -> None:
    phone.join()

    assert phone.ask(b"/mine").body == SECRET
    assert is_out(thief, service)
    assert phone.share.exchange("/mine")["device"].startswith("Pixel 9")


def test_the_record_and_the_terminal_tell_who_came_and_who_did_not_and_why(
    phone: Device, thief: Device, service: Service
) -> None:
    share = phone.share
    phone.join()
    phone.ask(b"/told/mine")
    thief.ask(b"/told/page")
    tool = Device(share, thief.source, (b"User-Agent: curl/8.5",))
    tool.ask(b"/told/tool", b"X-Forwarded-User: admin")
    share.recorded(lambda row: row["target"].startswith("/told/"), count=3)

    mine, page, refused = (share.exchange(f"/told/{name}") for name in ("mine", "page", "tool"))
    assert (mine["status"], mine["rule"], mine["fault"]) == (200, "pairing", "")
    [device] = share.standing()["devices"]
    assert (mine["device"], device["browser"]) == (device["name"], "Chrome")
    assert re.fullmatch(r"Pixel 9( \(\d+\))?", mine["device"]), "others were in before, and no name is given twice"
    for row in page, refused:
        assert (row["status"], row["device"], row["rule"], row["fault"]) == (401, "", "pairing", "client")
        assert "not let in" in row["error"]
    found = share.run("log", "--json", f'device = "{device["name"]}" and target = "/told/mine"')
    assert len(found.splitlines()) == 1
    assert share.said(f"{thief.source} was not let in")


def test_a_link_that_was_opened_opens_nothing_for_the_next(phone: Device, thief: Device, service: Service) -> None:
    link = phone.share.link
    assert phone.knock(link).status == 200

    assert thief.knock(link).status == 401, "a token on a second device, while its question waits"
    phone.share.order("allow")
    assert phone.follow(phone.ask(b"/.tunnel/wait?held")).status == 200
    assert thief.knock(link).status == 401, "replayed"
    assert thief.cookies == {}
    assert is_out(thief, service)


def test_the_answer_for_one_device_does_not_let_in_another(phone: Device, thief: Device, service: Service) -> None:
    share = phone.share
    assert phone.knock(share.link).status == 200
    assert thief.knock(share.link).status == 200
    numbers = {question["address"]: question["number"] for question in share.standing()["questions"]}

    share.order("allow", str(numbers[phone.source]))
    assert phone.follow(phone.ask(b"/.tunnel/wait?held")).status == 200
    assert is_out(thief, service)
    share.order("deny", str(numbers[thief.source]))
    assert thief.ask(b"/.tunnel/wait?held").status == 403
    assert is_out(thief, service)


def test_a_device_that_still_waits_is_not_in(phone: Device, service: Service) -> None:
    assert phone.knock(phone.share.link).status == 200

    assert phone.cookies
    assert is_out(phone, service)
    phone.share.order("deny")


def test_two_digits_tell_devices_that_call_themselves_the_same_apart(phone: Device, thief: Device) -> None:
    share = phone.share
    pages = [device.knock(share.link).body.decode() for device in (phone, thief)]
    shown = {re.search(r'class="code">(\d\d)<', page)[1] for page in pages}  # type: ignore[index]

    assert {question["code"] for question in share.standing()["questions"]} == shown
    assert len(shown) == 2
    for question in share.standing()["questions"]:
        share.order("deny", str(question["number"]))


def test_what_a_device_waits_with_is_worth_nothing_elsewhere(phone: Device, thief: Device, service: Service) -> None:
    assert phone.knock(phone.share.link).status == 200
    liar = Device(phone.share, thief.source, (*PIXEL, *AS_THE_PHONE))
    thief.cookies, liar.cookies = dict(phone.cookies), dict(phone.cookies)
    phone.share.order("allow")

    for device in (thief, liar):
        assert device.ask(b"/.tunnel/wait?held").status == 401
        assert is_out(device, service)


def test_a_copied_cookie_is_worth_nothing_elsewhere(phone: Device, thief: Device, service: Service) -> None:
    phone.join()
    liar = Device(phone.share, thief.source, (*PIXEL, *AS_THE_PHONE))
    thief.cookies, liar.cookies = dict(phone.cookies), dict(phone.cookies)

    assert is_out(thief, service)
    assert is_out(liar, service)
    assert liar.ask(b"/.tunnel/").status == 401
    assert phone.ask(b"/still").body == SECRET


def test_a_cookie_that_was_planted_is_not_the_one_that_is_let_in(phone: Device, service: Service) -> None:
    """Session fixation: whatever somebody put into the browser before, what lets it in is new."""
    [name] = _names_of_a_guest(phone.share)
    planted = "A" * 43
    phone.cookies = {name: planted, f"{name}-ask": planted}
    phone.join()

    assert phone.cookies[name] != planted
    assert phone.ask(b"/mine").body == SECRET
    fixed = Device(phone.share, PHONE)
    fixed.cookies = {name: planted}
    assert is_out(fixed, service)


def test_what_it_waited_with_is_worth_nothing_once_it_is_in(phone: Device, service: Service) -> None:
    assert phone.knock(phone.share.link).status == 200
    waited = dict(phone.cookies)
    phone.share.order("allow")
    assert phone.follow(phone.ask(b"/.tunnel/wait?held")).status == 200

    for device in (again := Device(phone.share, PHONE), Device(phone.share, LAPTOP)):
        device.cookies = dict(waited)
        assert is_out(device, service)
    again.cookies = dict(waited)
    assert again.ask(b"/.tunnel/wait").status == 401


def test_a_cookie_of_another_share_is_worth_nothing(
    hosts: Network, phone: Device, service: Service, tmp_path: Path
) -> None:
    phone.join()
    with Shared(hosts, service.port, tmp_path) as other:
        stranger = Device(other, PHONE)
        stranger.cookies = dict(phone.cookies)
        assert is_out(stranger, service)
        [name] = _names_of_a_guest(other)
        [value] = phone.cookies.values()
        stranger.cookies = {name: value}
        assert is_out(stranger, service)


def test_a_cookie_of_another_share_never_reaches_this_ones_service(phone: Device, service: Service) -> None:
    """Browsers send it: cookies know no ports."""
    phone.join()
    service.forget()
    phone.cookies["__Host-tunnel-share-0badcafe"] = "of-another-share"
    phone.ask(b"/both")

    [head] = service.heads
    assert b"of-another-share" not in head


def test_a_device_that_was_put_out_is_out_with_what_it_had_open(phone: Device, service: Service) -> None:
    phone.join()
    number = phone.share.standing()["devices"][0]["number"]
    with phone.share.talk(PHONE) as stream, phone.share.talk(PHONE) as socket:
        assert stream.ask(phone.addressed(b"/events")).status == 200
        upgrade = (b"Connection: Upgrade", b"Upgrade: websocket", b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==")
        assert socket.ask(phone.addressed(b"/socket", *upgrade, b"Sec-WebSocket-Version: 13")).status == 101
        phone.share.order("revoke", str(number))
        assert stream.ended()
        assert socket.ended()
    service.forget()

    assert is_out(phone, service)


@pytest.mark.parametrize("target", [
    b"/.tunnel/join", b"/.tunnel/join?token=", b"/.tunnel/join?token={cut}", b"/.tunnel/join?token={token}x",
    b"/.tunnel/join?token={swapped}", b"/.tunnel/join?Token={token}", b"/.tunnel/join;token={token}",
    b"/.tunnel/join?x=%26token={token}", b"/.tunnel/join%3ftoken={token}", b"/.tunnel/wait?token={token}",
    b"/?token={token}", b"/.tunnel/login?token={token}", b"/secret?token={token}",
])  # fmt: skip
def test_a_link_that_is_not_quite_the_link_lets_nobody_ask(
    thief: Device, share: Shared, service: Service, target: bytes
) -> None:
    token = share.link.rpartition("=")[2]
    written = target.decode().format(token=token, cut=token[:-1], swapped=token.swapcase())

    assert thief.follow(thief.ask(written.encode())).status in (401, 404)
    assert is_out(thief, service)
    assert share.standing()["questions"] == []
    assert share.link.rpartition("=")[2] == token, "it was not used up either"


def test_a_link_that_came_in_plain_is_not_taken_and_not_repeated(thief: Device, share: Shared) -> None:
    link = share.link
    answer = share.ask(thief.request(target_of(link)), thief.source, tls=False)

    assert answer.status == 308
    assert link.rpartition("=")[2] not in answer.all("location")[0]
    assert share.link == link


def test_a_browser_that_only_guesses_what_will_be_opened_does_not_use_up_the_link(phone: Device, share: Shared) -> None:
    link = share.link
    for guess in (b"Sec-Purpose: prefetch;prerender", b"Purpose: prefetch", b"X-Moz: prefetch"):
        assert phone.ask(target_of(link), guess).status == 503

    assert share.link == link


def _names_of_a_guest(share: Shared) -> list[str]:
    """Return the name of the cookie by which a share knows devices."""
    guest = let_in(share, "pairing")
    number = share.standing()["devices"][-1]["number"]
    share.order("revoke", str(number))
    return [field.decode().removeprefix("Cookie: ").partition("=")[0] for field in guest.fields]
