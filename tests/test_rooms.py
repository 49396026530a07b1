"""The rooms of the house: who may import whom. docs/design.md draws what this file enforces."""

import ast
import graphlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
# Each room may import itself and the rooms named here, nothing else of ours.
ROOMS = {
    "certs": "",
    "tunnel": "",
    "tunnel.errors": "",
    "tunnel.model": "tunnel.errors",
    "tunnel.rules": "tunnel.model tunnel.errors",
    "tunnel.net": "tunnel.model tunnel.errors",
    "tunnel.http": "tunnel.net tunnel.model tunnel.errors",
    "tunnel.capture": "tunnel.model tunnel.errors",
    "tunnel.proxy": "tunnel.http tunnel.net tunnel.rules tunnel.capture tunnel.model tunnel.errors",
    "tunnel.share": "tunnel.rules tunnel.model tunnel.errors",
    "tunnel.example": "",
    "tunnel.inspector": "tunnel.rules tunnel.capture tunnel.model tunnel.errors",
    "tunnel.window_place": "certs tunnel.inspector tunnel.net tunnel.model tunnel.errors",
    "tunnel.window_doors": "certs tunnel.window_place tunnel.inspector tunnel.proxy tunnel.net tunnel.capture tunnel.model"
    " tunnel.errors",
    "tunnel.window": "tunnel.window_place tunnel.inspector tunnel.http tunnel.net tunnel.model tunnel.errors",
    "tunnel.terminal": "tunnel.capture tunnel.model tunnel.errors",
    "tunnel.run_share": "certs tunnel.terminal tunnel.share tunnel.proxy tunnel.http tunnel.net tunnel.rules tunnel.model"
    " tunnel.errors",
    "tunnel.run": "certs tunnel.run_share tunnel.terminal tunnel.window tunnel.window_place tunnel.window_doors tunnel.proxy"
    " tunnel.example tunnel.http tunnel.net tunnel.rules tunnel.capture tunnel.model tunnel.errors",
    "tunnel.run_inspect": "tunnel.run tunnel.terminal tunnel.window tunnel.window_place tunnel.net tunnel.rules"
    " tunnel.capture tunnel.model tunnel.errors",
    "tunnel.workers": "tunnel.run tunnel.terminal tunnel.window tunnel.window_place tunnel.window_doors tunnel.inspector"
    " tunnel.proxy tunnel.net tunnel.rules tunnel.capture tunnel.model tunnel.errors",
    "tunnel.cli": "certs tunnel",
    "tunnel.__main__": "tunnel.cli",
}
# A dependency or a power that only some files may use.
KEEPERS = {
    "h11": "tunnel.http.heads",
    "wsproto": "tunnel.http.websocket tunnel.http.asgi_websocket",
    "sqlite3": "tunnel.capture.store tunnel.capture.store_schema tunnel.capture.store_write tunnel.capture.writer"
    " tunnel.capture.finding tunnel.capture.search tunnel.capture.store_imports tunnel.capture.store_repeats",
    "cryptography": "certs",
    "ssl": "certs tunnel.net.tls tunnel.net.streams tunnel.net.tls_streams tunnel.net.dial"
    " tunnel.proxy.way tunnel.proxy.connection tunnel.run tunnel.window tunnel.window_doors"
    " tunnel.proxy.replay tunnel.cli.front",
    "subprocess": "certs.stores tunnel.net.firewall",
    "socket": "tunnel.net tunnel.proxy.connection tunnel.proxy.server tunnel.run tunnel.workers tunnel.window"
    " tunnel.window_place tunnel.share.places",
    "starlette": "tunnel.example tunnel.inspector",
    "psutil": "tunnel.net",
    "regex": "tunnel.capture.patterns",
    "click": "tunnel.cli",
    "rich": "tunnel.cli",
    "tomllib": "tunnel.cli.configfile",
    "argon2": "tunnel.share.passwords",
    "segno": "tunnel.cli.share_shown",
    "zeroconf": "tunnel.net.mdns tunnel.net.mdns_absent",
    "trio": "tunnel.net tunnel.http tunnel.proxy tunnel.run tunnel.run_inspect tunnel.run_share tunnel.share"
    " tunnel.workers.worker tunnel.workers.window tunnel.workers.answering tunnel.cli.serve tunnel.example tunnel.inspector"
    " tunnel.window tunnel.cli.inspect tunnel.cli.replay tunnel.cli.sending",
}
# What one process must never hold: a second event loop.
STRANGERS = ("asyncio", "uvicorn", "aiohttp")


def within(name: str, rooms: str) -> bool:
    return any(name == room or name.startswith(room + ".") for room in rooms.split())


def imports(path: Path) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}:{node.lineno}: write the import in full, so that its room shows"
            found += [f"{node.module}.{alias.name}" for alias in node.names]
    return found


def modules() -> list[tuple[str, Path]]:
    paths = sorted(path for top in ("certs", "tunnel") for path in (ROOT / top).rglob("*.py"))
    return [(".".join(p.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"), p) for p in paths]


@pytest.mark.parametrize(("name", "path"), modules())
def test_a_module_imports_only_from_the_rooms_open_to_it(name: str, path: Path) -> None:
    room = max((room for room in ROOMS if within(name, room)), key=len)
    for wanted in imports(path):
        if within(wanted, "certs tunnel") and wanted != "tunnel.__version__":
            assert within(wanted, f"{room} {ROOMS[room]}"), f"{name} may not import {wanted}"
        for power, keepers in KEEPERS.items():
            if within(wanted, power):
                assert within(name, keepers), f"{name} may not import {power}: that is for {keepers}"
        for stranger in STRANGERS:
            assert not within(wanted, stranger), f"{name} may not import {stranger}: the loop in this process is trio's"


def test_no_module_imports_in_a_circle() -> None:
    names = {name for name, _ in modules()}
    graph = {
        name: {wanted if wanted in names else wanted.rpartition(".")[0] for wanted in imports(path)} & names - {name}
        for name, path in modules()
    }

    graphlib.TopologicalSorter(graph).prepare()  # raises CycleError, naming the circle


@pytest.mark.parametrize(("name", "path"), modules())
def test_a_file_says_first_what_it_knows(name: str, path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), f"{path} begins without a docstring"


@pytest.mark.parametrize(("name", "path"), modules())
def test_a_file_is_one_concept_of_a_size_to_read(name: str, path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400, f"{path} is long: is it still one thing?"
