"""Heads taken apart again: which exchange a request says it repeats."""

import pytest

from tunnel.capture.heads import MOST_PARENT, parent_of
from tunnel.capture.store_write import MOST_EXCHANGES
from tunnel.model.headers import Headers


@pytest.mark.parametrize(
    ("values", "parent"),
    [
        ([], 0),
        ([b"12"], 12),
        ([b"2147483647"], 2**31 - 1),
        ([b"2147483648"], 0),
        ([b"99999999999999999999"], 0),
        ([b"0"], 0),
        ([b"-1"], 0),
        ([b"+1"], 0),
        ([b"012"], 0),
        ([b"1_2"], 0),
        (["١".encode()], 0),
        ([b"12 "], 0),
        ([b"12, 13"], 0),
        ([b""], 0),
        ([b"12", b"12"], 0),
    ],
)
def test_a_mark_is_one_plain_number_that_fits_or_nothing(values: list[bytes], parent: int) -> None:
    names = [b"Tunnel-Replay", b"TUNNEL-REPLAY"][: len(values)]
    fields = [(b"Host", b"a"), *zip(names, values, strict=True)]

    assert parent_of(Headers(fields)) == parent


def test_a_number_that_fits_is_one_that_an_exchange_can_have() -> None:
    assert MOST_PARENT == MOST_EXCHANGES - 1
