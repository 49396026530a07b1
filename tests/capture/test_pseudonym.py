"""Pseudonyms in what passes: nobody can put a real one into a request and have the secret put in for it."""

import itertools
import json
import struct
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.capture.making import PEER, response, until
from tests.capture.planted import SHAPES
from tests.capture.test_planted import Told
from tests.fuzz.inputs import load
from tunnel.capture.breath import Breath
from tunnel.capture.pseudonyms import Pseudonyms
from tunnel.capture.recorder import Recorder
from tunnel.capture.redact import redact
from tunnel.capture.redact_heads import Heads
from tunnel.capture.redact_pieces import Escape, Redaction
from tunnel.capture.redact_spans import found_in
from tunnel.capture.secret_shapes import MOST_SECRET
from tunnel.capture.store import Store
from tunnel.capture.tap import Record
from tunnel.capture.vault import Vault
from tunnel.http.heads import read_request
from tunnel.model.config import Keep
from tunnel.model.exchange import Side
from tunnel.model.pseudonym import PSEUDONYM, open_pseudonym, places

SECRET = b"hunter2hunter2"
# What readings look for, in any order: so they overlap.
MARKS = [b'"', b"'", b">", b"<x ", b"token='>' ", b":", b",", b"1234", b" ", b"{", b"}"]
PARTS = st.lists(st.sampled_from([*load("redaction").words, *MARKS]))


def made() -> tuple[Pseudonyms, Vault]:
    vault = Vault()
    return Pseudonyms(b"k" * 32, vault), vault


@settings(max_examples=300, deadline=None)
@given(PARTS.map(b"".join), st.booleans(), st.integers(40, 8192))
@example(b"<x " + b"token='>' " * 25 + b">", False, 8192)
def test_twice_is_once_and_everything_comes_back_whatever_the_readings_say(text: bytes, form: bool, size: int) -> None:
    hide, vault = made()
    once = redact(text, hide, form=form, fresh=True, size=size)

    assert redact(once, hide, form=form, size=size) == once
    assert vault.reveal(once) == (text, 0)

    ours = redact(text, hide, form=form, size=size)
    assert redact(ours, hide, form=form, size=size) == ours


@settings(max_examples=300, deadline=None)
@given(PARTS.map(b"".join))
def test_twice_is_once_for_heads_and_they_come_back(text: bytes) -> None:
    hide, vault = made()
    once = Heads(hide, vault, Breath(), fresh=True).head(text)

    assert Heads(hide, vault, Breath()).head(once) == once
    assert vault.reveal(once) == (text, 0)


