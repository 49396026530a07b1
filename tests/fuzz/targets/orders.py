"""Orders to a share: any bytes are an order that is carried out or refused, or a sentence; never anything else."""

from tests.share.fake_gate import GALAXY, FakeGate, Stops, desk
from tunnel.errors import UsageError
from tunnel.share.orders import Line, Reply, Stop, carried_out, decoded, encoded

SEEDS = (
    b'{"order": {"do": "tell"}}',
    b'{"token": "t", "order": {"do": "answer", "allow": true, "number": 3}}',
    b'{"order": {"do": "answer", "allow": false}}',
    b'{"order": {"do": "revoke", "device": "Pixel 9"}}',
    b'{"order": {"do": "extend", "seconds": 1.5e3}}',
    b'{"order": {"do": "stop"}}',
)
WORDS = (
    b'"do"',
    b'"order"',
    b'"token"',
    b'"number"',
    b'"seconds"',
    b'"device"',
    b"true",
    b"null",
    b"-1",
    b"1e308",
    b"[",
    b"{",
)


def check(data: bytes) -> None:
    """An order does at most what its word says, and its answer is a line that reads back."""
    try:
        line: Line = decoded(data, Line)
    except UsageError:
        return
    gate, stop = FakeGate(waiting=[GALAXY]), Stops()
    reply = carried_out(line.order, desk(gate, stop=stop))
    told = encoded(reply)
    assert told.count(b"\n") == 1
    assert decoded(told, Reply) == reply
    assert stop.count == 0  # whoever ordered it hears that first
    assert len(gate.answered) + (2 - len(gate.all_devices)) + (gate.remaining != 2520.0) <= 1
    if isinstance(line.order, Stop):
        assert reply == Reply()
