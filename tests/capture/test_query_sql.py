"""A filter as SQL and as a predicate: on any exchanges, both mean the same."""

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.capture.asking import EXCHANGES, TEXTS, Writing, every_comparison, names, some_of_each, trees
from tunnel.capture import search
from tunnel.capture.fields import FIELDS
from tunnel.capture.query import Query, parse
from tunnel.capture.query_tree import Compare, Word, show
from tunnel.capture.store import Store
from tunnel.model.exchange import Side


def meant(store: Store, query: Query) -> list[int]:
    """Return the exchanges that the predicate means."""
    found = []
    for id in store.ids(None):
        exchange = store.exchange(id)
        assert exchange is not None
        if query.matches(exchange, lambda side: store.body(id, side)):  # noqa: B023
            found.append(id)
    return found


def agree(store: Store, query: Query) -> None:
    wanted = meant(store, query)
    assert list(store.ids(query)) == wanted
    assert [summary.id for summary in store.page(query)] == wanted[::-1]
    assert sorted(summary.id for summary in store.latest(1000, query)) == wanted
    assert store.count(query) == len(wanted)
    assert store.matching(query, wanted[1:]) == set(wanted[1:])


@settings(
    max_examples=int(os.environ.get("TUNNEL_EXAMPLES", "100")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(
    long=st.sampled_from([0, 8, search.LONG]),
    before=st.lists(EXCHANGES, min_size=1, max_size=6),
    after=st.lists(EXCHANGES, max_size=3),
    filters=st.lists(trees(), min_size=1, max_size=8),
    end=st.sampled_from(["end", "stop", "die"]),
)
def test_sql_and_predicate_agree(long, before, after, filters, end):
    """Also after more has come, running ones have grown, and have ended: what the index knew of them is old then."""
    queries = [parse(show(tree)) for tree in filters]
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr(search, "LONG", long)
        folder = Path(name)
        writing = Writing(folder)
        with Store(folder) as store:
            writing.write(before)
            for query in queries:
                agree(store, query)
            writing.write(after)
            writing.go_on(b"grown token", end == "end")
            for query in queries:
                agree(store, query)
            writing.die() if end == "die" else writing.stop()
            for query in queries:
                agree(store, query)


@pytest.mark.long
def test_sql_and_predicate_agree_on_each_field_with_each_operator_and_value(tmp_path, monkeypatch):
    monkeypatch.setattr(search, "LONG", 8)  # characters: some of each manner
    queries = [parse(show(tree)) for tree in (*every_comparison(), *map(Word, TEXTS))]
    told_apart: set[str] = set()
    writing = Writing(tmp_path)
    writing.write(some_of_each())

    for end in (lambda: None, writing.die):  # while some are running, and when their process is no more
        end()
        with Store(tmp_path) as store:
            exchanges = [store.exchange(id) for id in store.ids(None)]
            bodies = {(e.id, side): store.body(e.id, side) for e in exchanges for side in Side}
            for query in queries:
                wanted = [e.id for e in exchanges if query.matches(e, lambda side: bodies[e.id, side])]  # noqa: B023
                assert list(store.ids(query)) == wanted, query
                if isinstance(query.tree, Compare) and 0 < len(wanted) < len(exchanges):
                    told_apart.add(query.tree.field)
    every = {name for field in FIELDS for name in names(field)}
    assert told_apart == every - {"response.header.host"}  # or it would be no test of that field


@settings(max_examples=5, deadline=None)
@given(st.data())
def test_a_page_goes_on_where_the_one_before_ended(data):
    exchanges = data.draw(st.lists(EXCHANGES, min_size=7, max_size=7))
    with tempfile.TemporaryDirectory() as name:
        writing = Writing(Path(name))
        writing.write(exchanges)
        with Store(Path(name)) as store:
            seen, before = [], None
            while page := store.page(None, before=before, limit=3):
                seen += [summary.id for summary in page]
                before = page[-1].id
            assert seen == sorted(seen, reverse=True) == list(store.ids(None))[::-1]
            assert list(store.ids(None, after=seen[2])) == [seen[1], seen[0]]
            assert store.count(None, most=5) == 5
        writing.stop()
