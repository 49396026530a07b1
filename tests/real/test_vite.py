"""Vite's dev server in headless Chromium through the HTTPS front: hot module replacement, and no certificate error.

The browser has a home of its own, with the authority in its certificate database as `tunnel trust` puts it there.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.helpers.browsers import Browsers, home_that_trusts
from tests.helpers.fronts import Front, tunnel
from tests.helpers.servers import APPS, PATIENCE, free_port, served

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copytree(APPS / "vite", tmp_path_factory.mktemp("vite") / "project"))


@pytest.fixture(scope="module")
def front(node: str, node_modules: Path, project: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    """Vite as `npm run dev` starts it: on "localhost", which for Node may be ::1 only."""
    port = free_port()
    vite = str(node_modules / "vite" / "bin" / "vite.js")
    with (
        served(node, vite, "--port", str(port), "--strictPort", port=port, host="localhost", cwd=project),
        Front(port, tmp_path_factory.mktemp("front") / "folder") as front,
    ):
        yield front


@pytest.fixture(scope="module")
def home(front: Front, chromium: str, certutil: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose Chromium trusts the front's authority."""
    return home_that_trusts(front.root, tmp_path_factory.mktemp("home"))


@pytest.fixture
def page(front: Front, home: Path, browsers: Browsers) -> Iterator[Page]:
    context = browsers.start(home)
    page = context.new_page()
    yield page
    context.close()


def test_trust_is_seen_by_the_command_too(front: Front, home: Path) -> None:
    done = subprocess.run(
        tunnel("trust", "--check", "--folder", str(front.folder)),
        env={**os.environ, "HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )

    told = [line for line in done.stdout.splitlines() if "Chromium" in line]
    assert len(told) == 2
    assert all("trusted" in line and str(home) in line for line in told), done.stdout
    assert done.returncode == 3  # the system's own store was left alone


def test_an_edit_shows_in_the_open_page_without_a_reload(front: Front, project: Path, page: Page) -> None:
    troubles: list[str] = []
    page.on("console", lambda message: troubles.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: troubles.append(str(error)))
    with page.expect_console_message(lambda message: "[vite] connected" in message.text):
        page.goto(front.url)
    page.wait_for_function("document.getElementById('message').textContent === 'before the edit'")
    page.evaluate("window.stillTheSamePage = true")

    (project / "message.js").write_text('export const message = "after the edit";\n')
    page.wait_for_function("document.getElementById('message').textContent === 'after the edit'")
    (project / "style.css").write_text("h1 { color: rgb(4, 5, 6); }\n")
    page.wait_for_function("getComputedStyle(document.getElementById('message')).color === 'rgb(4, 5, 6)'")

    assert page.evaluate("window.stillTheSamePage") is True
    assert page.evaluate("[location.protocol, isSecureContext]") == ["https:", True]
    assert troubles == []


def test_the_record_has_the_page_its_modules_and_the_messages_of_the_socket(front: Front, page: Page) -> None:
    with page.expect_console_message(lambda message: "[vite] connected" in message.text):
        page.goto(front.url)
    page.close()

    socket = front.recorded(lambda row: row["upgrade"] == "websocket")[-1]
    shown = front.shown(socket["id"])
    assert (socket["status"], socket["fault"]) == (101, "")
    assert socket["messages"] >= 1
    assert "vite-hmr" in shown["request"]["head"]
    targets = {row["target"].split("?")[0] for row in front.log() if row["status"] in (200, 304)}
    assert {"/", "/main.js", "/message.js", "/style.css", "/@vite/client"} <= targets


def test_chromium_refuses_the_front_where_nobody_trusted_it(front: Front, browsers: Browsers, tmp_path: Path) -> None:
    """So that the other tests show what they say: the certificate is judged, and the database decides."""
    page = browsers.start(tmp_path).new_page()

    with pytest.raises(Exception, match="ERR_CERT_AUTHORITY_INVALID"):
        page.goto(front.url)

    front.program.err.wait_for(lambda line: "does not trust our authority" in line)
