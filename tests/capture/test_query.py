"""The filter language: what is read, what it means, and what is said of what cannot be read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.capture.asking import trees
from tunnel.capture.fields import FIELDS, HEADER, field_of
from tunnel.capture.query import QueryError, parse
from tunnel.capture.query_parse import MOST_DEPTH, MOST_TERMS, MOST_TEXT, MOST_VALUE
from tunnel.capture.query_tree import And, Compare, Not, Op, Or, Word, show
from tunnel.errors import UsageError

NOW = 1_800_000_000_000_000  # 2027-01-15T08:00:00Z


def compare(field: str, op: str, *values: str) -> Compare:
    return Compare(field, Op(op), values)


@given(trees(12))
def test_a_tree_that_is_written_and_read_again_is_the_same(tree):
    assert parse(show(tree)).tree == tree


@pytest.mark.parametrize("text", [field.example for field in FIELDS])
def test_the_example_of_each_field_can_be_read(text):
    assert parse(text)


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("status >= 500", compare("status", ">=", "500")),
        ("status>=500", compare("status", ">=", "500")),
        ("STATUS == 500", compare("status", "=", "500")),
        ('path ~ "^/a\\.b"', compare("path", "~", "^/a\\.b")),
        ("path ~ ^/a\\.b$", compare("path", "~", "^/a\\.b$")),
        ("query=a=b&c", compare("query", "=", "a=b&c")),
        ("method in (GET,'P\"T', x)", compare("method", "in", "GET", 'P"T', "x")),
        ("method not in (GET)", Not(compare("method", "in", "GET"))),
        ("body not contains x", Not(compare("body", "contains", "x"))),
        ("path matches x", compare("path", "~", "x")),
        ("caller = curl", compare("client", "=", "curl")),
        ("Header.X-A = b", compare("header.x-a", "=", "b")),
        ("a b", And((Word("a"), Word("b")))),
        ("a and b or c", Or((And((Word("a"), Word("b"))), Word("c")))),
        ("a && !b || c", Or((And((Word("a"), Not(Word("b")))), Word("c")))),
        ("not a b", And((Not(Word("a")), Word("b")))),
        ("not (a b)", Not(And((Word("a"), Word("b"))))),
        ("log in", And((Word("log"), Word("in")))),
        ("error", Word("error")),
        ("don't", Word("don't")),
        ('"a\\"b\\\\c\\u00e9\\n\\d"', Word('a"b\\cé\n\\d')),
        ("/api/items", Word("/api/items")),
        ("app.test:3000", Word("app.test:3000")),
    ],
)
def test_what_is_read(text, tree):
    assert parse(text).tree == tree


@pytest.mark.parametrize(
    ("text", "column", "nearest", "said"),
    [
        ("staus = 3", 0, "status", "there is no field staus"),
        ("a and metod = GET", 6, "method", "there is no field metod"),
        ("xyz contains a", 0, "", "there is no field xyz"),
        ("header[x-a] = b", 0, "header.x-a", "there is no field"),
        ("status => 5", 7, ">=", "there is no operator =>"),
        ("path =~ x", 5, "~", "there is no operator =~"),
        ("status is 500", 7, "=", "there is no operator is"),
        ("status ~ 5", 7, "=", "cannot be compared with ~"),
        ("path < 5", 5, "contains", "cannot be compared with <"),
        ("tls > yes", 4, "=", "cannot be compared with >"),
        ("status = 5xx", 9, "", "is a whole number"),
        ("type = jsn", 7, "json", "is never 'jsn'"),
        ("state = runing", 8, "running", "is never 'runing'"),
        ("fault in (client, upsteam)", 18, "upstream", "is never 'upsteam'"),
        ("tls = maybe", 6, "", "is yes or no"),
        ("duration > 200", 11, "200ms", "needs a unit"),
        ("size > 5xb", 7, "", "is no size"),
        ("started > yesterday", 10, "", "is no time"),
        ("started = 2026-02-30", 10, "", "is no time"),
        ("size > 9999999999gb", 7, "", "more than can be meant"),
        ('path ~ "a(b"', 11, "", "this is no pattern"),
        ("path = /a(b)", 7, "", "needs quotes"),
        ("~m POST", 0, "method", "mitmproxy's"),
        ("(a", 0, "", "has no )"),
        ("a)", 1, "", "no ( for this )"),
        ("status in (5", 10, "", "has no )"),
        ("status in (5 6)", 13, "", "a comma"),
        ("status = (5, 6)", 7, "in", "a list stands behind in"),
        ('x "abc', 2, "", "has no end"),
        ("a and", 5, "", "the filter ends"),
        ("a or or b", 5, "", "or stands"),
        ("status =", 8, "", "a value is missing"),
        ("= 5", 0, "", "a field is missing"),
        ('"status" = 5', 0, "", "without"),
        ("", 0, "", "is empty"),
        ("  ", 0, "", "is empty"),
        ("a\udcff", 1, "", "no text"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_place_and_what_was_meant(text, column, nearest, said):
    with pytest.raises(QueryError) as caught:
        parse(text)

    error = caught.value
    assert isinstance(error, UsageError)
    assert (error.column, error.nearest) == (column, nearest)
    assert said in error.what
    assert error.hint


@pytest.mark.parametrize(
    "text",
    ["a " * MOST_TEXT, "(" * (MOST_DEPTH + 1), "not " * (MOST_DEPTH + 1) + "a", "a " * (MOST_TERMS + 1),
     "x" * (MOST_VALUE + 1), f"status in ({', '.join(['1'] * (MOST_TERMS + 1))})"],
)  # fmt: skip
def test_what_is_too_much_is_refused(text):
    with pytest.raises(QueryError):
        parse(text)


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("started > 10m", -599, -601),
        ("started < 1h", -3601, -3599),
        ("started = 2027-01-15T07:59Z", -1, 0),
        ("started > 2027-01-15T07:59Z", 0, -1),
        ("started <= 2027-01-15T07:59:00Z", -59.5, -59),
        ("started >= 2027-01-15T09:00:00+01:00", 0, -0.1),
        ("started < 2027-01-15T07:59:59.5Z", -0.6, -0.5),
    ],
)
def test_times_are_reckoned_from_now_or_read_as_what_they_span(text, inside, outside):
    from tunnel.capture.query_tests import test_of

    tree = parse(text, now=NOW).tree
    test = test_of(tree, field_of("started"), NOW)

    assert test([NOW + int(inside * 1e6)])
    assert not test([NOW + int(outside * 1e6)])


def test_every_name_and_alias_leads_to_one_field():
    names = [name for field in FIELDS for name in (field.name, *field.aliases)]

    assert len(names) == len(set(names))
    for field in FIELDS:
        for name in (field.name, *field.aliases):
            found = field_of(name.upper())
            assert found is not None
            assert found.name == (field.name.lower() if HEADER in field.name else field.name)


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused_with_a_place_in_it(text):
    try:
        query = parse(text)
    except QueryError as error:
        assert 0 <= error.column <= len(text)
    else:
        assert parse(str(query)).tree == query.tree
