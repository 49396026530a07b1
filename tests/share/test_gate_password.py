"""Passwords: the login page, HTTP Basic for tools, and what a thousand guesses come to."""

import base64
from urllib.parse import urlencode

import pytest
import trio

from tests.helpers.visitors import HOST, LAPTOP, PHONE, Door, Reply, Visitor, share
from tunnel.errors import UsageError
from tunnel.model.share import Access
from tunnel.share.passwords import Passwords, hash_password

pytestmark = pytest.mark.anyio
RIGHT = "three small words"
REDUCED = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 Chrome/130.0.0.0 Mobile Safari/537.36"
HINTED = {"Sec-CH-UA-Platform": '"Android"', "Sec-CH-UA-Model": '"Pixel 9"'}
KEPT = hash_password(RIGHT)
CURL = "curl/8.5.0"


@pytest.fixture
def door() -> Door:
    return Door(share(Access.PASSWORD, password=KEPT))


def basic(password: str, name: str = "") -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()}


async def log_in(visitor: Visitor, password: str = RIGHT, to: str = "/") -> Reply:
    form = await visitor.get("/.tunnel/login?" + urlencode({"to": to}))
    hidden = {name: form.hidden(name) for name in ("to", "token")}
    return await visitor.post("/.tunnel/login", {**hidden, "password": password})


async def test_a_browser_comes_in_by_the_form_and_goes_on_to_where_it_was(door):
    laptop = door.visitor(agent=LAPTOP)
    shown = await laptop.get("/reports?year=1")
    assert shown.status == 401

    form = {"to": shown.hidden("to"), "token": shown.hidden("token"), "password": RIGHT}
    reply = await laptop.post("/.tunnel/login", form)

    assert (reply.status, reply.get("location")) == (303, "/reports?year=1")
    assert (await laptop.get("/reports?year=1")).admitted
    assert door.heard("admitted") == ["Linux, Firefox, 192.0.2.7 is in"]


async def test_the_cookie_is_out_of_reach_of_scripts_plain_connections_and_other_hosts(door):
    reply = await log_in(door.visitor())
    cookie = next(v.decode() for n, v in reply.fields if n == b"set-cookie" and door.gate.cookie.encode() + b"=" in v)

    assert cookie.startswith("__Host-tunnel-share-")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(cookie.split("; "))
    assert "Domain" not in cookie


async def test_what_the_browser_brings_as_a_cookie_is_never_made_good(door):
    laptop = door.visitor()
    laptop.cookies[door.gate.cookie] = planted = "A" * 43
    await log_in(laptop)

    assert laptop.cookies[door.gate.cookie] != planted
    other = door.visitor()
    other.cookies[door.gate.cookie] = planted
    assert (await other.get("/")).status == 401


async def test_a_wrong_password_says_nothing_but_that(door):
    laptop = door.visitor()
    wrong, empty, long = [await log_in(laptop, password) for password in ("wrong", "", "x" * 2000)]

    assert wrong.status == empty.status == long.status == 401
    assert "That did not let you in" in wrong.body
    assert wrong.body == empty.body == long.body
    assert not any(name == b"set-cookie" and door.gate.cookie.encode() + b"=" in value for name, value in wrong.fields)


async def test_a_tool_comes_in_by_basic_and_its_password_goes_no_further(door):
    tool = door.visitor(agent=CURL)
    refused = await tool.get("/")
    assert refused.get("www-authenticate") == 'Basic realm="tunnel share", charset="UTF-8"'

    reply = await tool.get("/", basic(RIGHT, "alice"))

    assert reply.admitted is not None
    assert b"authorization" not in reply.admitted.request.headers
    assert reply.admitted.user == "curl"  # not "alice": anybody may say so
    assert reply.admitted.rule is Access.PASSWORD


async def test_the_services_own_authorization_goes_on(door):
    laptop = door.visitor()
    await log_in(laptop)
    reply = await laptop.get("/", basic("the service's own"))
    assert reply.admitted is not None
    assert reply.admitted.request.headers.get(b"authorization") == basic("the service's own")["Authorization"].encode()

    reply = await laptop.get("/", basic(RIGHT))
    assert reply.admitted is not None
    assert b"authorization" not in reply.admitted.request.headers


async def test_a_browser_never_gets_the_dialog_of_basic(door):
    laptop = door.visitor(agent=LAPTOP)
    page = await laptop.get("/")
    script = await laptop.send("GET", "/api", {"Accept": "*/*", "Sec-Fetch-Mode": "cors"})

    assert (page.status, script.status) == (401, 401)
    assert not page.get("www-authenticate").startswith("Basic")
    assert not script.get("www-authenticate").startswith("Basic")


