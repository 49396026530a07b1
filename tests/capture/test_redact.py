"""Redact: what is hidden, what is left alone, and that neither depends on how a text is cut."""

import hmac
import json
import multiprocessing
import os
import re
import time
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.capture.ordinary import BODIES, HEADS, TARGETS
from tests.capture.planted import NAMES, SHAPES
from tunnel.capture.breath import FEW, Breath
from tunnel.capture.pseudonyms import Pseudonyms, load_or_make
from tunnel.capture.redact import redact
from tunnel.capture.redact_heads import Heads
from tunnel.capture.redact_pieces import SLICE, Redaction
from tunnel.capture.redact_spans import hidden
from tunnel.capture.secret_names import Kind, field_kind, name_kind
from tunnel.capture.secret_shapes import MOST_SECRET
from tunnel.capture.secret_values import may_name
from tunnel.capture.vault import Vault
from tunnel.model.pseudonym import PSEUDONYM


def hide(secret: bytes, bare: bool = False) -> bytes:
    return b"redacted-" + hmac.digest(b"key", b"#" * bare + secret, "sha256")[:8].hex().encode()


P = hide(b"hunter2")
CASES = [
    (b'{"password":"hunter2","n":1}', b'{"password":"%b","n":1}' % P),
    (b'{"password" : "hunter2"}', b'{"password" : "%b"}' % P),
    (b'{"a":"{\\"token\\":\\"hunter2\\",\\"b\\":1}"}', b'{"a":"{\\"token\\":\\"%b\\",\\"b\\":1}"}' % P),
    (b'{"secret":"a\\"b\\\\"}', b'{"secret":"%b"}' % hide(b'a\\"b\\\\')),
    (b'{"pin":1234,"x":5}', b'{"pin":"%b","x":5}' % hide(b"1234", True)),
    (b'{"tokens":["abcdefabcdef1234567","y"]}', b'{"tokens":["%b","y"]}' % hide(b"abcdefabcdef1234567")),
    (b"/x?token=hunter2&a=1", b"/x?token=%b&a=1" % P),
    (b"/cb?code=SplxlOBeZQQYbYS6WxSbIA&x=1", b"/cb?code=%b&x=1" % hide(b"SplxlOBeZQQYbYS6WxSbIA")),
    (b"see https://bob:hunter2@host/x", b"see https://bob:%b@host/x" % P),
    (b"DB_PASSWORD=hunter2\nX=1", b"DB_PASSWORD=%b\nX=1" % P),
    (b'<input type="hidden" name="csrf_token" value="hunter2">', b'<input type="hidden" name="csrf_token" value="%b">' % P),
    (b'<x:Password Type="y#z">hunter2</x:Password>', b'<x:Password Type="y#z">%b</x:Password>' % P),
    (b"<password>hunter2</password>", b"<password>%b</password>" % P),
    (b'{"name":"X-Api-Key","value":"hunter2"}', b'{"name":"X-Api-Key","value":"%b"}' % P),
    (b'{"Authorization":"Bearer hunter2"}', b'{"Authorization":"Bearer %b"}' % P),
    (b'--x\r\nContent-Disposition: form-data; name="password"\r\n\r\nhunter2\r\n--x--',
     b'--x\r\nContent-Disposition: form-data; name="password"\r\n\r\n%b\r\n--x--' % P),
    (b"-----BEGIN EC PRIVATE KEY-----\\nhunter2\\n-----END EC PRIVATE KEY-----\\n",
     b"-----BEGIN EC PRIVATE KEY-----\\n%b\\n-----END EC PRIVATE KEY-----\\n" % P),
    (b'{"a":"{\\"b\\":\\"-----BEGIN PRIVATE KEY-----\\\\nhunter2\\\\n-----END PRIVATE KEY-----\\\\n\\"}"}',
     b'{"a":"{\\"b\\":\\"-----BEGIN PRIVATE KEY-----\\\\n%b\\\\n-----END PRIVATE KEY-----\\\\n\\"}"}' % P),
    (b"a eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl b",
     b"a eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.%b b" % hide(b"c2lnbmF0dXJl")),
]  # fmt: skip


