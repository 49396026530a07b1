"""Conformance: what outside judges say of a front. `make conformance`, or `python -m conformance [listener|requests]`."""

import sys

from conformance import listener, requests_suite

PARTS = {"listener": listener.run, "requests": requests_suite.run}


def main(names: list[str]) -> int:
    """Run the parts named, or all; return 0 if each of them is content."""
    failed = []
    for name in names or PARTS:
        print(f"{name}:", flush=True)
        if not PARTS[name]():
            failed.append(name)
    print(f"failed: {' and '.join(failed)}" if failed else "all is well")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
