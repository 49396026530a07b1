"""What puts secrets back: for an exchange, the messages of a WebSocket, and what is sent again; for no stranger's."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from tests.capture import writers
from tests.capture.making import begun, until
from tests.capture.test_importing import saved
from tests.capture.test_pseudonym import SECRET, passes
from tests.inspector.asking import ask, parts, window
from tests.inspector.test_api import got, refused
from tunnel.capture.har_secrets import HarSecrets
from tunnel.capture.importing import import_har
from tunnel.capture.recorder import Recorder
from tunnel.capture.store import Store
from tunnel.capture.vault import Vault
from tunnel.model.config import Keep
from tunnel.model.exchange import Side
from tunnel.model.pseudonym import PSEUDONYM
from tunnel.model.replay import Replayed, ReplayPlan

pytestmark = pytest.mark.anyio
TOKEN = b"ghp_" + b"a1B2c3" * 6


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    """Of a recorder that saw a secret (1), and its pseudonym, which a client sent (2)."""
    recorder = Recorder(tmp_path, Keep())
    recorder.start()
    passes(recorder, TOKEN, shown=False)
    until(lambda: recorder.statistics().written == 1)
    with Store(tmp_path) as store:
        (name,) = PSEUDONYM.findall(next(store.messages(1)).payload)
    passes(recorder, name, shown=False)
    recorder.stop(10)
    return recorder.vault


async def test_messages_are_shown_with_their_secrets(tmp_path: Path, vault: Vault) -> None:
    path = "/api/exchanges/{id}/reveal/messages"
    async with window(parts(tmp_path, reveal=vault.reveal)) as app:
        hidden = await got(app, "/api/exchanges/1/messages", "/api/exchanges/{id}/messages")
        told = await got(app, "/api/exchanges/1/reveal/messages?limit=1", path, method="POST")
        rest = await got(app, f"/api/exchanges/1/reveal/messages?after={told['next']}", path, method="POST")
        await refused(app, "/api/exchanges/99/reveal/messages", 404, path, method="POST")
    async with window(parts(tmp_path, reveal=Vault().reveal)) as app:
        gone = await got(app, "/api/exchanges/1/reveal/messages", path, method="POST")
    async with window(parts(tmp_path)) as app:
        await refused(app, "/api/exchanges/1/reveal/messages", 409, path, method="POST")

    assert TOKEN.decode() not in json.dumps(hidden)
    (first,), (second,) = told["messages"], rest["messages"]
    assert (first["text"], told["missing"]) == (f"say {TOKEN.decode()}", 0)
    assert base64.b64decode(second["payload"]) == base64.b64decode(second["base64"]) == b"\0" + TOKEN
    assert gone["missing"] == 2 and gone["messages"][0]["text"] == hidden["messages"][0]["text"]


async def test_a_pseudonym_that_a_client_sent_is_shown_as_it_came(tmp_path: Path, vault: Vault) -> None:
    async with window(parts(tmp_path, reveal=vault.reveal)) as app:
        whole = await got(app, "/api/exchanges/2/reveal", "/api/exchanges/{id}/reveal", method="POST")
        told = await got(app, "/api/exchanges/2/reveal/messages", "/api/exchanges/{id}/reveal/messages", method="POST")

    shown = json.dumps([whole, told]) + base64.b64decode(told["messages"][0]["payload"]).decode()
    assert TOKEN.decode() not in shown
    assert PSEUDONYM.search(whole["exchange"]["target"].encode())
    assert (whole["missing"], told["missing"]) == (0, 0)


async def replayed(folder: Path, vault: Vault, id: int, wish: Any = None) -> tuple[list[ReplayPlan], Any]:
    plans: list[ReplayPlan] = []

    async def send(plan: ReplayPlan) -> Replayed:
        plans.append(plan)
        return Replayed(0, 0, 0, 200, b"", b"", 0)

    async with window(parts(folder, reveal=vault.reveal, replay=send)) as app:
        answer = await ask(
            app, f"/api/exchanges/{id}/replay", method="POST", body={"to": "http://other:1", **(wish or {})}
        )
    return plans, answer


async def test_who_sends_a_clients_pseudonym_again_sends_it_as_it_came(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    vault, name = asked_twice(folder)

    (plan,), _ = await replayed(folder, vault, 1)
    (copied,), _ = await replayed(folder, vault, 2)
    (edited,), _ = await replayed(folder, vault, 2, {"target": f"/?password={name.decode()}"})
    none, refusal = await replayed(folder, Vault(), 1)

    assert plan.target == b"/?password=" + SECRET
    assert copied.target == b"/?password=" + name, "no secret is put in for it"
    assert SECRET not in copied.body and copied.body == b'{"token":"%b"}' % name
    assert edited.target == b"/?password=" + SECRET, "whoever may see secrets may write their pseudonyms"
    assert none == [] and refusal.status == 409 and "holds secrets in the target" in refusal.json["error"]


def asked_twice(folder: Path) -> tuple[Vault, bytes]:
    """Record a request with a secret (1), and one with its pseudonym in its place (2)."""
    recorder = Recorder(folder, Keep())
    recorder.start()
    name = SECRET
    for count in (1, 2):
        record = begun(recorder, b"/?password=" + name, method=b"POST")
        record.request_body.add(b'{"token":"%b"}' % name)
        record.ended = record.started
        recorder.close(record)
        until(lambda count=count: recorder.statistics().written == count)
        with Store(folder) as store:
            (name,) = set(PSEUDONYM.findall(store.body(1, Side.REQUEST)))
    recorder.stop(10)
    return recorder.vault, name


async def test_of_an_imported_recording_nothing_is_put_back(tmp_path: Path) -> None:
    """Whoever wrote it may have copied a pseudonym of ours into it, to have the secret sent or shown."""
    folder = tmp_path / "folder"
    vault, name = asked_twice(folder)
    entry = json.loads(json.dumps(writers.CHROMIUM))
    entry["request"]["url"] = f"https://app.test/?password={name.decode()}"
    import_har(folder, saved(tmp_path, entry), now=1, notice=pytest.fail, change=HarSecrets(folder))

    async with window(parts(folder, reveal=vault.reveal)) as app:
        told = await got(app, "/api/exchanges/3/reveal", "/api/exchanges/{id}/reveal", method="POST")
    plans, refusal = await replayed(folder, vault, 3)

    assert name.decode() in told["exchange"]["target"] and SECRET.decode() not in json.dumps(told)
    assert told["missing"] >= 1
    assert plans == [] and "holds secrets in the target" in refusal.json["error"]