@pytest.mark.parametrize(("text", "wanted"), CASES)
def test_a_secret_is_replaced_and_what_is_around_it_stays(text: bytes, wanted: bytes) -> None:
    assert redact(text, hide) == wanted


@pytest.mark.parametrize(("text", "wanted"), CASES)
@pytest.mark.parametrize("size", [1, 2, 3, 7, 20])
def test_a_secret_that_lies_across_pieces_is_replaced_whole(text: bytes, wanted: bytes, size: int) -> None:
    redaction = Redaction(hide)

    out = [redaction.feed(text[at : at + size], last=False) for at in range(0, len(text), size)]

    assert b"".join([*out, redaction.feed(b"", last=True)]) == wanted


@pytest.mark.parametrize("make", SHAPES)
def test_a_shape_that_the_end_cuts_short_is_hidden_as_far_as_it_is_there(make) -> None:
    text, secret = make(7)
    begin = text.index(secret)
    for keep in range(8, len(secret) - 1, 5):
        cut = text[: begin + keep]
        if "://" in text or "Q~" in text or "Bearer" in text:  # known by what follows them, or by their length
            continue
        out = redact(b"x " + cut.encode(), hide, cut=True)
        assert secret[:keep].encode() not in out or keep < 20, (cut, out)


def test_equal_secrets_have_equal_pseudonyms_wherever_they_stand() -> None:
    text = b'{"token":"s3cr3t-v4lue"} /x?token=s3cr3t-v4lue&a TOKEN=s3cr3t-v4lue\n'

    assert set(PSEUDONYM.findall(redact(text, hide))) == {hide(b"s3cr3t-v4lue")}


@pytest.mark.parametrize("target", TARGETS)
def test_ordinary_targets_stay(target: bytes) -> None:
    assert redact(target, hide) == target


def test_of_ordinary_traffic_nothing_is_replaced(record_property) -> None:
    """How often something was replaced that is no secret; docs/redaction.md tells the number."""
    heads = Heads(Pseudonyms(b"k" * 32, Vault()), Vault(), Breath())
    wrong = [head for head in HEADS if heads.head(head) != head]
    for kind, body in BODIES:
        if redact(body, hide, form="urlencoded" in kind) != body:
            wrong.append(redact(body, hide))
    record_property("false positives", len(wrong))
    print(f"false positives: {len(wrong)} in {len(HEADS) + len(BODIES)} heads and bodies")

    assert wrong == []


HTTP_FIELDS = [
    (b"Authorization: Bearer abc\r\n", b"Authorization: Bearer %b\r\n" % hide(b"abc")),
    (b"Authorization: Basic dXNlcjpwYXNz\r\n", b"Authorization: Basic %b\r\n" % hide(b"dXNlcjpwYXNz")),
    (b"authorization:abc\r\n", b"authorization:%b\r\n" % hide(b"abc")),
    (b"Cookie: a=b; c=\"d e\"; empty=\r\n", b'Cookie: a=%b; c="%b"; empty=\r\n' % (hide(b"b"), hide(b"d e"))),
    (b"Set-Cookie: sid=b; Path=/; Expires=Sat, 21 Nov 2026\r\n",
     b"Set-Cookie: sid=%b; Path=/; Expires=Sat, 21 Nov 2026\r\n" % hide(b"b")),
    (b"X-Api-Key: abc\r\nAccept: */*\r\n", b"X-Api-Key: %b\r\nAccept: */*\r\n" % hide(b"abc")),
]  # fmt: skip


@pytest.mark.parametrize(("field", "wanted"), HTTP_FIELDS)
def test_names_schemes_and_attributes_of_fields_stay(field: bytes, wanted: bytes) -> None:
    pseudonyms = Pseudonyms(b"k", Vault())
    for secret in re.findall(rb"redacted-[0-9a-f]{16}", wanted):
        assert secret
    heads = Heads(pseudonyms, Vault(), Breath())
    heads.hide = hide  # type: ignore[assignment]
    heads.hide.found = set()  # type: ignore[attr-defined]

    assert heads.block(field) == wanted
    assert heads.block(wanted) == wanted
    assert heads.block(field) == wanted


