"""Garbage: what is freed the moment it is let go of, and what only the garbage collector would find.

A front collects seldom (`tunnel.cli.serve`). What a failed exchange leaves in a cycle stays for thousands of others, and
with it all that its frames hold: buffers, connections.
"""

import gc
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_collector() -> Iterator[None]:
    """Leave garbage where it is, so that `alive` finds it."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def alive(*names: str) -> Counter[str]:
    """Count the objects of classes with these names: those in use, and those that nobody reaches any more."""
    return Counter(name for thing in gc.get_objects() if (name := type(thing).__name__) in names)