async def test_a_password_is_compared_once_for_many_requests(door, monkeypatch):
    compared = []
    real = Passwords.right

    async def right(self: Passwords, password: str) -> bool:
        compared.append(password)
        return await real(self, password)

    monkeypatch.setattr(Passwords, "right", right)
    tool = door.visitor(agent=CURL)
    async with trio.open_nursery() as nursery:
        for _ in range(20):
            nursery.start_soon(tool.get, "/", basic(RIGHT))
    await tool.get("/", basic(RIGHT))

    assert len(door.passed) == 21
    assert len(compared) == 1
    assert len(door.gate.devices()) == 1


async def test_a_thousand_guesses_are_three_comparisons_and_then_a_wait(door, monkeypatch):
    compared = []

    async def right(self: Passwords, password: str) -> bool:
        compared.append(password)
        return False

    monkeypatch.setattr(Passwords, "right", right)
    tool = door.visitor("192.0.2.66", CURL)
    replies = [await tool.get("/", basic(f"guess {number}")) for number in range(1000)]

    assert [reply.status for reply in replies[:4]] == [401, 401, 401, 401]
    assert {reply.status for reply in replies[4:]} == {429}
    assert int(replies[4].get("retry-after")) == 1
    assert len(compared) == 4
    assert len(door.told) == 1  # one line, not a thousand


async def test_a_thousand_guesses_at_once_are_no_more(door, monkeypatch):
    compared = []

    async def right(self: Passwords, password: str) -> bool:
        compared.append(password)
        await trio.sleep(0.01)
        return False

    monkeypatch.setattr(Passwords, "right", right)
    tool = door.visitor("192.0.2.66", CURL)
    async with trio.open_nursery() as nursery:
        for number in range(1000):
            nursery.start_soon(tool.get, "/", basic(f"guess {number}"))

    assert len(compared) == 4
    assert door.passed == []


async def test_who_guesses_from_the_address_of_a_tool_that_is_in_learns_nothing(door):
    tool = door.visitor(agent=CURL)
    assert (await tool.get("/", basic(RIGHT))).admitted
    statuses = {(await tool.get("/", basic(f"guess {number}"))).status for number in range(10)}
    assert statuses == {401, 429}

    assert (await tool.get("/", basic(RIGHT))).status == 429  # as every wrong one
    door.time += 1.0
    assert (await tool.get("/", basic(RIGHT))).admitted


async def test_a_lock_out_ends_and_holds_up_nobody_else(door):
    thief, owner, friend = door.visitor("192.0.2.66", CURL), door.visitor("192.0.2.7", CURL), door.visitor("192.0.2.8")
    await log_in(friend)
    for number in range(100):
        await thief.get("/", basic(f"guess {number}"))
        door.time += 61
        if door.heard("locked out"):
            break
    assert door.heard("locked out") == ["192.0.2.66 is locked out for 5 minutes: too many wrong tries"]

    refused = await thief.get("/", basic(RIGHT))
    assert refused.status == 429  # not even with the right one: it would be an oracle
    assert (await friend.get("/")).admitted
    assert (await owner.get("/", basic(RIGHT))).admitted
    door.time += 301
    assert (await thief.get("/", basic(RIGHT))).admitted


async def test_guesses_from_everywhere_slow_down_strangers_but_nobody_who_was_in(door, monkeypatch):
    friend = door.visitor("192.0.2.7", CURL)
    assert (await friend.get("/", basic(RIGHT))).admitted

    async def wrong(self: Passwords, password: str) -> bool:
        return password == RIGHT

    monkeypatch.setattr(Passwords, "right", wrong)
    statuses = [(await door.visitor(f"198.51.100.{n}", CURL).get("/", basic("guess"))).status for n in range(200)]
    assert statuses.count(401) < 30

    assert (await friend.get("/", basic(RIGHT))).admitted
    door.gate._entry.tries._passwords._known.clear()  # as if it had been crowded out
    assert (await friend.get("/", basic(RIGHT))).admitted
    door.time += 11
    assert (
        await door.visitor("192.0.2.9", CURL).get("/", basic(RIGHT))
    ).admitted  # a stranger waits ten seconds at most


async def test_a_form_of_another_site_is_refused(door):
    laptop = door.visitor()
    form = await laptop.get("/.tunnel/login")
    good = {"to": "/", "token": form.hidden("token"), "password": RIGHT}

    for fields in (
        {"Origin": "https://evil.example"}, {"Origin": "null"}, {"Origin": None}, {"Origin": f"http://{HOST}"},
        {"Origin": "https://192.0.2.1:1"}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"},
        {"Content-Type": "text/plain"}, {"Content-Type": "multipart/form-data; boundary=x"},
    ):  # fmt: skip
        assert (await laptop.post("/.tunnel/login", good, fields)).status == 403, fields
    assert (await laptop.post("/.tunnel/login", {**good, "token": ""})).status == 403
    assert (await laptop.post("/.tunnel/login", {**good, "token": "0" * 64})).status == 403
    assert (await door.visitor("192.0.2.8").post("/.tunnel/login", good)).status == 403  # the token of another browser
    assert door.gate.devices() == ()
    assert (await laptop.post("/.tunnel/login", good)).status == 303