@pytest.mark.parametrize(
    ("head", "wanted"),
    [
        (b"GET /x?authorization:hunter2hunter2 HTTP/1.1\r\n\r\n", b"GET /x?authorization:%b HTTP/1.1\r\n\r\n"),
        (b"GET /x?token=hunter2 HTTP/1.1\r\n\r\n", b"GET /x?token=%b HTTP/1.1\r\n\r\n"),
        (b"HTTP/1.1 200 your token=hunter2\r\n\r\n", b"HTTP/1.1 200 your token=%b\r\n\r\n"),
        (b"token: hunter2\r\n\r\n", b"token: %b\r\n\r\n"),
        (b"password: hunter2", b"password: %b"),
    ],
)
def test_of_a_first_line_the_target_is_read_by_itself_and_what_is_none_as_any_text(head: bytes, wanted: bytes) -> None:
    vault = Vault()
    hide = Pseudonyms(b"k" * 32, vault)

    done = Heads(hide, vault, Breath()).head(head)

    assert done == wanted % hide(b"hunter2hunter2" if b"hunter2hunter2" in head else b"hunter2")


@pytest.mark.parametrize("name", NAMES)
def test_a_secret_name_is_one_however_it_is_written(name: str) -> None:
    for written in (name, name.lower(), name.upper().replace("-", "_"), name.replace("_", "-")):
        assert name_kind(written.encode(), False) is not Kind.NONE, written


@pytest.mark.parametrize(
    "name",
    [
        "author",
        "monkey",
        "keyboard",
        "token_type",
        "code",
        "key",
        "state",
        "passenger",
        "tokenizer",
        "name",
        "t",
    ],
)
def test_a_name_that_only_looks_like_one_is_none(name: str) -> None:
    assert name_kind(name.encode(), False) is Kind.NONE


LAST = (
    "password", "pwd", "token", "api_key", "accessTokens", "session", "sess_id", "pass_phrase", "saml_response", "csrf",
    "pin", "key", "code", "state", "cvv2",
)  # fmt: skip


@pytest.mark.parametrize("last", LAST)
@pytest.mark.parametrize("way", ["%s", "my-%s", "user[%s]", "a.%s", "%s2", "%s-2", "%s[2]", "user%%5B%s%%5D", "old_%s"])
def test_no_secret_name_is_missed_by_the_look_whether_it_is_worth_to_read(last: str, way: str) -> None:
    for name in {way % last, (way % last).replace("_", "-"), (way % last).replace("_", ""), (way % last).upper()}:
        for in_query, text in ((True, f"/x?{name}=a"), (False, f'{{"{name}":"a"}}')):
            if name_kind(name.encode(), in_query) is not Kind.NONE:
                assert may_name(text.encode()), text


@pytest.mark.parametrize("name", [b"sec-websocket-key", b"idempotency-key", b"etag", b"accept", b"www-authenticate"])
def test_fields_that_are_no_secret_stay(name: bytes) -> None:
    assert field_kind(name) is Kind.NONE


VALUES = st.text(
    st.characters(min_codepoint=33, max_codepoint=0x2FF, exclude_characters='"\\<>&'), min_size=4, max_size=40
)
SECRETS = st.one_of(st.builds(lambda make, n: make(n)[0], st.sampled_from(SHAPES), st.integers(0, 10**6)), VALUES)
KEYS = st.one_of(st.sampled_from(NAMES), st.text(max_size=8))
DOCUMENTS = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=20), SECRETS),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(KEYS, inner, max_size=4)),
    max_leaves=20,
)


@settings(max_examples=int(os.environ.get("TUNNEL_EXAMPLES", "300")), deadline=None)
@given(DOCUMENTS, st.integers(1, 60))
def test_json_stays_json_of_the_same_form_and_twice_is_once(document: object, size: int) -> None:
    text = json.dumps(document).encode()
    once = redact(text, hide)

    assert _form(json.loads(once)) == _form(document)
    assert redact(once, hide) == once

    redaction = Redaction(hide)
    pieces = [redaction.feed(text[at : at + size], last=False) for at in range(0, len(text), size)]
    cut = b"".join([*pieces, redaction.feed(b"", last=True)])
    assert _form(json.loads(cut)) == _form(document)


