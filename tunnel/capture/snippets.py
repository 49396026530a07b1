"""Snippets: a recorded request as a command or a program that sends it again: curl, fetch in JavaScript, requests in Python.

Each sends the request as the client sent it, without what belongs to one connection (RFC 9110 §7.6.1) and without the
length, which the sender counts anew. What a tool adds by itself and the request had not is switched off where the tool
allows it. Where a tool cannot say the same, a comment in the snippet says so. Nothing here raises.
"""

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from tunnel.capture import shell
from tunnel.capture.heads import fields_of
from tunnel.model.address import is_loopback, split_host
from tunnel.model.exchange import Exchange
from tunnel.model.headers import Field

_OF_ONE_HOP = {
    b"connection", b"keep-alive", b"proxy-connection", b"proxy-authenticate", b"te", b"trailer", b"transfer-encoding",
    b"upgrade", b"expect", b"content-length", b"tunnel-replay",
}  # fmt: skip
# What every tool leaves as it is in a target. With anything else some of them would write another one.
_PLAIN = re.compile(r"/[A-Za-z0-9/._~%!$&()*+,;=:@?-]*")
# What requests leaves as it is once it no longer puts a URL in order.
_KEPT_BY_REQUESTS = re.compile(r"/(?:[A-Za-z0-9/._~!$&'()*+,;=:@?-]|%[0-9A-F]{2})*")
# A question mark behind which nothing follows: fetch and requests leave it out.
_NO_QUERY = re.compile(r"/[^?]*\?")
_DOTS = re.compile(r"/\.{1,2}(?:[/?]|$)|%2e", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Sent:
    """A request as a tool is to send it.

    Attributes:
      plain: Whether the target is one that every tool leaves as it is.
      fields: In their order and case, without those of one connection, and without a Host that the URL says.
      upgrade: The protocol that was asked for, as it was written, or empty.
    """

    method: str
    url: str
    target: str
    plain: bool
    fields: tuple[Field, ...]
    body: bytes
    upgrade: str
    notes: tuple[str, ...]

    def has(self, name: bytes) -> bool:
        """Whether the request has a field; `name` in lower case."""
        return any(key.lower() == name for key, _ in self.fields)


def curl(exchange: Exchange, body: bytes, url: str, *, root: str = "") -> str:
    """Return a command for a POSIX shell.

    Args:
      exchange: Whose request is told.
      body: What was kept of it, as it passed.
      url: Scheme and authority to send it to: "https://127.0.0.1:62893".
      root: The file of an authority's certificate that curl would not know by itself, or empty.
    """
    sent = _sent(exchange, body, url)
    words = [shell.word((sent.url + (sent.target if sent.plain else "/")).encode())]
    if not sent.plain:
        words.append(f"--request-target {shell.word(sent.target.encode())}")
    words += _method(sent)
    if sent.upgrade:
        words += [
            "--http1.1",
            "--no-buffer",
            "-H 'Connection: Upgrade'",
            f"-H {shell.word(b'Upgrade: ' + _b(sent.upgrade))}",
        ]
    words += [f"-H {shell.word(_line(field))}" for field in sent.fields]
    # Left to itself curl would send these.
    silent = ["User-Agent", "Accept", *(["Content-Type"] if _posts(sent) else [])]
    words += [f"-H '{name}:'" for name in silent if not sent.has(name.lower().encode())]
    if sent.has(b"accept-encoding"):
        words.append("--compressed")
    if len(sent.body) > 1000_000:
        words.append("-H 'Expect:'")
    if root:
        words.append(f"--cacert {shell.word(root.encode(errors='surrogateescape'))}")
    before = ""
    if sent.body:
        piped = shell.piped(sent.body)
        if piped:
            before = f"{piped} |\n"
            words.append("--data-binary @-")
        else:
            raw = "--data-raw" if sent.body.startswith(b"@") else "--data-binary"
            words.append(f"{raw} {shell.word(sent.body)}")
    elif _posts(sent):
        words.append("--data-binary ''")  # so that it says: Content-Length: 0
    return "".join(f"# {note}\n" for note in sent.notes) + before + " \\\n  ".join(["curl " + words[0], *words[1:]])


def fetch(exchange: Exchange, body: bytes, url: str) -> str:
    """Return JavaScript for a browser's console or Node. Arguments as for `curl`."""
    sent = _sent(exchange, body, url)
    notes = list(sent.notes)
    if sent.upgrade.lower() == "websocket":
        return _socket(sent)
    if not sent.plain or _NO_QUERY.fullmatch(sent.target):
        notes.append("fetch writes this target in its own way: compare what arrives")
    if sent.method in ("CONNECT", "TRACE", "TRACK"):
        notes.append(f"fetch refuses the method {sent.method}")
    options = [f"method: {_js(sent.method)}"]
    if sent.fields:
        pairs = [f"    [{_js(_s(name))}, {_js(_s(value))}]," for name, value in sent.fields]
        options.append("\n".join(["headers: [", *pairs, "  ]"]))
    if sent.body and sent.method.upper() in ("GET", "HEAD"):
        notes.append(f"the request had a body, which fetch does not send with {sent.method}")
    elif sent.body:
        options.append(f"body: {_js_body(sent)}")
    options.append('redirect: "manual"')
    lines = [f"// {note}" for note in notes]
    lines += [
        f"const response = await fetch({_js(sent.url + sent.target)}, {{",
        *(f"  {option}," for option in options),
    ]
    return "\n".join([*lines, "});", "console.log(response.status, await response.text());"])


def requests(exchange: Exchange, body: bytes, url: str, *, root: str = "") -> str:
    """Return Python for the library requests. Arguments as for `curl`."""
    sent = _sent(exchange, body, url)
    headers: dict[str, tuple[str, str]] = {}
    notes = list(sent.notes)
    for name, value in ((_s(name), _s(value)) for name, value in sent.fields):
        key = name.lower()
        if key in headers:
            notes.append(f"{name} came more than once; requests sends a name once, with the values joined")
            value = headers[key][1] + ("; " if key == "cookie" else ", ") + value
        headers[key] = (headers.get(key, (name, ""))[0], value)
    if not _KEPT_BY_REQUESTS.fullmatch(sent.target) or _NO_QUERY.fullmatch(sent.target):
        notes.append("requests writes this target in its own way: compare what arrives")
    fields = [f"    {name!r}: {_python_value(value)}," for name, value in headers.values()]
    fields += [
        f"    {name!r}: None," for name in ("User-Agent", "Accept", "Accept-Encoding") if name.lower() not in headers
    ]
    if sent.upgrade:
        notes.append(f"requests cannot go on with {sent.upgrade}: this is its first request alone")
        fields += ["    'Connection': 'Upgrade',", f"    'Upgrade': {sent.upgrade!r},"]
    in_order = sent.plain and "%" not in sent.target
    send = [f"url = {sent.url + (sent.target if in_order else '/')!r}", "headers = {", *fields, "}"]
    if sent.body:
        send.append(f"body = {_python_body(sent.body)}")
    data = ", data=body" if sent.body else ""
    send += [
        "with requests.Session() as session:",
        f"    request = session.prepare_request(requests.Request({sent.method!r}, url, headers=headers{data}))",
    ]
    if sent.method != sent.method.upper():
        send.append(f"    request.method = {sent.method!r}")
    if not in_order:
        send.append(f"    request.url = {sent.url + sent.target!r}  # as it was, and not put in order")
    verify = f", verify={root!r}" if root else ""
    send += [
        f"    response = session.send(request, allow_redirects=False{verify})",
        "print(response.status_code, response.text)",
    ]
    return "\n".join(["import requests", "", *(f"# {note}" for note in notes), *send])


def front_of(exchange: Exchange) -> str:
    """Return the scheme and authority that a recorded request was sent to, as `url` for the others.

    That is what its Host says where this leads to the listener that it came to, else the listener's own address.
    """
    scheme = "https" if exchange.tls else "http"
    authority = exchange.host
    try:
        host, port = split_host(authority)
    except ValueError:
        host, port = "", None
    here = (port or (443 if exchange.tls else 80)) == exchange.listener_port
    if host and (not exchange.listener or (here and is_loopback(host))):
        return f"{scheme}://{authority}"
    address = exchange.listener or "localhost"
    return f"{scheme}://{f'[{address}]' if ':' in address else address}:{exchange.listener_port}"


def _sent(exchange: Exchange, body: bytes, url: str) -> Sent:
    fields = fields_of(exchange.request_head)
    hop = _OF_ONE_HOP | set(fields.tokens(b"connection"))
    authority = url.partition("://")[2].encode()
    kept = [(name, value) for name, value in fields if name.lower() not in hop]
    if fields.get(b"host") == authority:
        kept = [field for field in kept if field[0].lower() != b"host"]
    notes = []
    if not exchange.request.whole and not exchange.upgrade:
        said = exchange.request
        notes.append(f"only the first {said.kept} of {said.size} bytes of the body were recorded")
    if exchange.redacted:
        notes.append("secrets were replaced before this was recorded: put the real ones in place of redacted-…")
    target = exchange.target
    return Sent(
        method=exchange.method,
        url=url,
        target=target,
        plain=bool(_PLAIN.fullmatch(target)) and not _DOTS.search(target),
        fields=tuple(kept),
        body=b"" if exchange.upgrade else body,
        upgrade=_s(fields.get(b"upgrade") or b"") if b"upgrade" in fields.tokens(b"connection") else "",
        notes=tuple(notes),
    )


# curl


def _method(sent: Sent) -> Iterator[str]:
    """Yield the option that says the method, where curl would not take it by itself."""
    if sent.method == "HEAD" and not sent.body:
        yield "--head"
    elif sent.method != ("POST" if sent.body or _posts(sent) else "GET"):
        yield f"-X {shell.word(_b(sent.method))}"


def _posts(sent: Sent) -> bool:
    """Whether a body is sent, be it an empty one."""
    return bool(sent.body) or sent.method in ("POST", "PUT", "PATCH")


def _line(field: Field) -> bytes:
    name, value = field
    return b"%b: %b" % field if value else name + b";"  # curl's way to say that a field has no value


# fetch


def _socket(sent: Sent) -> str:
    fields = {_s(name).lower(): _s(value) for name, value in sent.fields}
    protocols = [word.strip() for word in fields.get("sec-websocket-protocol", "").split(",") if word.strip()]
    url = re.sub("^http", "ws", sent.url) + sent.target
    more = f", {_js(protocols)}" if protocols else ""
    return f"const socket = new WebSocket({_js(url)}{more});\nsocket.onmessage = ({{ data }}) => console.log(data);"


def _js_body(sent: Sent) -> str:
    try:
        if b"\0" in sent.body or sent.body.startswith(b"\xef\xbb\xbf"):
            raise ValueError
        text = _js(sent.body.decode())
    except ValueError:
        return f'Uint8Array.from(atob("{base64.b64encode(sent.body).decode()}"), (c) => c.charCodeAt(0))'
    # A string would be sent with a Content-Type of fetch's own.
    return text if sent.has(b"content-type") else f"new TextEncoder().encode({text})"


def _js(value: object) -> str:
    """Return a value as a JavaScript literal in ASCII, but for what people write."""
    return re.sub(
        r"[\x7f-\xa0\xad\u2028\u2029\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb]",
        lambda match: f"\\u{ord(match[0]):04x}",
        json.dumps(value, ensure_ascii=False),
    )


# Python


def _python_body(body: bytes) -> str:
    try:
        text = body.decode()
    except ValueError:
        return repr(body)
    return repr(body) if text.isascii() else f"{text!r}.encode()"


def _python_value(value: str) -> str:
    """Return a field's value as a literal: requests looks at text more strictly than at bytes, and writes it as Latin-1."""
    return repr(value) if value.isascii() else _python_body(_b(value))


def _s(value: bytes) -> str:
    return value.decode("latin-1")


def _b(value: str) -> bytes:
    return value.encode("latin-1", "replace")
