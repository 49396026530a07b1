"""Flask's development server behind the front: sessions that need HTTPS, redirects it builds itself, uploads, streams."""

from collections.abc import Iterator

import pytest
import requests

from tests.helpers.fronts import Front
from tests.helpers.servers import APPS, PATIENCE, free_port, python, served

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    port = free_port()
    with (
        served(*python("-m", "flask", "--app", "flask_app", "run", "--port", str(port)), port=port, cwd=APPS),
        Front(port, tmp_path_factory.mktemp("front") / "folder") as front,
    ):
        yield front


@pytest.fixture
def session(front: Front) -> Iterator[requests.Session]:
    with front.session() as session:
        yield session


def test_a_login_with_a_secure_cookie_and_an_absolute_redirect_works(front: Front, session: requests.Session) -> None:
    answer = session.post(f"{front.url}/login", data={"name": "Ada"}, timeout=PATIENCE)

    assert answer.json() == {"name": "Ada", "url": f"{front.url}/me", "remote": "127.0.0.1", "secure": True}
    assert [hop.headers["Location"] for hop in answer.history] == [f"{front.url}/me"]


def test_a_client_that_says_it_is_somebody_else_is_not_believed(front: Front, session: requests.Session) -> None:
    lies = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "http"}

    told = session.get(f"{front.url}/me", headers=lies, timeout=PATIENCE).json()

    assert told == {"name": None, "url": f"{front.url}/me", "remote": "127.0.0.1", "secure": True}


def test_a_file_is_uploaded(front: Front, session: requests.Session) -> None:
    file = ("pïcture.png", b"\x89PNG" * 100_000, "image/png")

    answer = session.post(f"{front.url}/files", files={"file": file}, timeout=PATIENCE)

    assert answer.json() == {"name": "pïcture.png", "size": 400_000, "kind": "image/png"}


def test_json_goes_there_and_back(front: Front, session: requests.Session) -> None:
    value = {"text": "ünï", "numbers": [1, 2.5, None]}

    assert session.post(f"{front.url}/json", json=value, timeout=PATIENCE).json() == value


def test_an_answer_without_a_length_arrives_whole(front: Front, session: requests.Session) -> None:
    answer = session.get(f"{front.url}/rows", timeout=PATIENCE)

    assert answer.text.splitlines() == [str(number) for number in range(1000)]


def test_an_error_of_the_app_stays_its_own_page(front: Front, session: requests.Session) -> None:
    answer = session.get(f"{front.url}/broken", timeout=PATIENCE)

    assert answer.status_code == 500
    assert "Internal Server Error" in answer.text
    assert front.exchange("/broken")["fault"] == ""
