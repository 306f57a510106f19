"""What all tests share: the engine that integration tests run on, and the cache."""

import os
from collections.abc import Generator, Iterator

import pytest
from hypothesis import settings

from harness.core.errors import EngineError
from harness.host.cache import Cache, default_cache_root
from harness.host.engine.docker import DockerEngine, connect

pytest_plugins = ["pytester"]

# An example is slow when the machine is busy; what takes how long is for benchmarks.
settings.register_profile("wheelgrid", settings(), deadline=None)
settings.load_profile("wheelgrid")


@pytest.fixture(scope="session")
def engine() -> DockerEngine:
    """Return the real engine; what asks for it is skipped where there is none."""
    try:
        return connect()
    except EngineError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def cache() -> Cache:
    """Return the user's own cache: what one run has made, the next need not make again."""
    return Cache(default_cache_root())


@pytest.fixture(autouse=True, scope="session")
def _own_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the tests' runs out of the user's store, and measure afresh what a test looks at."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WHEELGRID_STORE", str(tmp_path_factory.mktemp("store") / "store.db"))
        patch.setenv("WHEELGRID_FRESH", "1")
        yield


@pytest.fixture(autouse=True)
def _engine_first(request: pytest.FixtureRequest) -> None:
    """Ask for the engine before any test that is marked ``integration``."""
    if request.node.get_closest_marker("integration"):
        request.getfixturevalue("engine")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail in CI every integration test that is skipped: there, it must have run."""
    report = yield
    is_left_out = report.skipped and not hasattr(report, "wasxfail")
    if is_left_out and item.get_closest_marker("integration") and os.environ.get("CI"):
        reason = report.longrepr[-1] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"an integration test may not be skipped in CI: {reason}"
    return report


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write the golden files anew")
