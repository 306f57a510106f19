"""Fixtures of all tests: the container engine, and a cache and a store apart from the user's."""

import os
from collections.abc import Generator, Iterator

import pytest
from hypothesis import settings

from harness.core.errors import EngineError
from harness.host.cache import Cache
from harness.host.engine.docker import DockerEngine, connect
from tests.support.fault_rounds import figures
from tests.support.linked_cache import USER_CACHE, link_cache, own_cache_root

pytest_plugins = ["pytester"]

# An example is slow on a busy machine; benchmarks measure time.
settings.register_profile("wheelgrid", settings(), deadline=None)
settings.load_profile("wheelgrid")


@pytest.fixture(scope="session")
def engine() -> DockerEngine:
    """Return the real engine, or skip the test."""
    try:
        return connect()
    except EngineError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def cache() -> Cache:
    """Return the tests' cache with every entry of the user's, so that a test need not make it."""
    cache = Cache(own_cache_root())
    link_cache(USER_CACHE, cache)
    return cache


@pytest.fixture(scope="module")
def no_outer_pytest() -> Iterator[None]:
    """Hide this pytest's variables from one that is started."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("PYTEST_XDIST_WORKER", "PYTEST_ADDOPTS", "PYTEST_PLUGINS"):
            patch.delenv(name, raising=False)
        yield


@pytest.fixture(autouse=True, scope="session")
def _own_files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep tests out of the user's cache and store, and reuse no stored result."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WHEELGRID_CACHE", str(own_cache_root()))
        patch.setenv("WHEELGRID_STORE", str(tmp_path_factory.mktemp("store") / "store.db"))
        patch.setenv("WHEELGRID_FRESH", "1")
        yield


@pytest.fixture(autouse=True)
def _integration(request: pytest.FixtureRequest) -> None:
    """Require the engine and the filled cache for a test that is marked ``integration``."""
    if request.node.get_closest_marker("integration"):
        request.getfixturevalue("engine")
        request.getfixturevalue("cache")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail an integration test that is skipped in CI."""
    report = yield
    is_left_out = report.skipped and not hasattr(report, "wasxfail")
    if is_left_out and item.get_closest_marker("integration") and os.environ.get("CI"):
        reason = report.longrepr[-1] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"an integration test may not be skipped in CI: {reason}"
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the figures of the rounds of random faults."""
    stats = terminalreporter.stats
    for line in figures([*stats.get("passed", []), *stats.get("failed", [])]):
        terminalreporter.line(line)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="rewrite the golden files")
