"""Which trust stores this machine has, and the three deeds for all of them: trust, untrust, check.

Leaves each kind of store to its file, and printing to the caller.  A store that cannot be changed spoils nothing for
the others: its outcome says why and what to type.  macOS and Windows: add a file, and a case in `stores_here`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from certs.errors import CertsError
from certs.glance import note
from certs.stores.linux import linux_stores
from certs.stores.nss import nss_stores
from certs.stores.store import Command, Machine, Result, Root, State, Store, Verdict

__all__ = [
    "Command",
    "Machine",
    "Outcome",
    "Result",
    "Root",
    "State",
    "Store",
    "Verdict",
    "check",
    "plan",
    "stores_here",
    "trust",
    "untrust",
]


@dataclass(frozen=True, slots=True)
class Outcome:
    """A store's state after a deed, looked up anew: what we did is one thing, what is the case another."""

    store: str
    evidence: Path
    """The file that holds the root once the store trusts it."""
    before: State
    state: State

    @property
    def changed(self) -> bool:
        return self.before.verdict is not self.state.verdict


def stores_here(machine: Machine) -> list[Store]:
    """The stores of this machine.  Looks at folders and programs, now and not at import; runs nothing."""
    match machine.platform:
        case "linux":
            return [*linux_stores(machine), *nss_stores(machine)]
        case _:
            return []


def check(root: Path, machine: Machine | None = None) -> list[Outcome]:
    """What each store thinks of the root, now.

    Args:
      root: The certificate, in PEM: `certs.files.Layout(folder).root`.
      machine: Where; this machine and this person when left out.
    Raises: CertsError when there is no certificate in `root`.
    """
    return _each(root, machine, lambda store, certificate, state: [])


def trust(root: Path, machine: Machine | None = None) -> list[Outcome]:
    """Make every store trust the root, and leave the note that `certs.glance` reads.

    A store that trusts it already is left alone, so that asking twice asks for no password the second time.

    Args, Raises: as `check`; and CertsError when the note cannot be written.
    """
    outcomes = _each(root, machine, _to_trust)
    # One store that does not trust it is a browser that warns: then there is nothing to be seen at a glance.
    complete = all(outcome.state.verdict is Verdict.TRUSTED for outcome in outcomes)
    note(root.parent, Root.read(root).der, [outcome.evidence for outcome in outcomes] if complete else [])
    return outcomes


def untrust(root: Path, machine: Machine | None = None) -> list[Outcome]:
    """Take the root out of every store that has it, trusted or not.  The root itself stays where it is.

    Args, Raises: as `trust`.
    """
    outcomes = _each(root, machine, lambda store, certificate, state: store.remove(certificate))
    note(root.parent, Root.read(root).der, [])
    return outcomes


def plan(root: Path, machine: Machine | None = None) -> list[tuple[str, Sequence[Command]]]:
    """What `trust` would run, store by store, without running it.

    Args, Raises: as `check`.
    """
    machine, certificate = machine or Machine(Path.home()), Root.read(root)
    return [(store.name, _to_trust(store, certificate, store.check(certificate))) for store in stores_here(machine)]


def _to_trust(store: Store, root: Root, state: State) -> Sequence[Command]:
    return store.install(root) if state.verdict is Verdict.ABSENT else []


def _each(
    root: Path, machine: Machine | None, decide: Callable[[Store, Root, State], Sequence[Command]]
) -> list[Outcome]:
    """Ask each store for its state, run what is decided upon that, and ask again."""
    machine, certificate = machine or Machine(Path.home()), Root.read(root)
    outcomes = []
    for store in stores_here(machine):
        before = after = store.check(certificate)
        try:
            if commands := decide(store, certificate, before):
                for command in commands:
                    machine.do(command)
                after = store.check(certificate)
        except CertsError as error:
            after = State(Verdict.UNAVAILABLE, error.what, error.hint)
        outcomes.append(Outcome(store.name, store.evidence, before, after))
    return outcomes
