"""What every test may use. Async tests run on trio, by anyio's plugin."""

import os

import hypothesis  # noqa: F401  before a test freezes what is imported: it asks the collector who holds trio's random numbers
import pytest
from trio.testing import MockClock


@pytest.fixture
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, object]]:
    clock = "autojump_clock" in request.fixturenames
    return "trio", {"clock": request.getfixturevalue("autojump_clock")} if clock else {}


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):  # type: ignore[no-untyped-def]
    """With TUNNEL_NO_SKIPS set (as .ci/run does), a skipped test has failed: what CI does not run is not known to work."""
    report = (yield).get_result()
    if report.skipped and os.environ.get("TUNNEL_NO_SKIPS") and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped where skips are failures: {report.longrepr}"


@pytest.fixture
def autojump_clock() -> MockClock:
    """A clock that jumps to the next deadline as soon as every task waits; for a test that takes it as an argument."""
    return MockClock(autojump_threshold=0)
