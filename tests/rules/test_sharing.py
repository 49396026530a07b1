"""Sharing: where several workers can serve, what part of a limit falls to a worker, when a dead one is replaced."""

import dataclasses

import pytest

from tunnel.errors import UsageError
from tunnel.model.address import Target
from tunnel.model.config import Config, Keep, Limits
from tunnel.rules.sharing import deaths_in_a_row, pause_before_another, refuse_workers, share

TARGET = Target("http", "localhost", 3000)


def test_a_workers_part_of_a_limit_is_rounded_up_and_other_settings_are_its_own() -> None:
    limits, keep = Limits(workers=3, pool_size=256, connections=100), Keep(memory=10, size=99)

    assert share(limits, keep) == (dataclasses.replace(limits, pool_size=86), dataclasses.replace(keep, memory=4))


def test_one_worker_has_all_of_it() -> None:
    assert share(Limits(), Keep()) == (Limits(), Keep())


def test_pauses_grow_while_workers_keep_dying_and_no_further() -> None:
    pauses, deaths = [], 0
    for _ in range(2000):
        deaths = deaths_in_a_row(deaths, lasted=0.5)
        pauses.append(pause_before_another(deaths))

    assert pauses[:8] == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]
    assert pauses[-1] == 5.0


def test_a_worker_that_did_well_is_replaced_as_soon_as_the_first_that_died() -> None:
    assert deaths_in_a_row(9, lasted=3600) == deaths_in_a_row(0, lasted=1) == 1


@pytest.mark.parametrize(
    ("platform", "target", "said"),
    [("win32", TARGET, "Windows cannot"), ("linux", None, "not for the example service"), ("darwin", None, "example")],
)
def test_several_workers_are_refused_where_they_cannot_serve(platform: str, target: Target | None, said: str) -> None:
    with pytest.raises(UsageError, match=f"--workers 2 .*{said}") as caught:
        refuse_workers(Config(target=target, folder="", limits=Limits(workers=2)), platform)

    assert caught.value.hint


@pytest.mark.parametrize("platform", ["linux", "darwin"])
def test_several_workers_may_serve_elsewhere(platform: str) -> None:
    refuse_workers(Config(target=TARGET, folder="", limits=Limits(workers=2)), platform)
