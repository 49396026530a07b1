"""What every test may use. Async tests run on trio, by anyio's plugin."""

import os

import pytest


@pytest.fixture
def anyio_backend() -> str:
    return "trio"


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):  # type: ignore[no-untyped-def]
    """With TUNNEL_NO_SKIPS set (as .ci/run does), a skipped test has failed: what CI does not run is not known to work."""
    report = (yield).get_result()
    if report.skipped and os.environ.get("TUNNEL_NO_SKIPS") and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped where skips are failures: {report.longrepr}"
