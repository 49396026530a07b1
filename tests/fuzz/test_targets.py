"""Every parser on its seeds, its corpus and some mutations of both: none breaks its law or hangs. `make fuzz` goes on."""

import pytest
from hypothesis import HealthCheck, given, settings

from tests.fuzz.inputs import CORPUS, Target, load, mutations, names
from tests.helpers.servers import within

pytestmark = pytest.mark.fuzz
MOST = 10  # seconds for one input, on a machine that is busy with other things; it takes milliseconds


@pytest.fixture(params=names(), scope="module")
def target(request: pytest.FixtureRequest) -> Target:
    return load(request.param)


def test_no_seed_breaks_a_law(target: Target) -> None:
    for seed in target.seeds:
        with within(MOST):
            target.check(seed)


def test_nothing_that_was_found_once_breaks_a_law_again(target: Target) -> None:
    for data in target.corpus().values():
        with within(MOST):
            target.check(data)


def test_no_mutation_breaks_a_law(target: Target) -> None:
    @settings(
        max_examples=target.examples,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(mutations(target))
    def try_one(data: bytes) -> None:
        with within(MOST):
            target.check(data)

    try_one()


def test_the_corpus_is_small_and_each_folder_has_its_target() -> None:
    for folder in CORPUS.iterdir():
        assert folder.name in names()
        assert all(path.stat().st_size <= 4096 for path in folder.iterdir())
        assert len(list(folder.iterdir())) <= 20
