"""Python's own http.server, an HTTP/1.0 server that ends each answer by closing, seen by curl, requests and httpx."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.fronts import Front
from tests.helpers.servers import PATIENCE, free_port, needed, python, served

pytestmark = pytest.mark.real

PAGE = b"<!doctype html><title>here</title>\n"
LARGE = bytes(range(256)) * 12_000  # 3 MB: past every buffer on the way


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    site = tmp_path_factory.mktemp("site")
    (site / "page.html").write_bytes(PAGE)
    (site / "large.bin").write_bytes(LARGE)
    (site / "with space.txt").write_bytes(b"found")
    (site / "folder").mkdir()
    port = free_port()
    with (
        served(*python("-m", "http.server", str(port), "--bind", "127.0.0.1"), port=port, cwd=site),
        Front(port, tmp_path_factory.mktemp("front") / "folder") as front,
    ):
        yield front


def curl(front: Front, path: str, *options: str) -> bytes:
    """Run curl; a failed certificate check is an error of its."""
    argv = [needed("curl", "curl"), "--silent", "--show-error", "--fail", "--cacert", str(front.root), *options]
    done = subprocess.run([*argv, front.url + path], capture_output=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def test_curl_gets_a_file_over_tls_and_the_record_names_curl(front: Front) -> None:
    assert curl(front, "/page.html?by=curl") == PAGE

    row = front.exchange("/page.html?by=curl")
    assert (row["method"], row["status"], row["response_bytes"], row["caller"]) == ("GET", 200, len(PAGE), "curl")


@pytest.mark.parametrize("version", ["--http1.0", "--http1.1", "--http2"])
@pytest.mark.parametrize("tls", ["--tls-max=1.2", "--tlsv1.3"])
def test_curl_gets_a_file_by_every_version_it_may_ask_for(front: Front, version: str, tls: str) -> None:
    assert curl(front, "/page.html", version, *tls.split("=")) == PAGE


def test_curl_resumes_a_download_that_the_server_knows_nothing_of(front: Front, tmp_path: Path) -> None:
    """http.server answers a Range with the whole, which is its right; so must we."""
    whole = curl(front, "/large.bin", "--header", "Range: bytes=10-19")

    assert whole == LARGE


def test_a_large_file_arrives_as_it_is(front: Front) -> None:
    with front.session() as session:
        answer = session.get(f"{front.url}/large.bin", timeout=PATIENCE)

    assert answer.content == LARGE
    assert front.exchange("/large.bin")["response_bytes"] == len(LARGE)


def test_an_unchanged_file_is_a_304_without_a_body(front: Front) -> None:
    with front.session() as session:
        first = session.get(f"{front.url}/page.html", timeout=PATIENCE)
        asked = {"If-Modified-Since": first.headers["Last-Modified"]}
        again = session.get(f"{front.url}/page.html", headers=asked, timeout=PATIENCE)

    assert (again.status_code, again.content) == (304, b"")


def test_head_tells_the_length_and_sends_no_body(front: Front) -> None:
    with front.client() as client:
        answer = client.head("/page.html")
        after = client.get("/page.html")  # on the same connection: nothing of a body came before it

    assert (answer.status_code, answer.headers["content-length"], answer.content) == (200, str(len(PAGE)), b"")
    assert after.content == PAGE


def test_what_the_server_refuses_is_its_answer_and_nobodys_fault(front: Front) -> None:
    with front.client() as client:
        missing = client.get("/nothing")
        posted = client.post("/page.html", content=b"x" * 100)

    assert (missing.status_code, posted.status_code) == (404, 501)
    assert [row["fault"] for row in front.recorded(lambda row: row["status"] in (404, 501))] == ["", ""]


def test_a_relative_redirect_leads_on_through_the_front(front: Front) -> None:
    with front.session() as session:
        answer = session.get(f"{front.url}/folder", timeout=PATIENCE)

    assert answer.url == f"{front.url}/folder/"
    assert [hop.status_code for hop in answer.history] == [301]


def test_percent_signs_pass_as_they_were_typed(front: Front) -> None:
    assert curl(front, "/with%20space.txt") == b"found"
    assert front.exchange("/with%20space.txt")["status"] == 200


def test_one_client_connection_lives_on_though_each_upstream_connection_dies(front: Front) -> None:
    with front.client() as client:
        answers = [client.get(f"/page.html?nr={number}") for number in range(20)]
        streams = {id(answer.extensions["network_stream"]) for answer in answers}

    assert {answer.content for answer in answers} == {PAGE}
    assert len(streams) == 1


def test_a_plain_request_is_sent_to_https(front: Front) -> None:
    plain = front.url.replace("https:", "http:")

    told = curl(front, "/page.html", "--location", "--write-out", "%{url_effective} %{num_redirects}")
    moved = subprocess.run(
        [needed("curl", "curl"), "--silent", "--location", "--cacert", str(front.root), f"{plain}/page.html"],
        capture_output=True,
        timeout=PATIENCE,
        check=True,
    )

    assert told == PAGE + f"{front.url}/page.html 0".encode()
    assert moved.stdout == PAGE
