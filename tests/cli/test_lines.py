"""One exchange as one line: what it says, and what it never does to a terminal."""

import io
import json
import os
import re
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.capture.making import until
from tunnel.cli.lines import Look, duration, fields, iso, json_line, line, look_of, paint, safe, size, wrapped
from tunnel.cli.live import AT_ONCE, MOST_LINES, LivePrinter
from tunnel.model.exchange import Summary

PLAIN = Look()
SUMMARY = Summary(
    id=42, revision=7, state="done", started=1_700_000_000_123_456, ended=3_100, method="GET", host="app.test",
    target="/path?x=1", status=200, upgrade="", type="text/html", request_size=0, response_size=1_234, messages=0,
    caller="curl", caller_pid=4711, error="", fault="", parent=0, source="", device="", rule="",
)  # fmt: skip
ANSI = re.compile(r"\x1b\[\d+m")
LETTERS = st.text(st.characters(codec=None), max_size=40)


def test_a_line_says_who_asked_for_what_and_what_came():
    text = line(SUMMARY, PLAIN)

    assert re.fullmatch(
        r" +42  \d\d:\d\d:\d\d\.123  GET      /path\?x=1  200 +3\.1 ms  ↑ +0 B ↓ 1\.2 kB  curl 4711", text
    )


def test_lines_are_aligned_and_no_wider_than_the_terminal():
    look = Look(width=100)
    lines = [
        line(SUMMARY._replace(target="/" + "x" * n, method=m), look) for n in (1, 30, 500) for m in ("GET", "DELETE")
    ]

    assert {text.index("curl") for text in lines} == {lines[0].index("curl")}
    assert max(map(len, lines)) <= 100


def test_a_long_path_keeps_its_beginning_and_its_end():
    text = line(SUMMARY._replace(target="/service/" + "x" * 500 + "/thing.js"), Look(width=110))

    assert "/service/" in text and "…" in text and "thing.js" in text


def test_a_failure_says_whose_it_is():
    failed = SUMMARY._replace(state="failed", status=502, error="nothing listens on localhost:3000", fault="upstream")

    assert line(failed, PLAIN).endswith("upstream: nothing listens on localhost:3000")


def test_a_device_of_a_share_is_named_with_the_rule_that_let_it_in_and_commands_no_terminal():
    shared = SUMMARY._replace(device="Pixel 9\x1b[2J", rule="pairing", caller="", caller_pid=0)

    assert line(shared, PLAIN).endswith("Pixel 9\\x1b[2J (pairing)")
    assert fields(shared)["device"] == "Pixel 9\x1b[2J"
    assert "\x1b" not in json_line(shared)


def test_a_replay_says_what_it_repeats():
    again = SUMMARY._replace(parent=12)

    assert line(again, PLAIN).endswith("↻ 12  curl 4711")
    assert json.loads(json_line(again))["parent"] == 12


def test_a_conversation_is_open_and_then_has_a_length():
    opened = SUMMARY._replace(state="running", status=101, upgrade="websocket", ended=None)
    closed = opened._replace(state="done", ended=125_000_000, messages=12)

    assert "  open  " in line(opened, PLAIN)
    assert "2 min 05 s" in line(closed, PLAIN) and "websocket, 12 messages" in line(closed, PLAIN)
    assert line(opened._replace(state="interrupted"), PLAIN).endswith("interrupted")


@given(target=LETTERS, method=LETTERS, caller=LETTERS, error=LETTERS, upgrade=LETTERS, width=st.integers(0, 200))
def test_nothing_from_traffic_commands_the_terminal(target, method, caller, error, upgrade, width):
    summary = SUMMARY._replace(
        target=target, method=method, caller=caller, error=error, upgrade=upgrade, fault="client", state="failed"
    )
    text = ANSI.sub("", line(summary, Look(width, colour=True)))

    assert safe(text) == text
    text.encode()


@given(LETTERS)
def test_safe_text_has_no_controls_and_stays_as_it_is(text):
    once = safe(text)

    assert once == safe(once)
    assert not any(ord(c) < 32 or 0x7F <= ord(c) < 0xA0 or 0xD800 <= ord(c) < 0xE000 for c in once)
    assert "\u202e" not in once


def test_safe_text_shows_what_was_there():
    assert safe("\x1b]0;owned\x07\n") == "\\x1b]0;owned\\x07\\x0a"
    assert safe("a\n\tb\r", lines=True) == "a\n\tb\\x0d"
    assert safe("héllo 👩‍🔬 …") == "héllo 👩‍🔬 …"


@given(target=st.text(st.characters(codec="latin-1")), error=st.text(st.characters(codec="utf-8")))
def test_a_json_line_is_one_line_and_reads_back(target, error):
    text = json_line(SUMMARY._replace(target=target, error=error))
    value = json.loads(text)

    assert len(text.splitlines()) == 1 and safe(text) == text
    assert (value["target"], value["error"]) == (target, error)


def test_the_keys_of_a_json_line_are_kept():
    assert json.loads(json_line(SUMMARY)) == {
        "id": 42, "state": "done", "started": "2023-11-14T22:13:20.123456Z", "duration_ms": 3.1, "method": "GET",
        "host": "app.test", "target": "/path?x=1", "status": 200, "upgrade": "", "type": "text/html", "request_bytes": 0,
        "response_bytes": 1234, "messages": 0, "caller": "curl", "caller_pid": 4711, "error": "", "fault": "",
        "parent": 0, "device": "", "rule": "",
    }  # fmt: skip


