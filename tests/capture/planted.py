"""Planted: two hundred secrets that are obviously fake, and exchanges that carry them in every place there is.

They are made from a counter, so each is one of its kind and can be looked for in whatever was written.
"""

import base64
import gzip
import hashlib
import json
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from urllib.parse import urlencode

from tunnel.capture.recode import recode

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


def random_text(number: int, size: int, alphabet: str = ALPHABET) -> str:
    """Return text that looks random and is the same every time."""
    found = ""
    while len(found) < size:
        for byte in hashlib.sha256(f"fake {number} {len(found)}".encode()).digest():
            found += alphabet[byte % len(alphabet)]
    return found[:size]


def jwt(number: int) -> tuple[str, str]:
    """Return a JWT and the part of it that is secret."""
    part = [
        base64.urlsafe_b64encode(json.dumps(p).encode()).rstrip(b"=").decode()
        for p in ({"alg": "HS256"}, {"sub": number})
    ]
    signature = random_text(number, 43)
    return f"{part[0]}.{part[1]}.{signature}", signature


def pem(number: int) -> tuple[str, str]:
    """Return a private key that is none, and a line of it."""
    lines = [random_text(number * 10 + line, 64) for line in range(3)]
    return "-----BEGIN PRIVATE KEY-----\n" + "\n".join(lines) + "\n-----END PRIVATE KEY-----\n", lines[1]


