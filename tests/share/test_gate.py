"""The gate: who may do what, each time anew; and what its owner does at it."""

import dataclasses
from ipaddress import ip_network

import pytest

from tests.helpers.visitors import LAPTOP, TLS, Door, Visitor, share
from tunnel.errors import UsageError
from tunnel.model.share import Access, Rate

pytestmark = pytest.mark.anyio
CURL = "curl/8.5.0"
TOKEN = "a-token-of-some-length"
ALICE = dataclasses.replace(TLS, client="alice", client_print="aa" * 32)


def bearer(token: str = TOKEN) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def openly(**changes: object) -> Door:
    return Door(share(Access.OPEN, **changes))


async def paired(door: Door, **options: object) -> Visitor:
    """Return a visitor that was let in by a token, without a question."""
    visitor = door.visitor(**options)
    assert (await visitor.get(f"/.tunnel/join?token={door.token}", follow=True)).admitted
    return visitor


# By which rule


async def test_a_script_comes_in_by_its_token_which_goes_no_further():
    door = Door(share(Access.TOKEN, token=TOKEN))
    tool = door.visitor(agent=CURL)
    refused = await tool.get("/")
    assert (refused.status, refused.get("www-authenticate")) == (401, 'Bearer realm="tunnel share"')

    reply = await tool.get("/", bearer())

    assert reply.admitted is not None
    assert (reply.admitted.name, reply.admitted.rule) == ("curl", Access.TOKEN)
    assert b"authorization" not in reply.admitted.request.headers


@pytest.mark.parametrize(
    "fields",
    [
        {"Authorization": "Bearer"}, {"Authorization": "Bearer "}, {"Authorization": "Basic Og=="}, {"Authorization": TOKEN},
        {"Authorization": f"Bearer {TOKEN}x"}, {"Authorization": f"Bearer {TOKEN[:-1]}"},
        {"Authorization": f"Bearer {TOKEN.upper()}"},
        {"Authorization": f"Bearer {TOKEN}, Bearer x"}, {"Cookie": f"token={TOKEN}"}, {"X-Token": TOKEN},
    ],
)  # fmt: skip
async def test_nothing_but_the_token_is_the_token(fields):
    door = Door(share(Access.TOKEN, token=TOKEN))

    assert (await door.visitor(agent=CURL).get(f"/?token={TOKEN}", fields)).status == 401


async def test_two_authorizations_are_none():
    door = Door(share(Access.TOKEN, token=TOKEN))
    head = f"GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {TOKEN}\r\nAuthorization: Bearer x\r\n\r\n"

    assert (await door.visitor().raw(head.encode())).status == 401


@pytest.mark.parametrize("token", ["", "short"])
async def test_a_share_does_not_begin_with_a_token_that_can_be_guessed(token):
    with pytest.raises(UsageError, match="token"):
        Door(share(Access.TOKEN, token=token))


async def test_guesses_at_the_token_have_to_wait_and_who_is_in_does_not():
    door = Door(share(Access.TOKEN, token=TOKEN))
    inside, thief = door.visitor("192.0.2.8", CURL), door.visitor("192.0.2.66", CURL)
    assert (await inside.get("/", bearer())).admitted
    statuses = [(await thief.get("/", bearer(f"guess-{n}"))).status for n in range(1000)]

    assert statuses.count(401) == 4
    assert (await thief.get("/", bearer())).status == 429
    assert (await inside.get("/", bearer())).admitted


async def test_who_guesses_from_the_address_of_a_script_that_is_in_learns_nothing():
    door = Door(share(Access.TOKEN, token=TOKEN))
    script = door.visitor(agent=CURL)
    assert (await script.get("/", bearer())).admitted
    for number in range(10):
        await script.get("/", bearer(f"guess-{number}"))

    assert (await script.get("/", bearer())).status == 429
    door.time += 1.0
    assert (await script.get("/", bearer())).admitted


async def test_a_client_certificate_is_a_device_by_its_name():
    door = Door(share(Access.CERTIFICATE))
    alice, stranger = door.visitor(agent=CURL, tls=ALICE), door.visitor("192.0.2.8", CURL)

    reply = await alice.get("/")
    assert reply.admitted is not None
    assert (reply.admitted.name, reply.admitted.user, reply.admitted.rule) == ("alice", "alice", Access.CERTIFICATE)
    assert (await stranger.get("/", bearer())).status == 401
    page = await door.visitor("192.0.2.9").get("/")
    assert "client certificate" in page.body

    door.gate.revoke(reply.admitted.device)
    assert (await door.visitor("192.0.2.10", CURL, tls=ALICE).get("/")).status == 403