def _form(value: object) -> object:
    match value:
        case dict():
            return {
                PSEUDONYM.sub(b"", key.encode("utf-8", "surrogatepass")): _form(inner) for key, inner in value.items()
            }
        case list():
            return [_form(inner) for inner in value]
        case _:
            return None


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.sampled_from(NAMES), VALUES, min_size=1, max_size=4))
def test_what_a_secret_name_has_is_hidden_in_json_and_comes_back(document: dict[str, str]) -> None:
    vault = Vault()
    text = json.dumps(document, ensure_ascii=False).encode()
    out = redact(text, Pseudonyms(b"k" * 32, vault))

    assert vault.reveal(out) == (text, 0)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300), st.integers(1, 50), st.booleans())
@example(b"\xff" * 300, 7, False)
def test_any_bytes_pass_and_none_is_lost(data: bytes, size: int, form: bool) -> None:
    vault = Vault()
    redaction = Redaction(Pseudonyms(b"k" * 32, vault), form=form)
    out = [redaction.feed(data[at : at + size], last=False) for at in range(0, len(data), size)]
    whole = b"".join([*out, redaction.feed(b"", last=True)])

    if not PSEUDONYM.search(data):
        assert vault.reveal(whole) == (data, 0)


@settings(max_examples=200, deadline=None)
@given(st.text(st.sampled_from("abcdefgh .,\n{}[]()"), max_size=400))
def test_text_without_a_name_or_a_shape_is_the_same_object(text: str) -> None:
    data = text.encode()

    assert redact(data, hide) is data


