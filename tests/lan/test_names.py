"""Names that strangers give themselves: they reach a terminal, a page and a record, and write nothing of their own there."""

import pytest

from tests.lan.guests import Device
from tests.lan.network import Network
from tests.lan.shares import Shared

pytestmark = pytest.mark.lan


@pytest.mark.parametrize(
    "name", [b"\x9b31mRED\x9b0m", b"\xc2\x9b2J", b"<script>alert(1)</script>", b"\xe2\x80\xae9 lexiP", b"A" * 5000]
)
def test_a_name_of_ones_own_making_writes_nothing_on_terminal_or_page(
    hosts: Network, share: Shared, name: bytes
) -> None:
    fields = (b"Accept: text/html", b"User-Agent: Mozilla/5.0 (Linux; Android 16; %b) Chrome/150.0" % name)
    rude = Device(share, hosts.stranger(), (*fields, b'Sec-CH-UA-Model: "%b"' % name))
    page = rude.knock(share.link)
    asked = share.said(rude.source)
    share.order("deny")

    assert page.status == 200
    assert b"<script>" not in page.body
    assert b"\x9b" not in page.body
    assert not any(letter < " " or "\x7f" <= letter < "\xa0" or letter == "\u202e" for letter in asked), asked
    assert len(asked) < 300