async def test_two_certificates_of_one_name_are_two_devices():
    door = Door(share(Access.CERTIFICATE))
    other = dataclasses.replace(ALICE, client_print="bb" * 32)
    await door.visitor(tls=ALICE).get("/")
    reply = await door.visitor("192.0.2.8", tls=other).get("/")

    assert [device.name for device in door.gate.devices()] == ["alice", "alice (2)"]
    assert reply.admitted is not None and reply.admitted.user == "alice"


async def test_an_open_share_knows_nobody_by_name_but_counts_devices():
    door = openly()
    reply = await door.visitor(agent=CURL).get("/")

    assert reply.admitted is not None
    assert (reply.admitted.name, reply.admitted.user) == ("curl", "")
    assert [device.requests for device in door.gate.devices()] == [1]


# From where, and until when


async def test_only_the_networks_that_are_allowed_may_ask_and_none_that_is_denied():
    door = openly(allow=(ip_network("192.0.2.0/24"),), deny=(ip_network("192.0.2.128/25"),))

    assert (await door.visitor("192.0.2.7").get("/")).admitted
    assert (await door.visitor("::ffff:192.0.2.7").get("/")).admitted
    for address in ("192.0.2.129", "198.51.100.1", "2001:db8::1", "::ffff:192.0.2.129", "nonsense", ""):
        for target in ("/", "/.tunnel/login", "/.tunnel/join?token=x"):
            assert (await door.visitor(address).get(target)).status == 403


async def test_nobody_is_let_in_after_the_end_not_even_who_was_in():
    door = Door(share(yes=True, seconds=60.0))
    phone = await paired(door)
    door.time += 61

    for target in ("/", "/.tunnel/", f"/.tunnel/join?token={door.token}"):
        assert (await phone.get(target)).status == 403
    assert door.gate.left() == 0.0
    with pytest.raises(UsageError, match="ended"):
        door.gate.extend(60)


async def test_the_end_moves_and_says_so():
    door = Door(share(seconds=60.0))
    assert door.gate.left() == 60.0
    assert door.gate.extend(1740.0) == door.gate.ends
    assert door.gate.left() == 1800.0
    assert door.heard("extended") == ["the share now ends in 30 minutes"]


async def test_a_share_for_ever_has_no_end_to_move():
    door = Door(share(seconds=0.0))
    assert door.gate.left() is None
    with pytest.raises(UsageError, match="no end"):
        door.gate.extend(60)


async def test_nobody_is_let_in_over_a_plain_connection():
    door = openly()
    assert (await door.visitor(tls=None).get("/")).status == 403


# What a device may do


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND", "get", "GETX"])
async def test_reading_only_is_reading_only(method):
    door = openly(read_only=True)
    refused = await door.visitor(agent=CURL).send(method, "/", {})

    assert (refused.status, refused.get("allow")) == (405, "GET, HEAD, OPTIONS")


async def test_reading_passes_no_upgrade_unless_it_was_asked_for():
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket"}

    assert (await openly(read_only=True).visitor().send("GET", "/", upgrade)).status == 403
    assert (await openly(read_only=True, upgrades=True).visitor().send("GET", "/", upgrade)).admitted
    assert (await openly().visitor().send("GET", "/", upgrade)).admitted