def test_a_secret_longer_than_what_is_held_is_not_kept_at_all() -> None:
    secret = b"A1b2C3" * (MOST_SECRET // 3)
    redaction = Redaction(hide)
    text = b'{"n":1,"token":"' + secret + b'","after":2}'

    out = [redaction.feed(text[at : at + 4000], last=False) for at in range(0, len(text), 4000)]
    whole = b"".join([*out, redaction.feed(b"", last=True)])

    assert b"A1b2C3" not in whole
    assert whole.endswith(b'","after":2}')
    assert redaction.held == 0


def test_of_two_secrets_that_overlap_the_first_is_held_back_with_the_second() -> None:
    """The second may go on, so it waits; the first, which lies across its beginning, must not go out as it came."""
    redaction = Redaction(hide)
    key = b"MIIEvQIBADANBgkqhkiG9w0B"

    out = redaction.feed(b"-----BEGIN PRIVATE KEY-----\n" + key + b"\ncookie: a=b1c2d3e4f5%-----END x", last=False)

    assert key not in out + redaction.feed(b" more\n", last=True)


def test_a_long_body_is_looked_at_a_slice_at_a_time() -> None:
    pauses: list[int] = []
    text = b'{"a":"b","note":"nothing to hide here"},' * 5000

    assert Redaction(hide).feed(text, last=True, pause=lambda: pauses.append(1)) == text
    assert len(pauses) == (len(text) - 1) // SLICE


DENSE = [
    b'{"password":"hunter2","token":"abc"},', b"&token=%d&password=b", b"ghp_" + b"a1B2" * 9 + b" ",
    b'"tokens":["abcdefabcdef1234567","bbcdefabcdef1234567"],', b"://bob:hunter2@h ", b"<password>abc</password>",
]  # fmt: skip


@pytest.mark.parametrize("part", DENSE)
def test_not_more_than_a_few_secrets_are_hidden_between_two_breaths(part: bytes) -> None:
    """However full of them a body is, the lock is given away after some microseconds more than `breath.LONGEST`."""
    since, most, count = 0, 0, 0

    def counted(secret: bytes, bare: bool = False) -> bytes:
        nonlocal since, most, count
        since, count = since + 1, count + 1
        most = max(most, since)
        return hide(secret, bare)

    def pause() -> None:
        nonlocal since
        since = 0

    redact(part * (100_000 // len(part)), counted, form=True, pause=pause)

    assert count > 1500 and most <= FEW + 1


HOSTILE = [
    b"-----BEGIN PRIVATE KEY-----", b'"password":"', b"password=", b"token:", b"://a:", b"://a:b", b"eyJaaaa.",
    b"eyJaaaa.eyJaaaa.", b"<password ", b"<password>", b"ghp_", b"Bearer ", b'name="password"\r\n', b'\\"', b"a" * 30 + b".",
    b"[", b'"tokens":[', b"key" + b"\\" * 20, b"authorization:", b"sk-aA", b"&amp;", b"\r\n", b"AA:", b"=" * 9, b"'",
    b"<![CDATA[", b"%5B", b"session='", b'"key":"', b"name='", b"ghp_" + b"a" * 40, b"<a>", b"cookie=",
]  # fmt: skip


@pytest.mark.parametrize(
    "part",
    [pytest.param(part, marks=pytest.mark.long) if part in (b"token:", b"password=") else part for part in HOSTILE],
)
def test_hostile_text_takes_no_longer_than_twenty_times_as_much_for_twenty_times_as_much(part: bytes) -> None:
    """Generously: a pattern that goes back over and over would take four hundred times as long."""

    def seconds(size: int) -> float:
        text = (part * (size // len(part) + 1))[:size]
        best = 9e9
        for _ in range(3):
            begun = time.process_time()
            Redaction(hide).feed(text, last=True)
            best = min(best, time.process_time() - begun)
        return best

    assert seconds(400_000) < 20 * 4 * max(seconds(20_000), 0.002)


def test_a_jwt_keeps_its_claims_and_a_masked_value_stays() -> None:
    token = b"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"

    assert hidden(token, Kind.VALUE, hide) == token.rpartition(b".")[0] + b"." + hide(b"c2lnbmF0dXJl")
    assert hidden(hide(b"x"), Kind.VALUE, hide) == hide(b"x")


def test_the_vault_gives_back_what_it_has_and_counts_what_it_has_not() -> None:
    vault = Vault(size=3 * 300)
    names = [b"redacted-%016x" % number for number in range(5)]
    for name in names:
        vault.put(name, b"secret-" + name[-1:])
    text = b'{"a":"%b","b":"%b","c":"%b","d":"%b"}' % (names[0], names[1], names[4], names[0])

    revealed, missing = vault.reveal(text)

    assert missing == 2  # the first two have left
    assert b'"c":"secret-4"' in revealed and names[0] in revealed
    assert len(vault) == 3


def test_a_number_comes_back_as_a_number() -> None:
    vault = Vault()

    out = redact(b'{"pin":1234,"token":"1234"}', Pseudonyms(b"k" * 32, vault))

    assert json.loads(out)["pin"] != json.loads(out)["token"]
    assert vault.reveal(out) == (b'{"pin":1234,"token":"1234"}', 0)


def test_the_one_used_last_stays_in_the_vault() -> None:
    vault = Vault(size=2 * 300)
    vault.put(b"redacted-%016x" % 1, b"one")
    vault.put(b"redacted-%016x" % 2, b"two")
    assert vault.touch([b"redacted-%016x" % 1])
    vault.put(b"redacted-%016x" % 3, b"three")

    assert vault.touch([b"redacted-%016x" % 1]) and not vault.touch([b"redacted-%016x" % 2])


def _key(folder: str) -> bytes:
    return load_or_make(Path(folder))


def test_several_processes_at_once_share_one_key_that_only_its_owner_reads(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        keys = pool.map(_key, [str(folder)] * 12)

    assert len(set(keys)) == 1 and len(keys[0]) == 32
    assert [path.name for path in folder.iterdir()] == ["pseudonyms.key"]
    assert (folder / "pseudonyms.key").stat().st_mode & 0o777 == 0o600


def test_a_damaged_key_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "pseudonyms.key").write_bytes(b"short")

    assert load_or_make(tmp_path) == load_or_make(tmp_path) != b"short"
