"""The pages: what they hand out, what they refuse, and that they never take a stranger's word for who asks."""

import pytest

from tests.helpers.visitors import LAPTOP, Door, share
from tunnel.model.share import Access
from tunnel.share.look import POLICY

pytestmark = pytest.mark.anyio
KEPT = "$argon2id$v=19$m=65536,t=3,p=4$VTQU7g2RYhUrBeTa1Hkkvw$7K4stXnCWq4l6CRSan5AlLIds3IbrsG/dE2VtnTusJE"


class Root:
    """An onboarding of two pages and a file."""

    policy = "default-src 'none'; style-src 'self'"

    def __init__(self) -> None:
        self.agents: list[str] = []

    def __call__(self, path: str, agent: str = "") -> tuple[str, bytes] | None:
        self.agents.append(agent)
        if path in ("/", "/.tunnel/trust"):
            return "text/html; charset=utf-8", b"steps"
        return ("application/x-x509-ca-cert", b"root") if path == "/.tunnel/root.crt" else None


async def test_the_root_is_handed_out_to_whoever_asks_over_either_protocol():
    door = Door(share(), onboarding=Root())
    root = await door.visitor().get("/.tunnel/root.crt")
    page = await door.visitor(agent=LAPTOP).get("/.tunnel/trust")

    assert (root.status, root.get("content-type"), root.body) == (200, "application/x-x509-ca-cert", "root")
    assert (page.status, page.get("content-security-policy")) == (200, Root.policy)
    assert (await door.visitor().send("POST", "/.tunnel/root.crt", {})).status == 404
    assert '<a href="/.tunnel/trust">' in (await door.visitor().get("/")).body


async def test_over_plain_http_it_is_the_onboarding_and_nothing_else():
    door = Door(share(yes=True), onboarding=Root())
    plain = door.visitor(tls=None)
    token = door.token

    async def page(target: str) -> tuple[int, str]:
        from tunnel.http.heads import read_request

        head = f"GET {target} HTTP/1.1\r\nHost: 192.0.2.1:4443\r\n\r\n".encode()
        reply = await plain.pages(read_request(head, target_size=1000, header_count=10), b"")
        assert not any(name == b"set-cookie" for name, _ in reply.fields)
        return reply.status, reply.body

    assert await page("/") == (200, "steps")
    for target in (f"/.tunnel/join?token={token}", "/.tunnel/login", "/.tunnel/wait", "/.tunnel/", "/x"):
        assert (await page(target))[0] == 308
    assert door.token == token


async def test_over_tls_the_root_path_is_the_services():
    door = Door(share(), onboarding=Root())

    assert (await door.visitor().get("/")).status == 401


@pytest.mark.parametrize("path", ["nothing", "login/", "join/x", "../", "%6cogin", "root.crt", "wait%00"])
async def test_there_is_nothing_else(path):
    door = Door(share(Access.PASSWORD, password=KEPT))

    assert (await door.visitor().get(f"/.tunnel/{path}")).status == 404


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "join", "GET"),
        ("HEAD", "join", "GET"),
        ("PUT", "login", "GET, HEAD, POST"),
        ("DELETE", "logout", "GET, HEAD, POST"),
        ("POST", "", "GET"),
        ("OPTIONS", "wait", "GET"),
    ],
)
async def test_a_method_that_a_page_does_not_take_is_named(method, path, allowed):
    reply = await Door(share()).visitor().send(method, f"/.tunnel/{path}", {})

    assert (reply.status, reply.get("allow")) == (405, allowed)


async def test_who_asks_is_whom_our_proxy_names_and_nobody_else():
    door = Door(share(yes=True))
    phone = door.visitor()
    await phone.get(
        f"/.tunnel/join?token={door.token}", {"X-Forwarded-For": "192.0.2.99", "X_Forwarded_For": "1.1.1.1"}
    )

    assert [device.address for device in door.gate.devices()] == ["192.0.2.7"]


async def test_a_rule_has_its_own_pages_and_no_others():
    for access, options in (
        (Access.TOKEN, {"token": "a-token-of-some-length"}),
        (Access.CERTIFICATE, {}),
        (Access.PAIRING, {}),
    ):
        door = Door(share(access, **options))
        visitor = door.visitor()
        assert (await visitor.get("/.tunnel/login")).status == 401
        assert "<form" not in (await visitor.get("/.tunnel/login")).body
        assert (await visitor.post("/.tunnel/login", {"password": "x", "token": "y"})).status == 404
        if access is not Access.PAIRING:
            assert (await visitor.get("/.tunnel/join?token=")).status == 404
    door = Door(share(Access.PASSWORD, password=KEPT))
    assert (await door.visitor().get("/.tunnel/join?token=x")).status == 404


async def test_a_page_may_only_be_styled_by_the_style_that_stands_in_it():
    reply = await Door(share()).visitor().get("/")

    assert reply.get("content-security-policy") == POLICY
    assert "style=" not in reply.body
    assert "unsafe-inline" not in POLICY


async def test_a_device_sees_its_name_and_the_time_that_is_left():
    door = Door(share(yes=True, seconds=7200.0))
    phone = door.visitor()
    await phone.get(f"/.tunnel/join?token={door.token}", follow=True)
    assert "open for 2 more hours" in (await phone.get("/.tunnel/")).body
    door.time += 7200 - 61

    assert "open for 1 more minute." in (await phone.get("/.tunnel/")).body