@pytest.mark.parametrize("protocol", ["TLS/1.0", "raw", "websocket, h2c"])
async def test_an_upgrade_that_nobody_can_judge_is_refused(protocol):
    door = openly(paths=("/app",))
    fields = {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": protocol, "HTTP2-Settings": "AAMAAABk"}

    assert (await door.visitor().send("GET", "/app", fields)).status == 403


@pytest.mark.parametrize("protocols", [("websocket", "h2c"), ("websocket", "raw"), ("raw", "websocket")])
async def test_an_upgrade_that_names_another_protocol_in_a_second_field_is_no_websocket(protocols):
    door = openly(paths=("/app",))
    upgrades = "".join(f"Upgrade: {protocol}\r\n" for protocol in protocols)
    await door.visitor().raw(f"GET /app HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n{upgrades}\r\n".encode())

    assert not any(passed.request.upgrade for passed in door.passed)


@pytest.mark.parametrize(
    "name",
    [
        "X-HTTP-Method-Override", "X-Method-Override", "X-HTTP-Method", "X_HTTP_Method_Override",
        "X.HTTP.Method.Override", "X-HTTP~Method-Override",
    ],
)  # fmt: skip
async def test_a_reader_cannot_ask_for_another_method_in_a_field(name):
    assert (await openly(read_only=True).visitor().get("/", {name: "DELETE"})).status == 403
    assert (await openly().visitor().get("/", {name: "DELETE"})).admitted


@pytest.mark.parametrize("name", ["X-Original-URL", "X-Rewrite-URL", "X_Original_URL", "X.Original.URL"])
async def test_nobody_asks_for_another_path_in_a_field(name):
    assert (await openly(paths=("/app",)).visitor().get("/app", {name: "/admin"})).status == 403


async def test_only_what_was_opened_is_open():
    door = openly(paths=("/app", "/api/*"))
    visitor = door.visitor()

    assert (await visitor.get("/app/x?y=/admin")).admitted
    refused = await visitor.get("/admin")
    assert refused.status == 403
    assert (await visitor.get("/app/../admin")).status == 403
    assert (await visitor.send("OPTIONS", "*", {})).status == 403


@pytest.mark.parametrize(
    "target",
    ["/%2etunnel/x", "//.tunnel/x", "/.TUNNEL/x", "/a/../.tunnel/", "/.tunnel", "/%252etunnel/", "/.tunnel;x/"],
)
async def test_no_spelling_of_our_own_pages_reaches_the_service(target):
    door = openly()

    assert (await door.visitor(agent=CURL).get(target)).status == 404
    assert door.passed == []


async def test_each_device_has_its_own_rate():
    door = openly(rate=Rate(2))
    one, other = door.visitor("192.0.2.7", CURL), door.visitor("192.0.2.8", CURL)

    assert [(await one.get("/")).status for _ in range(4)] == [200, 200, 429, 429]
    assert (await other.get("/")).admitted
    door.time += 0.5
    assert [(await one.get("/")).status for _ in range(2)] == [200, 429]


async def test_where_everybody_is_let_in_all_of_a_64_has_one_rate():
    """Whoever is in it takes another address for each request."""
    door = openly(rate=Rate(2), more=(("fd12::1", ip_network("fd12::/64")),))
    strangers = [door.visitor(f"fd12::bad:{number:x}", CURL) for number in range(6)]

    assert [(await stranger.get("/")).status for stranger in strangers] == [200, 200, 429, 429, 429, 429]
    assert (await door.visitor("fd13::7", CURL).get("/")).admitted
    assert (await door.visitor("192.0.2.8", CURL).get("/")).admitted
    door.time += 0.5
    assert [(await stranger.get("/")).status for stranger in strangers[:2]] == [200, 429]


async def test_who_showed_the_token_has_a_rate_of_its_own_in_a_64_too():
    door = Door(share(Access.TOKEN, token=TOKEN, rate=Rate(1)))
    one, other = door.visitor("fd12::7", CURL), door.visitor("fd12::8", CURL)

    assert [(await visitor.get("/", bearer())).status for visitor in (one, other, one)] == [200, 200, 429]


async def test_a_cookie_is_good_at_the_address_it_was_given_to_on_each_network_of_the_share():
    door = Door(share(yes=True, more=(("fd12::1", ip_network("fd12::/64")),)))
    phone = await paired(door, address="fd12::7")
    thief, elsewhere = door.visitor("fd12::8"), door.visitor("192.0.2.7")
    thief.cookies = elsewhere.cookies = dict(phone.cookies)

    assert (await thief.get("/")).status == (await elsewhere.get("/")).status == 401
    assert (await phone.get("/")).admitted


async def test_a_cookie_that_was_given_to_an_address_of_the_link_is_good_for_no_neighbour():
    door = Door(share(yes=True))
    phone = await paired(door, address="fe80::7%wlan0")
    thief = door.visitor("fe80::8%wlan0")
    thief.cookies = dict(phone.cookies)

    assert (await thief.get("/")).status == 401
    assert (await phone.get("/")).admitted


async def test_a_lock_out_says_whom_it_holds_for():
    door = Door(share(Access.TOKEN, token=TOKEN))
    for number in range(10):
        await door.visitor(f"fd12::bad:{number:x}", CURL).get("/", bearer("a guess of some length"))
        door.time += 60.0

    assert door.heard("locked out") == ["fd12::/64 is locked out for 5 minutes: too many wrong tries"]


async def test_a_refusal_names_the_device_for_the_record():
    door = openly(read_only=True)
    with pytest.raises(Exception, match="reading only") as raised:
        visitor = door.visitor(agent=CURL)
        request = b"POST / HTTP/1.1\r\nHost: a\r\nUser-Agent: curl/8.5.0\r\n\r\n"
        from tunnel.http.heads import read_request

        await door.gate.admit(visitor.peer, read_request(request, target_size=100, header_count=10))
    assert raised.value.device == "curl"


# Cookies


async def test_no_cookie_of_a_share_goes_to_the_service_and_all_others_do():
    door = Door(share(yes=True))
    phone = await paired(door)
    phone.cookies |= {"__Host-tunnel-share-0badcafe": "another's", "session": "1"}
    head = f"GET / HTTP/1.1\r\nHost: a\r\nCookie: {door.gate.cookie}={phone.cookies[door.gate.cookie]}\r\n"
    head += "Cookie: a=b;__Host-tunnel-share-00000000-ask=x;c=d\r\n\r\n"

    reply = await phone.get("/")
    assert reply.admitted is not None
    assert reply.admitted.request.headers.all(b"cookie") == [b"session=1"]
    reply = await phone.raw(head.encode())
    assert reply.admitted is not None
    assert reply.admitted.request.headers.all(b"cookie") == [b"a=b; c=d"]


async def test_a_cookie_of_another_share_is_worth_nothing():
    one, other = Door(share(yes=True)), Door(share(yes=True))
    phone = await paired(one)
    visitor = other.visitor()
    visitor.cookies = {**phone.cookies, other.gate.cookie: phone.cookies[one.gate.cookie]}

    assert (await visitor.get("/")).status == 401


async def test_a_cookie_is_worth_nothing_at_another_address():
    door = Door(share(yes=True))
    phone = await paired(door)
    thief = door.visitor("192.0.2.66")
    thief.cookies = dict(phone.cookies)

    assert (await thief.get("/")).status == 401
    assert door.heard("refused")[0].startswith("the cookie of Pixel 9 came from 192.0.2.66")
    assert (await phone.get("/")).admitted


async def test_a_cookie_is_bound_to_one_address_on_a_lan_of_ipv6_too():
    door = Door(share(yes=True, network=ip_network("fd77::/64")))
    phone = await paired(door, address="fd77::7")
    thief = door.visitor("fd77::66")
    thief.cookies = dict(phone.cookies)

    assert (await thief.get("/")).status == 401
    assert (await phone.get("/")).admitted


async def test_a_phone_from_another_network_of_ipv6_stays_in_with_another_address_of_its_own():
    door = Door(share(yes=True))
    phone = await paired(door, address="2001:db8::1:2")
    moved = door.visitor("2001:db8::ffff:9")
    moved.cookies = phone.cookies

    assert (await moved.get("/")).admitted


async def test_a_cookie_is_exchanged_now_and_then_and_nothing_is_lost_by_it():
    door = Door(share(yes=True))
    phone = await paired(door)
    before = phone.cookies[door.gate.cookie]
    door.time += 901

    script = await phone.send("GET", "/api", {"Sec-Fetch-Mode": "cors"})
    assert script.admitted  # only a page that is opened follows a redirect for sure
    reply = await phone.get("/page?x=1")
    assert (reply.status, reply.get("location")) == (303, "/page?x=1")
    assert (await phone.get("/page?x=1")).admitted
    assert phone.cookies[door.gate.cookie] != before
    late = door.visitor()
    late.cookies[door.gate.cookie] = before
    assert (await late.send("GET", "/image", {})).admitted  # it was on its way
    assert [device.number for device in door.gate.devices()] == [1]


async def test_who_shows_an_exchanged_cookie_later_puts_its_device_out():
    door = Door(share(yes=True))
    phone = await paired(door)
    thief = door.visitor()  # at the same address: behind the same router, say
    thief.cookies = dict(phone.cookies)
    door.time += 901
    await phone.get("/", follow=True)
    door.time += 121

    assert (await thief.get("/")).status == 401
    assert door.closed == [1]
    assert (await phone.get("/")).status == 401
    assert "somebody has a copy" in door.heard("revoked")[0]


async def test_a_browser_that_never_heard_of_the_new_cookie_keeps_the_old_one():
    door = Door(share(yes=True, seconds=0.0))
    phone = await paired(door)
    old = dict(phone.cookies)
    for _ in range(5):
        door.time += 901
        assert (await phone.get("/")).status == 303
        phone.cookies = dict(old)  # the answer was lost
        assert (await phone.get("/")).admitted

    door.time += 61
    assert (await phone.get("/", follow=True)).admitted
    assert phone.cookies != old


async def test_a_path_that_a_browser_reads_as_another_host_is_not_where_a_new_cookie_leads():
    door = Door(share(yes=True))
    phone = await paired(door)
    door.time += 901

    for target in ("//evil.example/", "/\\evil.example/"):
        assert (await phone.get(target)).admitted  # the service answers it; no redirect of ours does


async def test_a_hundred_cookies_of_our_name_are_not_all_looked_at():
    door = Door(share(yes=True))
    phone = await paired(door)
    right = phone.cookies[door.gate.cookie]
    planted = "; ".join(f"{door.gate.cookie}={n}" for n in range(3))

    assert (await phone.get("/", {"Cookie": f"{planted}; {door.gate.cookie}={right}"})).admitted
    planted = "; ".join(f"{door.gate.cookie}={n}" for n in range(100))
    assert (await phone.get("/", {"Cookie": f"{planted}; {door.gate.cookie}={right}"})).status == 401


# What its owner does


async def test_a_device_that_is_put_out_is_out_at_once():
    door = Door(share(yes=True))
    phone, laptop = await paired(door), await paired(door, address="192.0.2.8", agent=LAPTOP)
    gone = door.gate.revoke(1)

    assert (gone.name, gone.browser) == ("Pixel 9", "Chrome")
    assert door.closed == [1]
    assert door.heard("revoked") == ["Pixel 9, Chrome, 192.0.2.7 was put out, and its address may not come back"]
    assert (await phone.get("/")).status == 403  # with --yes a token would let it in again
    assert (await phone.get(f"/.tunnel/join?token={door.token}")).status == 403
    assert (await laptop.get("/")).admitted
    with pytest.raises(UsageError, match="no device has the number 1"):
        door.gate.revoke(1)


async def test_whose_token_or_address_was_all_it_had_does_not_come_back():
    for door, fields in ((openly(), {}), (Door(share(Access.TOKEN, token=TOKEN)), bearer())):
        tool = door.visitor(agent=CURL)
        assert (await tool.get("/", fields)).admitted
        door.gate.revoke(1)
        assert (await tool.get("/", fields)).status == 403


async def test_devices_are_shown_with_what_they_did():
    door = Door(share(yes=True))
    phone = await paired(door)
    door.time += 5
    await phone.get("/")

    (device,) = door.gate.devices()
    assert (device.requests, device.seen - device.since, device.address) == (2, 5.0, "192.0.2.7")


async def test_the_link_is_an_address_that_can_be_opened():
    assert openly().gate.link == "https://192.0.2.1:4443/"
    assert Door(share()).gate.link.startswith("https://192.0.2.1:4443/.tunnel/join?token=")
    assert openly(address="fd00::1").gate.link == "https://[fd00::1]:4443/"


# Floods


async def test_a_flood_of_addresses_fills_no_table_and_no_terminal():
    door = Door(share(Access.TOKEN, token=TOKEN))
    for number in range(6000):
        await door.visitor(f"2001:db8:{number:x}::1", CURL).get("/", bearer("guess"))
    for number in range(600):
        await door.visitor(f"10.0.{number // 250}.{number % 250}", CURL).get("/", bearer())
        door.time += 1

    throttle = door.gate._entry.tries._throttle
    assert len(throttle._origins) <= 4096
    assert len(door.gate.devices()) <= 512
    assert len(door.heard("refused")) <= 20 + 600 / 60 * 20


async def test_a_device_that_is_crowded_out_is_cut_off():
    door = openly()
    for number in range(513):
        await door.visitor(f"10.0.{number // 250}.{number % 250}", CURL).get("/")

    assert door.closed == [1]
