"""Secrets of an imported recording never touch the disk; what hides nothing changes nothing."""

import copy
import gzip
import json

import pytest

from tests.capture import writers
from tests.capture.exchanges import exchange
from tests.capture.test_importing import saved
from tunnel.capture import har
from tunnel.capture.har_secrets import HarSecrets
from tunnel.capture.importing import import_har
from tunnel.capture.store import Store

TOKEN = "ghp_" + "a1B2c3D4e5F6" * 3
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJlLW9mLXRoZS10b2tlbg"


def test_no_secret_of_an_imported_recording_is_in_the_store(tmp_path):
    entry = copy.deepcopy(writers.CHROMIUM)
    entry["request"]["url"] += f"&access_token={TOKEN}"
    entry["request"]["headers"] += [
        {"name": "authorization", "value": f"Bearer {TOKEN}"},
        {"name": "cookie", "value": f"s={TOKEN}"},
    ]
    entry["request"]["postData"]["text"] = json.dumps({"password": TOKEN})
    entry["response"]["headers"].append({"name": "set-cookie", "value": f"id={TOKEN}; Path=/"})
    entry["response"]["content"]["text"] = json.dumps({"token": TOKEN, "jwt": JWT, "name": "lamp"})
    socket = copy.deepcopy(writers.CHROMIUM_SOCKET)
    socket["_webSocketMessages"][0]["data"] = json.dumps({"api_key": TOKEN})
    folder = tmp_path / "folder"

    outcome = import_har(folder, saved(tmp_path, entry, socket), now=1, notice=pytest.fail, change=HarSecrets(folder))

    everything = b"".join(path.read_bytes() for path in folder.iterdir() if path.is_file())
    assert TOKEN.encode() not in everything
    assert JWT.rpartition(".")[2].encode() not in everything
    with Store(folder) as store:
        first = store.exchange(outcome.first)
        body = json.loads(store.body(first.id, "response"))
        assert first.redacted > 1
        assert b"Bearer redacted-" in first.request_head
        assert first.target.count("redacted-") == 1
        assert body["token"].startswith("redacted-")
        assert body["name"] == "lamp"
        assert b"redacted-" in next(iter(store.messages(outcome.last))).payload


def test_what_holds_no_secret_stays_as_it_is(tmp_path):
    (tmp_path / "folder").mkdir()
    for entry in (writers.FIREFOX, writers.CHARLES, writers.MITMPROXY):
        (read,) = har.read(json.dumps({"log": {"entries": [entry]}}).encode())

        assert HarSecrets(tmp_path / "folder")(read) == read


def test_a_coded_body_is_coded_again(tmp_path):
    (tmp_path / "folder").mkdir()
    body = gzip.compress(json.dumps({"token": TOKEN}).encode())
    one = exchange(answered=[(b"Content-Encoding", b"gzip"), (b"Content-Type", b"application/json")], response=body)

    hidden = HarSecrets(tmp_path / "folder")(har.Imported(one, b"", body, ()))

    assert json.loads(gzip.decompress(hidden.response_body))["token"].startswith("redacted-")


def test_pseudonyms_stay_what_they_are(tmp_path):
    (tmp_path / "folder").mkdir()
    body = b'{"token":"redacted-0123456789abcdef"}'
    one = exchange(asked=[(b"Authorization", b"Bearer redacted-0123456789abcdef")], response=body)

    assert HarSecrets(tmp_path / "folder")(har.Imported(one, b"", body, ())) == (one, b"", body, (), ())
