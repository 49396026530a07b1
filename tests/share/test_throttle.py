"""The throttle: what holds whatever is tried, by whomever, and however the clock goes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tunnel.share.throttle import ALL_FREE, FIRST_LOCK, LOCKED_AFTER, LONGEST_FOR_ALL, LONGEST_LOCK, MOST, Throttle

NOW = 1_700_000_000.0
TRIES = st.lists(
    st.tuples(st.sampled_from(("a", "b", "c")), st.floats(-100.0, 1000.0), st.booleans()), min_size=1, max_size=60
)


def test_a_lock_out_grows_and_stays_below_an_hour():
    throttle, now = Throttle(), NOW
    locked = []
    for _ in range(LOCKED_AFTER + 6):
        while throttle.begin("a", now):
            now += 60.0
        locked.append(throttle.locked("a", now))

    assert locked == [0.0] * (LOCKED_AFTER - 1) + [300.0, 600.0, 1200.0, 2400.0, 3600.0, 3600.0, 3600.0]


def test_the_first_tries_are_free_and_then_each_wait_is_longer():
    throttle, now = Throttle(), NOW
    waits = []
    for _ in range(LOCKED_AFTER):
        assert throttle.begin("a", now) == 0.0
        wait = throttle.locked("a", now) or _wait_of(throttle, now)
        waits.append(wait)
        now += wait

    assert waits == [0.0, 0.0, 0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, FIRST_LOCK]


def _wait_of(throttle: Throttle, now: float) -> float:
    tries = throttle._origins["a"]
    return max(tries.until - now, 0.0)


def test_a_try_that_is_sent_away_does_not_count():
    throttle = Throttle()
    for _ in range(4):
        throttle.begin("a", NOW)
    for _ in range(1000):
        assert throttle.begin("a", NOW) == 1.0
    assert throttle.begin("a", NOW + 1.0) == 0.0


def test_a_right_try_is_given_back():
    throttle = Throttle()
    for _ in range(100):
        assert throttle.begin("a", NOW) == 0.0
        throttle.right("a", NOW)


def test_all_strangers_together_are_held_up_but_never_for_long():
    throttle = Throttle()
    begun = sum(throttle.begin(f"stranger {n}", NOW) == 0.0 for n in range(10_000))
    assert begun == ALL_FREE + 1
    now = NOW
    for number in range(1000):
        wait = throttle.begin(f"another {number}", now)
        assert wait <= LONGEST_FOR_ALL
        now += wait or 0.1


def test_a_friend_is_not_held_up_by_strangers():
    throttle = Throttle()
    throttle.begin("friend", NOW)
    throttle.right("friend", NOW)
    for number in range(1000):
        throttle.begin(f"stranger {number}", NOW)

    assert throttle.begin("friend", NOW) == 0.0
    assert throttle.begin("somebody new", NOW) > 0.0


def test_a_64_is_one_origin_however_many_of_its_addresses_are_tried_from():
    throttle = Throttle()
    begun = sum(throttle.begin(f"fd12::{number:x}", NOW) == 0.0 for number in range(1, 10_000))

    assert begun == 4, "as many as one address of IPv4 has before it waits"
    assert throttle.begin("fd12:0:0:1::1", NOW) == 0.0, "another network is another origin"


def test_who_locks_out_a_64_locks_out_nobody_there_who_was_let_in_before_and_is_let_off_by_nobody_who_comes_in():
    throttle = Throttle()
    throttle.begin("fd12::7", NOW)
    throttle.right("fd12::7", NOW)
    now = NOW
    for number in range(LOCKED_AFTER):
        while wait := throttle.begin(f"fd12::bad:{number:x}", now):
            now += wait
        if number == 5:  # a neighbour comes in between two of them
            assert throttle.begin("fd12::7", now) == 0.0
            throttle.right("fd12::7", now)

    assert throttle.locked("fd12::bad:9", now) == FIRST_LOCK
    assert throttle.locked("fd12::9", now) == FIRST_LOCK, "a stranger is told from no other there"
    assert throttle.counted_as("fd12::9") == "fd12::/64"
    assert throttle.wait("fd12::7", now) == throttle.locked("fd12::7", now) == 0.0
    assert throttle.begin("fd12::7", now) == 0.0
    assert throttle.locked("192.168.1.7", now) == 0.0


def test_a_first_right_try_from_a_64_gives_back_itself_and_no_other():
    throttle, now = Throttle(), NOW
    for number in range(5):
        assert throttle.begin(f"fd12::bad:{number:x}", now) == 0.0
        now += 60.0
    assert throttle.begin("fd12::7", now) == 0.0
    throttle.right("fd12::7", now)

    assert throttle._origins["fd12::/64"].wrong == 5


def test_no_more_origins_are_remembered_than_there_is_room_for():
    throttle = Throttle()
    for number in range(3 * MOST):
        throttle.begin(f"{number}", NOW + 10.0 * number)
        throttle.right(f"{number}", NOW + 10.0 * number)
        throttle.begin(f"{number}", NOW + 10.0 * number)

    assert len(throttle._origins) <= MOST
    assert len(throttle._friends) <= MOST


@settings(max_examples=300, deadline=None)
@given(TRIES)
def test_whatever_happens_every_wait_ends(tries):
    throttle, now = Throttle(), NOW
    for origin, step, right in tries:
        now += step  # the clock may be set back
        if throttle.begin(origin, now) == 0.0 and right:
            throttle.right(origin, now)
    for origin in ("a", "b", "c", "d"):
        wait = throttle.begin(origin, now)
        assert 0.0 <= wait <= LONGEST_LOCK
        assert throttle.begin(origin, now + LONGEST_LOCK + LONGEST_FOR_ALL + 2000.0) == 0.0


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 400), st.floats(0.0, 5.0))
def test_one_origin_never_gets_more_guesses_than_this_in_an_hour(tries, pause):
    throttle, now, begun = Throttle(), NOW, 0
    for _ in range(tries):
        begun += throttle.begin("a", now) == 0.0
        now += pause
        if now > NOW + 3600.0:
            break

    assert begun <= LOCKED_AFTER + 4


@pytest.mark.parametrize("wrong", [1, 9])
def test_an_origin_that_stays_away_is_forgotten(wrong):
    throttle, now = Throttle(), NOW
    for _ in range(wrong):
        now += throttle.begin("a", now) + 61.0
    now += 10_000.0

    assert [throttle.begin("a", now) for _ in range(4)] == [0.0] * 4