@pytest.mark.parametrize(
    "to",
    [
        "//evil.example", "https://evil.example", "/\\evil.example", "\\\\evil.example", "/\t/evil.example",
        "javascript:alert(1)", "/a\r\nSet-Cookie: x=y", "evil.example", "", "///evil.example", "/.tunnel/logout",
        "/.TUNNEL/", "/ü",
    ],
)  # fmt: skip
async def test_nobody_is_led_elsewhere_after_the_login(door, to):
    laptop = door.visitor()
    form = await laptop.get("/.tunnel/login")
    reply = await laptop.post("/.tunnel/login", {"to": to, "token": form.hidden("token"), "password": RIGHT})

    assert (reply.status, reply.get("location")) == (303, "/")


async def test_a_form_that_is_too_long_is_not_read(door):
    laptop = door.visitor()
    form = await laptop.get("/.tunnel/login")
    reply = await laptop.post("/.tunnel/login", {"to": "/", "token": form.hidden("token"), "password": "x" * 5000})

    assert reply.status == 403


async def test_the_pages_stand_in_no_frame_run_no_script_and_are_kept_nowhere(door):
    for page in (await door.visitor().get("/"), await door.visitor().get("/.tunnel/login")):
        policy = page.get("content-security-policy")
        assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "script-src" not in policy
        assert "form-action 'self'" in policy and "base-uri 'none'" in policy
        assert page.get("x-frame-options") == "DENY"
        assert page.get("cache-control") == "no-store"
        assert page.get("x-content-type-options") == "nosniff"
        assert "<script" not in page.body


async def test_a_device_leaves_by_a_form_of_its_own_and_by_no_other(door):
    laptop = door.visitor()
    await log_in(laptop)
    inside = await laptop.get("/.tunnel/")
    assert "<strong>Pixel 9</strong>" in inside.body

    assert (await laptop.post("/.tunnel/logout", {"token": ""})).status == 403
    assert (
        await laptop.post("/.tunnel/logout", {"token": inside.hidden("token")}, {"Origin": "https://evil.example"})
    ).status == 403
    assert (await laptop.get("/")).admitted
    cookie = laptop.cookies[door.gate.cookie]
    (number,) = [device.number for device in door.gate.devices()]
    assert (await laptop.post("/.tunnel/logout", {"token": inside.hidden("token")})).status == 200

    assert door.gate.cookie not in laptop.cookies
    laptop.cookies[door.gate.cookie] = cookie
    assert (await laptop.get("/")).status == 401
    assert door.closed == [number]


async def test_what_a_stranger_says_is_escaped_on_the_page(door):
    reply = await door.visitor().get('/"><script>alert(1)</script>')

    assert "<script" not in reply.body


async def test_a_password_is_kept_as_an_argon2id_hash_and_short_ones_are_refused():
    assert KEPT.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert RIGHT not in repr(share(Access.PASSWORD, password=KEPT))
    for password in ("short", "x" * 2000):
        with pytest.raises(UsageError):
            hash_password(password)


@pytest.mark.parametrize("kept", ["", RIGHT, "$argon2i$v=19$m=8,t=1,p=1$c29tZXNhbHQ$aGFzaA", "$argon2id$"])
async def test_a_share_does_not_begin_with_what_is_no_hash(kept):
    with pytest.raises(UsageError):
        Door(share(Access.PASSWORD, password=kept))


async def test_phones_and_laptops_at_one_address_are_apart(door):
    phone, laptop = door.visitor(agent=PHONE), door.visitor(agent=LAPTOP)
    await log_in(phone)
    await log_in(laptop)

    assert [device.who for device in door.gate.devices()] == ["Pixel 9, Chrome", "Linux, Firefox"]


async def test_the_form_asks_a_browser_for_its_model_and_who_sent_it_is_asked_no_more(door):
    phone = door.visitor(agent=REDUCED)
    page = await phone.get("/")
    assert page.get("accept-ch") == "Sec-CH-UA-Model"
    inside = await phone.post("/.tunnel/login", {"token": page.hidden("token"), "password": RIGHT}, HINTED)

    assert [value for name, value in inside.fields if name == b"accept-ch"] == [b""]
    assert [device.who for device in door.gate.devices()] == ["Pixel 9, Chrome"]
    assert b"accept-ch" not in [name for name, _ in (await phone.get("/.tunnel/login")).fields]


async def test_a_browser_that_logs_in_again_is_the_same_device(door):
    phone, other = door.visitor(), door.visitor()
    await log_in(phone)
    await log_in(other)
    await log_in(other)
    await log_in(phone)

    assert [device.name for device in door.gate.devices()] == ["Pixel 9 (2)", "Pixel 9"]
