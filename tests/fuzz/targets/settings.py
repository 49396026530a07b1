"""Settings: a config file of any bytes is read, or refused by a UsageError with one line that names the file.

Input: the file. What it says of target and listener is parsed as at a start.
"""

from tests.fuzz.places import place
from tunnel.cli.configfile import read_config
from tunnel.errors import UsageError
from tunnel.model.address import parse_host_header, parse_listen, parse_target

WORDS = [
    b"target = ", b"listen = ", b"mode = ", b"allow_host = [", b"host_header = ", b"[limits]\n", b"[keep]\n",
    b"head = ", b"size = ", b'"5m"', b'"64KiB"', b"0x", b"1e999", b"nan", b"inf", b"true", b"1979-05-27", b'"""',
    b"'", b"\\u0000", b"\n", b"[[", b"{", b".", b"9" * 25,
]  # fmt: skip
SEEDS = [
    b'target = 3000\nlisten = "127.0.0.1:0"\nmode = "both"\nallow_host = ["app.test"]\n'
    b'[limits]\nfirst_byte = "10m"\nhead_size = "64KiB"\n',
    b'[keep]\nsize = "2GiB"\nage = 1.5\nbody_size = 0x10\n', b"targt = 3000\n", b"[limits]\nheadd = 1\n",
    b"mode = 5\n", b"allow_host = [1]\n", b"limits = 5\n", b"target = 1979-05-27\n",
    b"[limits]\nhead = nan\nidle = inf\nconnections = 1e400\n", b"\xff\xfe", b"[limits]\nhead = -1\n",
    b'target = """\n', b"[limits.head]\nx = 1\n", b"[[keep]]\n",
]  # fmt: skip


def check(data: bytes) -> None:
    """Raise where the law is broken."""
    path = place("settings") / "tunnel.toml"
    path.write_bytes(data)
    try:
        settings = read_config(path)
    except UsageError as error:
        assert str(path) in error.what
        return
    words = (parse_target, settings.target), (parse_listen, settings.listen), (parse_host_header, settings.host_header)
    for parse, text in words:
        try:
            parse(text or "")
        except UsageError:
            pass
    assert all(isinstance(name, str) for name in settings.allow_host)
