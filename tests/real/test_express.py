"""Express behind the front: what it makes of the fields that we write, its static files, its cookies and redirects."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.helpers.fronts import Front
from tests.helpers.servers import APPS, free_port, served

pytestmark = pytest.mark.real

FILE = bytes(range(256)) * 4000


@pytest.fixture(scope="module")
def front(node: str, node_modules: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    port = free_port()
    files = tmp_path_factory.mktemp("files")
    (files / "file.bin").write_bytes(FILE)
    argv = [node, str(APPS / "express_app.cjs"), str(port), str(files)]
    with (
        served(*argv, port=port, env={"NODE_PATH": str(node_modules)}),
        Front(port, tmp_path_factory.mktemp("front") / "folder") as front,
    ):
        yield front


@pytest.fixture
def client(front: Front) -> Iterator[httpx.Client]:
    with front.client() as client:
        yield client


def test_express_knows_the_address_that_the_client_typed(front: Front, client: httpx.Client) -> None:
    lies = {"X-Forwarded-Proto": "http", "X-Forwarded-Host": "evil.example", "X-Forwarded-For": "203.0.113.9"}

    told = client.get("/me", headers=lies).json()

    assert told == {"protocol": "https", "secure": True, "host": f"127.0.0.1:{front.port}", "ip": "127.0.0.1"}


def test_an_item_is_made_with_a_location_and_a_secure_cookie(front: Front, client: httpx.Client) -> None:
    answer = client.post("/items", json={"name": "lamp", "filling": "x" * 1_000_000})

    assert (answer.status_code, answer.headers["location"]) == (201, f"{front.url}/items/1")
    assert answer.cookies["last"] == "lamp"
    assert len(answer.json()["filling"]) == 1_000_000


def test_a_range_of_a_file_is_a_206(client: httpx.Client) -> None:
    answer = client.get("/files/file.bin", headers={"Range": "bytes=1000-1999"})

    assert (answer.status_code, answer.content) == (206, FILE[1000:2000])
    assert answer.headers["content-range"] == f"bytes 1000-1999/{len(FILE)}"


def test_an_etag_that_still_holds_is_a_304(client: httpx.Client) -> None:
    first = client.get("/files/file.bin")
    again = client.get("/files/file.bin", headers={"If-None-Match": first.headers["etag"]})

    assert (first.content, again.status_code, again.content) == (FILE, 304, b"")


def test_a_redirect_to_the_apps_own_port_comes_back_through_the_front(front: Front, client: httpx.Client) -> None:
    answer = client.get("/old", follow_redirects=True)

    assert str(answer.url) == f"{front.url}/me"
    assert front.exchange("/old")["status"] == 301


def test_a_body_that_is_too_large_for_express_is_its_own_413(client: httpx.Client) -> None:
    answer = client.post("/items", json={"filling": "x" * 5_000_000})

    assert answer.status_code == 413
    assert "PayloadTooLargeError" in answer.text


def test_a_large_text_arrives_whole(client: httpx.Client) -> None:
    assert client.get("/large").text == "line\n" * 200_000