@pytest.mark.parametrize(
    "micros, text",
    [(0, "0.0 ms"), (340, "0.3 ms"), (9_949, "9.9 ms"), (9_950, "10 ms"), (999_499, "999 ms"), (999_500, "1.00 s"),
     (59_994_999, "59.99 s"), (59_995_000, "1 min 00 s"), (7_500_000_000, "2 h 05 min")],
)  # fmt: skip
def test_durations(micros, text):
    assert duration(micros) == text


@pytest.mark.parametrize(
    "count, text",
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (9_950, "10 kB"), (999_500, "1.0 MB"), (10**16, "10000 TB")],
)
def test_sizes(count, text):
    assert size(count) == text


def test_times_are_in_utc_for_programs():
    assert iso(0) == "1970-01-01T00:00:00.000000Z"


def test_a_pipe_gets_no_colour_and_an_old_encoding_no_arrows():
    look = look_of(io.TextIOWrapper(io.BytesIO(), "ascii"))

    assert (look.width, look.colour) == (0, False)
    line(SUMMARY, look).encode("ascii")


class Pipe:
    """A pipe's two ends, the writing one as a text stream."""

    def __init__(self):
        self.reading, writing = os.pipe()
        self.stream = os.fdopen(writing, "w", encoding="utf-8")

    def lines(self):
        with os.fdopen(self.reading, encoding="utf-8") as reader:
            return reader.read().splitlines()


@pytest.fixture
def pipe():
    pipe = Pipe()
    yield pipe
    if not pipe.stream.closed:
        pipe.stream.close()


def test_the_printer_prints_a_long_exchange_twice_and_others_once(pipe):
    printer = LivePrinter(pipe.stream)
    opened = SUMMARY._replace(id=1, state="running", ended=None)
    printer.show([opened, SUMMARY])
    printer.show([opened._replace(messages=1)])
    printer.show([opened._replace(state="done", ended=5)])
    printer.stop(5)
    pipe.stream.close()

    assert [text.split()[0] for text in pipe.lines()] == ["1", "42", "1"]


def test_a_terminal_that_stands_still_stops_nobody_and_is_told_what_it_missed(pipe):
    printer = LivePrinter(pipe.stream)
    for _ in range(50):  # far more than a pipe holds
        printer.show([SUMMARY] * 1000)
    printer.stop(0.01)
    assert len(printer._waiting) <= MOST_LINES

    found = []
    reader = threading.Thread(target=lambda: found.extend(pipe.lines()))
    reader.start()
    printer.stop(10)
    pipe.stream.close()
    reader.join()
    missed = [int(text.split()[1]) for text in found if "not shown" in text]
    assert len(found) - len(missed) + sum(missed) == 50_000
    assert AT_ONCE < len(found) < 5000


def test_a_reader_that_leaves_ends_the_printing_quietly(pipe):
    printer = LivePrinter(pipe.stream)
    os.close(pipe.reading)
    printer.show([SUMMARY])
    printer._thread.join(5)

    assert not printer._thread.is_alive()
    printer.show([SUMMARY] * (MOST_LINES + 1))
    printer.stop(1)


def test_the_printer_takes_lines_of_others_in_their_turn(pipe):
    printer = LivePrinter(pipe.stream, as_json=True)
    printer.show([SUMMARY])
    printer.say("stopped")
    until(lambda: not printer._waiting)
    printer.stop(5)
    pipe.stream.close()

    first, second = pipe.lines()
    assert json.loads(first)["id"] == 42 and second == "stopped"


def test_a_foot_stays_behind_all_lines_and_leaves_nothing_behind_when_it_goes(pipe):
    printer = LivePrinter(pipe.stream)
    printer.say("one")
    printer.foot("allow? ")
    until(lambda: printer._stands)
    printer.say("two")
    until(lambda: not printer._waiting)
    printer.foot("")
    until(lambda: not printer._stands)
    printer.say("three")
    printer.stop(5)
    pipe.stream.close()
    with os.fdopen(pipe.reading, encoding="utf-8", newline="") as reader:
        told = reader.read()

    screen = "one\nallow? \r\x1b[Ktwo\nallow? \r\x1b[Kthree\n"
    assert told == screen


def test_a_foot_is_a_stranger_to_lines_where_there_is_none(pipe):
    printer = LivePrinter(pipe.stream)
    printer.foot("")
    printer.show([SUMMARY])
    printer.stop(5)
    pipe.stream.close()

    (only,) = pipe.lines()
    assert only == line(SUMMARY, PLAIN)


@given(st.text("ab -", max_size=200), st.integers(1, 60))
def test_a_sentence_is_broken_between_words_and_none_is_lost(text, width):
    broken = wrapped(text, Look(width)).split("\n")

    assert " ".join(broken).split() == text.split()
    indent = len(text) - len(text.lstrip(" "))
    longest = indent + max(map(len, text.split()), default=0)
    assert all(len(text) <= max(width, longest) for text in broken) or len(text) <= width


def test_a_command_and_a_link_are_never_broken_by_us():
    link = "https://192.0.2.1:62893/.tunnel/join?token=" + "x" * 60

    assert wrapped("longer, if you want it: tunnel share extend 30m; at once: Ctrl-C", Look(40)).split("\n") == [
        "longer, if you want it:", "  tunnel share extend 30m; at once:", "  Ctrl-C",
    ]  # fmt: skip
    assert wrapped(f"open it: {link}", Look(40)) == f"open it:\n{link}"
    assert wrapped(f"open it: {link}", PLAIN) == f"open it: {link}"


def test_what_is_set_in_stays_so():
    assert wrapped("  only from here; not from there", Look(20)).split("\n") == [
        "  only from here;",
        "    not from there",
    ]


def test_colours_take_no_room():
    text = paint("seven and eight", "1;31", Look(15, colour=True))

    assert wrapped(text, Look(15)) == text
