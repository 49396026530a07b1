"""Answering: a worker's side of its link to the inspector's process: its counts, and the secrets that it has seen.

It is done in the loop that serves clients, so no answer may take long: of many secrets some come with each.
"""

import base64
import dataclasses
import json
import os
import socket
from collections.abc import Callable, Sequence

import trio

from tunnel.capture.recorder import Statistics
from tunnel.capture.vault import Vault
from tunnel.workers.links import Line

MOST_SECRETS = 64 * 1024  # bytes of secrets in one answer, which is a fifth of a millisecond; at least one comes


@dataclasses.dataclass(frozen=True, slots=True)
class Told:
    """What a worker can be asked for."""

    statistics: Callable[[], Statistics]
    running: Callable[[], int]
    vault: Vault


async def answer(end: socket.socket, told: Told) -> None:
    """Answer questions until cancelled, or until the first process is gone.

    Args:
      end: Of the link; non-blocking, closed by whoever opened it.
    """
    line = Line(end)
    while not line.ended:
        await trio.lowlevel.wait_readable(end)
        for question in line.hear():
            if said := answered(question, told):
                gone = line.say(said)
                while not gone:
                    await trio.lowlevel.wait_writable(end)
                    gone = line.flush()


def answered(question: bytes, told: Told) -> bytes:
    """Return the answer to a question; nothing where it makes no sense."""
    try:
        asked = json.loads(question)
    except (ValueError, RecursionError):
        return b""
    match asked:
        case [int(number), "counts"]:
            counts = {
                "pid": os.getpid(),
                "running": told.running(),
                "statistics": dataclasses.asdict(told.statistics()),
            }
            return json.dumps([number, counts]).encode()
        case [int(number), "secrets", [*pseudonyms]]:
            return json.dumps([number, _secrets([str(each) for each in pseudonyms], told.vault)]).encode()
    return b""


def _secrets(pseudonyms: Sequence[str], vault: Vault) -> dict[str, object]:
    """Return what is known of the first of these, and how many were looked at."""
    known = vault.known(pseudonym.encode(errors="replace") for pseudonym in pseudonyms)
    found: dict[str, str] = {}
    room = MOST_SECRETS
    for number, pseudonym in enumerate(pseudonyms):
        if room <= 0:
            return {"seen": number, "secrets": found}
        secret = known.get(pseudonym.encode(errors="replace"))
        if secret is not None:
            found[pseudonym] = base64.b64encode(secret).decode()
            room -= len(secret)
    return {"seen": len(pseudonyms), "secrets": found}
