"""Django's runserver behind the front: forms with CSRF over HTTPS, URLs it builds, and a reload while requests come.

What a project must say so that a form sent over HTTPS is taken, either of:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")      tunnel writes that field and replaces a client's
    CSRF_TRUSTED_ORIGINS = ["https://127.0.0.1:62893"]
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from tests.helpers.fronts import Front
from tests.helpers.servers import APPS, PATIENCE, free_port, python, served, within

pytestmark = pytest.mark.real


@contextmanager
def django(port: int, *options: str, app: Path = APPS / "django_app.py", **env: str) -> Iterator[None]:
    # Whether Django's own use of Python is up to date is not for us to say.
    env = {"PYTHONWARNINGS": "ignore", **env}
    with served(*python(str(app), "runserver", f"127.0.0.1:{port}", *options), port=port, cwd=app.parent, env=env):
        yield


def send_form(front: Front) -> requests.Response:
    """Fetch the form and send it as a browser would, with its token, its cookie, Origin and Referer."""
    with front.session() as session:
        page = session.get(f"{front.url}/form", timeout=PATIENCE)
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)
        assert token, page.text
        sent = {"csrfmiddlewaretoken": token[1], "name": "Ada"}
        told = {"Origin": front.url, "Referer": f"{front.url}/form"}
        return session.post(f"{front.url}/form", data=sent, headers=told, timeout=PATIENCE)


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def front(port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    with Front(port, tmp_path_factory.mktemp("front") / "folder") as front:
        yield front


def test_a_form_is_taken_where_x_forwarded_proto_is_believed(front: Front, port: int) -> None:
    with django(port, "--noreload", DJANGO_BELIEVES="1"), front.session() as session:
        answer = send_form(front)
        seen = session.get(f"{front.url}/seen", timeout=PATIENCE)
        moved = session.get(f"{front.url}/folder", timeout=PATIENCE)

    assert (answer.status_code, answer.json()) == (200, {"name": "Ada", "secure": True})
    assert seen.json() == {"url": f"{front.url}/seen", "host": f"127.0.0.1:{front.port}"}
    assert (moved.url, moved.text) == (f"{front.url}/folder/", "a folder")


def test_a_form_is_taken_where_the_fronts_origin_is_trusted(front: Front, port: int) -> None:
    with django(port, "--noreload", DJANGO_TRUSTS=front.url):
        answer = send_form(front)

    assert (answer.status_code, answer.json()) == (200, {"name": "Ada", "secure": False})


def test_a_form_is_refused_by_django_where_neither_is_said(front: Front, port: int) -> None:
    with django(port, "--noreload"):
        answer = send_form(front)

    assert answer.status_code == 403
    assert "trusted origins" in answer.text


def test_requests_wait_while_the_server_reloads_an_edited_file(front: Front, port: int, tmp_path: Path) -> None:
    app = tmp_path / "django_app.py"
    app.write_text((APPS / "django_app.py").read_text())
    with django(port, app=app), front.session() as session, within(PATIENCE):
        assert session.get(f"{front.url}/word", timeout=PATIENCE).text == "first"
        app.write_text(app.read_text().replace('WORD = "first"', 'WORD = "second, after the edit"'))

        word = ""
        while word != "second, after the edit":
            app.touch()  # again: the reloader does not see a change that came before its first look
            word = session.get(f"{front.url}/word", timeout=PATIENCE).text

    # A request that the old server had taken, and died with, is told as that; none found that nothing listens.
    errors = {row["error"] for row in front.log() if row["target"] == "/word" and row["status"] != 200}
    assert all("broke off" in error for error in errors), errors