# What shows by its shape alone: the text as it stands somewhere, and what of it must not be found again.
SHAPES: tuple[Callable[[int], tuple[str, str]], ...] = (
    jwt,
    pem,
    *(
        lambda n, prefix=prefix, size=size, alphabet=alphabet: (
            (whole := prefix + random_text(n, size, alphabet)),
            whole,
        )
        for prefix, size, alphabet in (
            ("AKIA", 16, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"),
            ("AIza", 35, ALPHABET),
            ("ya29.", 60, ALPHABET),
            ("GOCSPX-", 28, ALPHABET),
            ("ghp_", 36, ALPHABET),
            ("github_pat_", 82, ALPHABET),
            ("glpat-", 20, ALPHABET),
            ("npm_", 36, ALPHABET),
            ("pypi-AgEIcHlwaS5vcmc", 60, ALPHABET),
            ("xoxb-1234567890-", 24, ALPHABET),
            ("sk_live_", 24, ALPHABET),
            ("whsec_", 32, ALPHABET),
            ("SG.", 66, ALPHABET),
            ("sk-ant-api03-", 90, ALPHABET),
            ("sk-proj-A1", 48, ALPHABET),
            ("hf_", 34, ALPHABET),
            ("shpat_", 32, "0123456789abcdef"),
            ("dop_v1_", 64, "0123456789abcdef"),
            ("abc8Q~", 34, ALPHABET),
            ("hvs.", 40, ALPHABET),
        )
    ),
    lambda n: (f"postgres://app:{random_text(n, 12)}@db.test/app", random_text(n, 12)),
    lambda n: (f"Authorization: Bearer {random_text(n, 32)}1", random_text(n, 32)),
)
NAMES = (
    "password", "newPassword", "password_confirmation", "user[password]", "passwd", "DB_PASSWORD", "secret", "client_secret",
    "clientSecret", "token", "access_token", "refreshToken", "id_token", "csrf_token", "X-CSRFToken", "api_key", "apiKey",
    "apikey", "private_key", "aws_secret_access_key", "AccountKey", "sessionid", "session_token", "PHPSESSID", "passphrase",
    "authenticity_token", "connectionString", "webhook_url", "credential", "SAMLResponse", "code_verifier", "otp",
)  # fmt: skip
FIELDS = (
    "Authorization: Bearer {}", "Authorization: Basic {}", "Authorization: Digest username=\"a\", response=\"{}\"",
    "authorization: {}", "Proxy-Authorization: Basic {}", "Cookie: sid={}; theme={}", "X-Api-Key: {}", "X-Auth-Token: {}",
    "X-Csrf-Token: {}", "Private-Token: {}", "X-Amz-Security-Token: {}", "X-Functions-Key: {}", "X-Vault-Token: {}",
    "Referer: https://app.test/?access_token={}",
)  # fmt: skip
RETURNED = (
    "Set-Cookie: sid={}; Path=/; HttpOnly", "X-Auth-Token: {}", "Location: /callback?code={}&state={}",
    "Refresh: 0; url=/x?token={}", "Authentication-Info: token={}",
)  # fmt: skip
QUERY = (
    "token",
    "access_token",
    "api_key",
    "key",
    "password",
    "secret",
    "code",
    "state",
    "sig",
    "X-Amz-Signature",
    "client_secret",
)
CODINGS = ((b"gzip",), (b"deflate",), (b"br",), (b"zstd",), (b"gzip", b"br"))


@dataclass
class Carried:
    """One exchange to be recorded.

    Attributes:
      secrets: What must not be found afterwards.
      pieces: The response's body, as it comes.
      messages: Of a WebSocket: from the client, kind, payload.
    """

    secrets: list[str] = field(default_factory=list)
    target: str = "/"
    fields: list[str] = field(default_factory=list)
    asked: bytes = b""
    returned: list[str] = field(default_factory=list)
    pieces: list[bytes] = field(default_factory=list)
    trailers: list[str] = field(default_factory=list)
    early: list[str] = field(default_factory=list)
    messages: list[tuple[bool, str, bytes]] = field(default_factory=list)
    error: str = ""


class Planter:
    """Gives secrets out, each once."""

    def __init__(self) -> None:
        self.count = 0

    def plain(self) -> str:
        """Return one without a shape: only its name tells."""
        self.count += 1
        return random_text(self.count, 18) + "7x"

    def shaped(self) -> tuple[str, str]:
        """Return one with a shape: its text, and what of it is secret."""
        self.count += 1
        return SHAPES[self.count % len(SHAPES)](self.count)


def planted(plant: Planter) -> Iterator[Carried]:
    """Return exchanges that carry two hundred secrets, in every kind and place."""
    for line in FIELDS:
        secret = plant.plain()
        yield Carried([secret], fields=[line.format(*[secret] * line.count("{}"))])
    for line in RETURNED:
        secret = plant.plain()
        yield Carried([secret], returned=[line.format(*[secret] * line.count("{}"))])
    for name in QUERY:
        secret = plant.plain()
        yield Carried([secret], target=f"/a/b?page=2&{name}={secret}&x=1")
    for make in SHAPES:
        plant.count += 1
        text, secret = make(plant.count)
        if "\n" not in text and " " not in text:
            yield Carried([secret], target=f"/hooks/{text}")
            plant.count += 1
            text, secret = make(plant.count)
            yield Carried([secret], fields=[f"X-Whatever: a {text} b"])
    yield from _bodies(plant)
    yield from _streams(plant)


def _bodies(plant: Planter) -> Iterator[Carried]:
    form, json_type = ["Content-Type: application/x-www-form-urlencoded"], ["Content-Type: application/json"]
    for name in NAMES:
        secret = plant.plain()
        yield Carried([secret], fields=form, asked=urlencode({"a": "1", name: secret, "b": "2"}).encode())
        secret = plant.plain()
        deep = {"data": [{"x": {"y": [{"z": 1, name: secret, "t": "q"}]}}]}
        yield Carried([secret], returned=json_type, pieces=[json.dumps(deep).encode()])
    for make in SHAPES:
        plant.count += 1
        text, secret = make(plant.count)
        yield Carried(
            [secret],
            returned=json_type,
            pieces=[json.dumps({"log": ["first\n" + text, 1]}).encode().replace(b"\\\\n", b"\\n")],
        )
        plant.count += 1
        text, secret = make(plant.count)
        yield Carried(
            [secret], returned=["Content-Type: text/html"], pieces=[f"<p>see <code>{text}</code></p>".encode()]
        )
    for number, coding in enumerate(CODINGS):
        (text, shaped), secret = plant.shaped(), plant.plain()
        body = json.dumps({"padding": "x" * 3000 * number, "password": secret, "note": text, "end": [1] * 99}).encode()
        fields = [*json_type, f"Content-Encoding: {b', '.join(coding).decode()}"]
        yield Carried([shaped, secret], returned=fields, pieces=[recode(body, coding)])
    secret, other = plant.plain(), plant.plain()
    part = 'Content-Disposition: form-data; name="{}"\r\n{}\r\n{}\r\n--xyz\r\n'
    body = "--xyz\r\n" + part.format("user", "", "bob") + part.format("password", "", secret)
    body += part.format("api_key", "Content-Type: text/plain\r\n", other)
    yield Carried([secret, other], fields=["Content-Type: multipart/form-data; boundary=xyz"], asked=body.encode())
    for text in (
        '<input type="hidden" name="csrf_token" value="{}">', '<meta name="csrf-token" content="{}">',
        '<wsse:Password Type="http://x#PasswordText">{}</wsse:Password>', "<config><password>{}</password></config>",
        '<secret><![CDATA[{}]]></secret>', "DB_PASSWORD={}\nDEBUG=1\n", "api_key: {}\n", "{{'password': '{}'}}",
        '{{"name": "X-Api-Key", "value": "{}"}}', '{{"a": "{{\\"token\\": \\"{}\\"}}"}}', '{{"tokens": ["{}", 1]}}',
        '{{"headers": {{"Cookie": "sid={}"}}}}', '{{"Authorization": "Bearer {}"}}', 'a\\u0026token={}\\u0026b',
        "DefaultEndpointsProtocol=https;AccountKey={};EndpointSuffix=x", '{{"next": "/x?a=1&access_token={}"}}',
        "access_token={}&scope=repo",
    ):  # fmt: skip
        secret = plant.plain()
        kind = "x-www-form-urlencoded" if text.startswith("access") else "octet-stream"
        yield Carried([secret], returned=[f"Content-Type: application/{kind}"], pieces=[text.format(secret).encode()])


def _streams(plant: Planter) -> Iterator[Carried]:
    for size in (1, 5, 11):  # cut into pieces, so that each secret lies across several
        text, secret = plant.shaped()
        whole = f'data: {{"n": 1}}\n\ndata: {{"key": {json.dumps(text)}}}\n\n'.encode()
        other = plant.plain()
        whole += f'data: {{"password": "{other}"}}\n\n'.encode()
        pieces = [whole[at : at + size] for at in range(0, len(whole), size)]
        yield Carried([secret.split("\n")[0], other], returned=["Content-Type: text/event-stream"], pieces=pieces)
        zipped = gzip.compress(whole)
        pieces = [zipped[at : at + size] for at in range(0, len(zipped), size)]
        fields = ["Content-Type: text/event-stream", "Content-Encoding: gzip"]
        yield Carried([secret.split("\n")[0], other], returned=fields, pieces=pieces)
    secret, other, third = plant.plain(), plant.plain(), plant.plain()
    yield Carried([secret], trailers=[f"X-Auth-Token: {secret}"], pieces=[b"x"])
    yield Carried([other], early=[f"Link: </a.css?token={other}>"])
    yield Carried([third], error=f"the request target '/x?token={third}' is not one")
    (text, shaped), secret = plant.shaped(), plant.plain()
    yield Carried(
        [shaped.split("\n")[0], secret],
        messages=[
            (True, "text", json.dumps({"token": secret}).encode()),
            (False, "binary", b"\0\1" + text.encode() + b"\2"),
        ],
    )
    text, shaped = "ghp_" + random_text(9000, 36), "ghp_" + random_text(9000, 36)
    yield Carried([shaped], messages=[(True, "bytes", text[:9].encode()), (True, "bytes", text[9:].encode())])


def undone(body: bytes) -> bytes:
    """Return what gzip or zlib streams in some bytes hold: a search that coded bodies cannot hide from."""
    found = []
    for mark in (b"\x1f\x8b\x08", b"\x78\x01", b"\x78\x9c", b"\x78\x5e"):
        at = body.find(mark)
        while at >= 0:
            try:
                found.append(zlib.decompressobj(47).decompress(body[at : at + (1 << 20)]))
            except zlib.error:
                pass
            at = body.find(mark, at + 1)
    return b"\0".join(found)
