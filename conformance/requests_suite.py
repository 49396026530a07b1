"""requests' own tests, with every httpbin server of theirs behind a front (`through_front.py` puts it there).

What fails behind the front is run again without it: what fails there too says nothing of us and is listed as such. What is
left must be exactly EXPLAINED; a test of that list that passes is told as well.
"""

import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from importlib.metadata import version
from pathlib import Path

from conformance.environments import CACHE, environment, sdist

RUNNING = 600  # seconds; it takes 80, most of them tests of time-outs
SUITE = ["pytest==9.*", "pytest-httpbin==2.1.0", "httpbin==0.10.*", "pytest-mock==3.*", "trustme==1.*"]
HERE = Path(__file__).parent

# What behaves otherwise behind a front, and why that is right.
EXPLAINED = {
    "tests.test_requests.TestRequests.test_proxy_authorization_preserved_on_request": (
        "asks that Proxy-Authorization reach the service; it is for the first proxy, and that is us (RFC 9110 §11.7.2)"
    ),
}


def run() -> bool:
    """Run the suite; return whether nothing failed that should not."""
    release = version("requests")
    python = environment("requests-suite", [f"requests[socks]=={release}", *SUITE]) / "python"
    source = sdist(python, "requests", release)
    through = _tests(python, source, [], front=True)
    failed = {name for name, outcome in through.items() if outcome == "failed"}
    unexplained = failed - set(EXPLAINED)
    alone = _tests(python, source, sorted(unexplained), front=False) if unexplained else {}
    elsewhere = {name for name in unexplained if alone.get(name) == "failed"}
    ours = unexplained - elsewhere
    passed = sum(outcome == "passed" for outcome in through.values())
    print(f"  requests {release}: {passed} of {len(through)} tests pass through the front", flush=True)
    for name in sorted(elsewhere):
        print(f"  fails without the front too: {name}")
    for name in sorted(failed & set(EXPLAINED)):
        print(f"  explained: {name}: {EXPLAINED[name]}")
    stale = {name for name in EXPLAINED if through.get(name) != "failed"}
    for name in sorted(stale):
        print(f"  explained, but it did not fail: {name}")
    for name in sorted(ours):
        print(f"  FAILED through the front only: {name}")
    return not ours and not stale and passed > 500


def _tests(python: Path, source: Path, only: list[str], *, front: bool) -> dict[str, str]:
    """Run tests; return the outcome of each by its name."""
    report = CACHE / "requests-report.xml"
    report.unlink(missing_ok=True)
    argv = [str(python), "-m", "pytest", "-q", "-p", "no:cacheprovider", "--junit-xml", str(report)]
    env = {name: value for name, value in os.environ.items() if name != "REQUESTS_CA_BUNDLE"}
    if front:
        folders = CACHE / "folders"
        shutil.rmtree(folders, ignore_errors=True)
        argv += ["-p", "through_front"]
        env |= {"TUNNEL_PYTHON": sys.executable, "TUNNEL_FOLDERS": str(folders), "PYTHONPATH": str(HERE)}
    argv += [_address(name) for name in only] or ["tests"]
    # Its last lines are not needed: the report says the same. A run that crashed has no report.
    done = subprocess.run(
        argv,
        cwd=source,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=RUNNING,
        check=False,
    )
    if done.returncode not in (0, 1) or not report.exists():
        raise SystemExit(f"the suite did not run to its end:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    outcomes = {}
    for case in ElementTree.parse(report).iter("testcase"):
        kinds = {child.tag for child in case}
        outcome = "failed" if kinds & {"failure", "error"} else "skipped" if "skipped" in kinds else "passed"
        outcomes[f"{case.get('classname')}.{case.get('name')}"] = outcome
    return outcomes


def _address(name: str) -> str:
    """Return a test's name in a report as pytest wants it: module, class, test, with parameters."""
    plain, bracket, parameters = name.partition("[")
    package, module, *rest = plain.split(".")
    return "::".join([f"{package}/{module}.py", *rest]) + bracket + parameters