def test_a_text_made_to_be_read_again_and_again_is_hidden_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each reading finds one more: with the value of the first attribute goes the bracket that seemed to end the tag."""
    monkeypatch.setattr("tunnel.capture.redact.ROUNDS", 3)
    hide, vault = made()
    text = b"<x " + b"token='>' " * 8 + b">"

    once = redact(text, hide)

    assert PSEUDONYM.sub(b"", once).strip() == b""
    assert redact(once, hide) == once
    assert vault.reveal(once) == (text, 0)


def test_a_number_within_json_within_json_is_quoted_as_deeply_and_comes_back() -> None:
    hide, vault = made()
    text = json.dumps({"a": json.dumps({"pin": 1234, "b": json.dumps({"pin": 5678})}), "pin": 9012}).encode()

    once = redact(text, hide)

    inner = json.loads(json.loads(once)["a"])
    assert inner["pin"].startswith("redacted-number-")
    assert json.loads(inner["b"])["pin"].startswith("redacted-number-")
    assert vault.reveal(once) == (text, 0)


def test_a_secret_longer_than_what_is_held_comes_back_from_its_parts() -> None:
    hide, vault = made()
    text = b'{"n":1,"token":"' + b"A1b2C3" * (MOST_SECRET // 2) + b'","after":2}'

    redaction = Redaction(hide)
    pieces = [redaction.feed(text[at : at + 4000], last=False) for at in range(0, len(text), 4000)]
    for out in (redact(text, hide), b"".join([*pieces, redaction.feed(b"", last=True)])):
        assert b"A1b2C3" not in out
        assert vault.reveal(out) == (text, 0)


CAME = [b"redacted-0123456789abcdef", b'"redacted-number-0123456789abcdef"', b'\\"redacted-number-0123456789abcdef\\"']


@pytest.mark.parametrize("came", CAME)
@pytest.mark.parametrize(
    "around", [b"see %b.", b'{"a":"%b","token":"x%bx"}', b"%b%b", b"GET /%b?token=%b HTTP/1.1\r\n"]
)
def test_one_that_came_is_hidden_like_a_secret_however_it_is_cut(came: bytes, around: bytes) -> None:
    text = around.replace(b"%b", came)
    hide, vault = made()
    for size in (1, 2, 3, 7, 30, 1000):
        redaction, escape = Redaction(hide, fresh=True), Escape(hide)
        for taker in (redaction, escape):
            pieces = [taker.feed(text[at : at + size], last=False) for at in range(0, len(text), size)]
            out = b"".join([*pieces, taker.feed(b"", last=True)])

            assert b"0123456789abcdef" not in out
            assert vault.reveal(out) == (text, 0)


@pytest.mark.parametrize("came", CAME)
def test_one_of_ours_is_final_and_stays_whole(came: bytes) -> None:
    hide, _ = made()
    assert [came[start:end] for start, end, _ in places(came)] == [came]
    for text in (b"token=%b", b'{"password":"ab%b cd"}', b"Authorization: Basic %b", b"<token>%b</token>"):
        out = redact(text % came, hide)
        assert came in out
    for cut in range(1, len(came)):
        assert open_pseudonym(b"x " + came[:cut]) <= 2 + len(came[:cut])
    assert {open_pseudonym(b"x " + came.strip(b'\\"')[:cut]) for cut in range(1, len(came.strip(b'\\"')))} == {2}


# Through the recorder


def image(text: bytes) -> bytes:
    chunk = b"tEXt" + b"Comment\0" + text
    return b"\x89PNG\r\n\x1a\n\0\0" + struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))


def passes(recorder: Recorder, word: bytes, *, shown: bool) -> Record:
    """Record an exchange in which a client and an upstream say a word wherever they can."""
    raw = (
        b"POST /%b?a=%b HTTP/1.1\r\nHost: app.test\r\nX-Note: %b\r\nCookie: sid=%b\r\n%b-token: 1\r\n"
        b"Content-Type: application/json\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"
    ) % (word, word, word, word, word)
    record = recorder.open(PEER, read_request(raw, target_size=1 << 14, header_count=200), time.perf_counter())
    record.sent, record.upstream = raw, "127.0.0.1:3000"
    if shown:
        recorder.show(record)
    record.request_body.add(b'{"note":"see %b","password":"%b"}' % (word, word))
    record.response = response(101, b"Content-Type: image/png\r\nETag: %b\r\n" % word)
    record.returned = record.response.raw
    picture = image(word)
    for at in range(0, len(picture), 30):
        record.response_body.add(picture[at : at + 30])
        if shown:
            until(lambda: not record.response_body.pieces)
    record.watch = Told([(True, "text", b"say " + word), (False, "binary", b"\0" + word)])
    record.passed(True, time.perf_counter(), b"xx")
    record.ended = time.perf_counter()
    recorder.close(record)
    return record


def parts_of(store: Store, id: int) -> Iterator[bytes]:
    exchange = store.exchange(id)
    assert exchange is not None
    yield from (exchange.request_head, exchange.sent_head, exchange.response_head, exchange.returned_head)
    yield exchange.target.encode()
    yield from (store.body(id, Side.REQUEST), store.body(id, Side.RESPONSE))
    yield from (message.payload for message in store.messages(id))


@pytest.mark.parametrize("shown", [False, True])
def test_a_real_pseudonym_that_a_client_sends_is_never_taken_for_the_secret(tmp_path: Path, shown: bool) -> None:
    recorder = Recorder(tmp_path, Keep())
    recorder.start()
    first = passes(recorder, SECRET, shown=False)
    until(lambda: recorder.statistics().written == 1)
    with Store(tmp_path) as store:
        (name,) = set(PSEUDONYM.findall(store.body(first.id, Side.REQUEST)))
        assert recorder.vault.reveal(name) == (SECRET, 0)
        second = passes(recorder, name, shown=shown)
        until(lambda: recorder.statistics().written == 2)
        stored = list(parts_of(store, second.id))
        told = [recorder.vault.reveal(part) for part in stored]
    recorder.stop(10)

    assert len(stored) == 9
    for part, (real, missing) in zip(stored, told, strict=True):
        assert name not in part, "what a client sent is hidden"
        assert SECRET not in real and not missing
    everything = b"".join(real for real, _ in told)
    assert everything.count(name) == 5 + 5 + 1 + 1 + 2 + 2 + 1 + 2, "each is shown as it came"


@pytest.mark.parametrize("make", SHAPES)
def test_a_first_look_and_a_second_agree_on_every_shape(make) -> None:
    hide, vault = made()
    texts, _ = zip(*itertools.islice((make(number) for number in itertools.count()), 3), strict=True)
    text = "\n".join(texts).encode()

    once = redact(text, hide, fresh=True)

    assert once != text and redact(once, hide) == once
    assert vault.reveal(once) == (text, 0)
    assert all(once[span.start : span.end] for span, _ in found_in(once, False, False))
