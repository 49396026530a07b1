"""`python -m certs`: the authority from a shell.  The only file of this room that prints.

Leaves every deed to the others; here words become calls, and outcomes become lines and an exit code:
0 done or trusted, 1 something is not as it should be, 2 the command line was not understood.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from certs import files, stores
from certs.authority import Authority
from certs.errors import CertsError
from certs.stores import Outcome, Verdict

EXAMPLES = """\
examples:
  python -m certs issue app.test 127.0.0.1 -o tls    a key and a certificate, in tls/
  python -m certs trust --dry-run                    what it would run
  python -m certs trust                              make this system and its browsers trust the root
  python -m certs check                              ask each store whether it does
  python -m certs untrust                            take the root out again
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
      arguments: Without the program's name; the process's own when left out.
    Returns: The exit code.
    """
    asked = _parser().parse_args(arguments)
    root = files.Layout(asked.folder).root
    try:
        match asked.verb:
            # These two take the certificate as it is: an authority that is too old to load must still be removed.
            case "untrust":
                return _show(stores.untrust(root), root, good=Verdict.ABSENT)
            case "check":
                return _show(stores.check(root), root, good=Verdict.TRUSTED)
        authority = Authority.load_or_make(asked.folder)
        match asked.verb:
            case "issue":
                return _issue(authority, asked.names, asked.output)
            case "trust" if asked.dry_run:
                return _show_plan(root)
            case "trust":
                return _show(stores.trust(root), root, good=Verdict.TRUSTED)
            case _:
                return _show_root(authority, root)
    except CertsError as error:
        print(f"certs: {error.what}\n  {error.hint}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m certs",
        description="A local certificate authority that can sign for local names and for nothing else.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--folder",
        type=Path,
        default=files.default_folder(sys.platform, os.environ, Path.home()),
        help="where the authority lives (default: %(default)s)",
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    verbs.add_parser("root", help="show the root, made when there is none: file, fingerprint, last day")
    issue = verbs.add_parser("issue", help="sign a certificate for exactly these names")
    issue.add_argument("names", nargs="+", metavar="NAME", help="app.test, 127.0.0.1, ::1")
    issue.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="folder for key and certificate")
    trust = verbs.add_parser("trust", help="make the stores of this machine trust the root")
    trust.add_argument("--dry-run", action="store_true", help="print the commands and run none")
    verbs.add_parser("untrust", help="take the root out of the stores")
    verbs.add_parser("check", help="ask each store whether it trusts the root")
    return parser


def _show_root(authority: Authority, root: Path) -> int:
    digits = authority.fingerprint.upper()
    print(f"certificate  {root}")
    print(f"SHA-256      {':'.join(digits[at : at + 2] for at in range(0, len(digits), 2))}")
    print(f"last day     {_day(authority.expires)}")
    return 0


def _issue(authority: Authority, names: Sequence[str], output: Path) -> int:
    leaf = authority.issue(names)
    stem = str(leaf.names[0]).replace(":", "-")  # Windows allows no colon in a file name.
    key, chain = output / f"{stem}-key.pem", output / f"{stem}.pem"
    files.make_folder(output, shared=True)  # A project's folder often belongs to a group.
    files.write(key, leaf.key_pem, mode=files.PRIVATE)
    files.write(chain, leaf.chain_pem, mode=files.PUBLIC)
    print(f"key          {key}")
    print(f"certificate  {chain}")
    print(f"for          {', '.join(map(str, leaf.names))}")
    print(f"last day     {_day(leaf.expires)}")
    return 0


def _show_plan(root: Path) -> int:
    for store, commands in stores.plan(root):
        print(store)
        for command in commands:
            print(f"  {command}")
        if not commands:
            print("  nothing to do")
    return 0


def _show(outcomes: Sequence[Outcome], root: Path, *, good: Verdict) -> int:
    for outcome in outcomes:
        print(f"{outcome.state.verdict.value:12} {outcome.store}{', changed' if outcome.changed else ''}")
        if outcome.state.verdict is not good:
            for line in filter(None, [outcome.state.reason, outcome.state.hint]):
                print(f"{'':12}   {line}")
    if not outcomes:
        print(f"no trust store is known on this system: import {root} where your browser keeps its authorities")
    return 0 if outcomes and all(outcome.state.verdict is good for outcome in outcomes) else 1


def _day(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).date().isoformat()


if __name__ == "__main__":
    sys.exit(main())
