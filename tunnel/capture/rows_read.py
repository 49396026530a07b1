"""Reading of rows: an exchange as the store's view shows it, for people. How the rows are made is for `capture.rows`."""

import json
from collections.abc import Iterable
from typing import Any

from tunnel.capture.columns import READ
from tunnel.capture.rows import Value
from tunnel.errors import Fault
from tunnel.model.exchange import Body, Exchange, Failure, Timings
from tunnel.model.peer import Tls
from tunnel.model.summary import State


def exchange_of(row: Iterable[Value]) -> Exchange:
    """Return what a row says, in the order of `READ`."""
    # Typed by the schema, and held to it by `columns.sound`; checking each value again would only repeat it.
    of: dict[str, Any] = dict(zip(READ, row, strict=True))
    connection: dict[str, Any] = json.loads(of["connection"])
    started: int = of["started"]
    return Exchange(
        id=of["id"],
        revision=of["revision"],
        state=State(of["state"]),
        started=started,
        timings=Timings(
            connection["accepted"] - started, connection["ready"] - started, of["connected"], of["first"], of["ended"]
        ),
        address=connection["address"],
        port=connection["port"],
        listener=connection["listener"],
        listener_port=connection["listener_port"],
        tls=None if connection["tls"] is None else Tls(*connection["tls"]),
        caller=of["caller"],
        caller_pid=of["caller_pid"],
        method=of["method"],
        target=of["target"],
        host=of["host"],
        status=of["status"],
        upgrade=of["upgrade"],
        upstream=of["upstream"],
        reused=bool(of["reused"]),
        request=Body(of["request_size"], of["request_kept"], bool(of["request_lost"])),
        response=Body(of["response_size"], of["response_kept"], bool(of["response_lost"])),
        messages=of["messages"],
        failure=Failure(of["error"], of["hint"], Fault(of["fault"])) if of["fault"] else None,
        repairs=tuple(of["repairs"].split("\n")) if of["repairs"] else (),
        parent=of["parent"],
        source=of["source"],
        redacted=of["redacted"],
        device=of["device"],
        rule=of["rule"],
        request_head=of["request_head"],
        sent_head=of["sent_head"],
        informational=of["informational"],
        response_head=of["response_head"],
        returned_head=of["response_head"] if of["returned_head"] is None else of["returned_head"],
        request_trailers=of["request_trailers"],
        response_trailers=of["response_trailers"],
    )
