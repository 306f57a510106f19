"""The pytest plugin: options, one test parameter per cell, fixtures, the grid in the report.

Collection reads the matrix and needs no engine. With xdist, one worker probes all cells of a
target image in one session.
"""

import contextlib
import io
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.app.engine_wiring import open_prober, open_readiness, same_images
from harness.app.machine_check import check_machines
from harness.app.make_ahead import is_compiled, making_ahead, missing_images
from harness.app.prober_options import IMAGE_CHOICES, TURN, ProberOptions, read_options
from harness.app.wiring import read_matrix
from harness.core.canary_check import latest_checks
from harness.core.cells import FULL_PROFILE, Cell, Expectation, Matrix, Outcome
from harness.core.engine_places import parse_place
from harness.core.errors import HarnessError
from harness.core.observations import Observation
from harness.host.engine import ContainerLimits
from harness.host.package_data import matrix_folder
from harness.host.process import end_with_parent
from harness.matrix.cell_list import load_cells
from harness.matrix.plan import Selection, all_cells, by_keyword, plan_cells
from harness.matrix.pytest_internals import ByTarget, Producer
from harness.probe.journal import NAME as JOURNAL_NAME
from harness.probe.journal import Journal, canary_checks, observations, read_events
from harness.probe.prober import Prober
from harness.probe.result_keys import ProbeLimits
from harness.report.activity_lines import ActivityLines
from harness.report.canary_lines import format_missed
from harness.report.console import Console
from harness.report.evidence import evidence_line
from harness.report.findings import format_unmet
from harness.report.terminal import print_grid
from harness.report.untrusted import visible
from harness.results.grid import build_grid, expectation_for, unmet_expectations
from harness.store.reuse import open_earlier_results
from harness.test_matrix import ExpectedError

_MATRIX = pytest.StashKey[Matrix]()
_CELLS = pytest.StashKey[tuple[Cell, ...]]()
_JOURNAL = pytest.StashKey[Path]()
_BESIDE = pytest.StashKey[contextlib.ExitStack]()
"""What runs beside the tests: processes that make images, and the lines about long work."""
_OWN_FOLDER = pytest.StashKey[Path]()


class MissError(Exception):
    """A cell has no result, and the wheel is not the reason."""


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("wheelgrid", "selection and probing of cells")
    group.addoption("--target", action="append", default=[], help="glob over target ids")
    group.addoption("--arch", action="append", default=[], help="glob over arches")
    group.addoption("--machine", action="append", default=[], help="glob over machines")
    group.addoption("--subject", action="append", default=[], help="glob over subject ids")
    group.addoption("--profile", default=None, help="named selection of matrix/*.yaml")
    ways = list(IMAGE_CHOICES)
    group.addoption("--images", choices=ways, default="auto", help="ways to obtain images")
    group.addoption("--registry", default="", help="HOST/PREFIX of a mirror to pull from")
    group.addoption("--own-pip", action="store_true", help="install with the target's pip")
    group.addoption("--cell-timeout", type=float, default=120, help="seconds per stage")
    group.addoption("--cell-memory", type=int, default=1024, help="MiB per cell, disk included")
    group.addoption("--cell-disk", type=int, default=512, help="MiB on disk per cell")
    group.addoption("--cell-processes", type=int, default=128, help="processes per cell")
    group.addoption("--cell-shm", type=int, default=0, help="MiB of /dev/shm per cell")
    group.addoption("--runtime", default="", help="OCI runtime of the containers")
    group.addoption("--engine", action="append", default=[], help="ARCH=ADDRESS of an engine")
    group.addoption("--require-hardening", action="store_true", help="miss if not enforced")
    group.addoption("--require-nogil", action="store_true", help="fail what needs the GIL")
    group.addoption("--canaries", action="store_true", help="probe wheels of known outcome too")
    group.addoption("--wheelgrid-matrix", type=Path, default=matrix_folder(), metavar="DIR")
    group.addoption("--wheelgrid-config", type=Path, metavar="FILE", help="own targets")
    group.addoption("--wheelgrid-options", metavar="JSON", help="instead of those above")
    group.addoption("--wheelgrid-cells", type=Path, metavar="FILE", help="cells of a file")
    group.addoption("--wheelgrid-store", type=Path, metavar="FILE", help="store to reuse")
    group.addoption("--wheelgrid-out", type=Path, metavar="DIR", help="folder of the journal")


def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput"):
        config.stash[_JOURNAL] = Path(config.workerinput["wheelgrid_journal"])
        return
    end_with_parent()
    config.stash[_BESIDE] = contextlib.ExitStack()
    folder = config.getoption("--wheelgrid-out")
    if folder is None:
        folder = config.stash[_OWN_FOLDER] = Path(tempfile.mkdtemp(prefix="wheelgrid-"))
    config.stash[_JOURNAL] = folder / JOURNAL_NAME


def pytest_unconfigure(config: pytest.Config) -> None:
    if _BESIDE in config.stash:
        config.stash[_BESIDE].close()
    if _OWN_FOLDER in config.stash:
        shutil.rmtree(config.stash[_OWN_FOLDER], ignore_errors=True)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: object) -> None:
    """Pass the path of the journal to an xdist worker."""
    node.workerinput["wheelgrid_journal"] = str(node.config.stash[_JOURNAL])  # type: ignore[attr-defined]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByTarget:
    matrix, options = config.stash[_MATRIX], _prober_options(config)
    is_ready = open_readiness(matrix, options)
    compiled = {t.key for t in matrix.targets if is_compiled(t, options.images)}

    def effort(key: str) -> int:
        return 0 if is_ready(key) else 1 + (key in compiled)

    return ByTarget(config, log, effort, same_images(matrix, options))


def pytest_sessionstart(session: pytest.Session) -> None:
    """Read the matrix; its errors end the session without a traceback."""
    try:
        config = session.config
        options = _prober_options(config)
        config.stash[_MATRIX] = read_matrix(options.matrix_folder, options.config)
        config.stash[_CELLS] = cells = _cells(config)
        worker = hasattr(config, "workerinput") or config.getoption("--wheelgrid-cells")
        if not (config.option.collectonly or worker):
            kept = by_keyword(cells, config.option.keyword)
            check_machines(cell.target for cell in kept)
    except HarnessError as error:
        raise pytest.UsageError(str(error)) from error
    if not (hasattr(config, "workerinput") or config.option.collectonly):
        config.stash[_BESIDE].enter_context(_making_ahead(config))
        config.stash[_BESIDE].enter_context(_activity_lines(config))


def _activity_lines(config: pytest.Config) -> contextlib.AbstractContextManager[object]:
    """Say what takes long; `wheelgrid run` shows it itself."""
    terminal = config.pluginmanager.get_plugin("terminalreporter")
    if terminal is None or config.getoption("--wheelgrid-cells"):
        return contextlib.nullcontext()

    def say_line(text: str) -> None:
        terminal.ensure_newline()
        terminal.write_line(text)

    return ActivityLines(config.stash[_JOURNAL], say_line)


def _making_ahead(config: pytest.Config) -> contextlib.AbstractContextManager[None]:
    """Make images and wheels of the selected cells ahead; each worker begins with its own."""
    cells = by_keyword(config.stash[_CELLS], config.option.keyword)
    targets = {cell.target.key: cell.target for cell in cells}
    options, workers = _prober_options(config), getattr(config.option, "numprocesses", None) or 1
    missing = missing_images(tuple(targets.values()), config.stash[_MATRIX], options)
    return making_ahead(missing[workers:], cells, options, config.stash[_JOURNAL])


def _cells(config: pytest.Config) -> tuple[Cell, ...]:
    file: Path | None = config.getoption("--wheelgrid-cells")
    if file is None:
        return plan_cells(config.stash[_MATRIX], _selection(config))
    return load_cells(file.read_bytes())


def _selection(config: pytest.Config) -> Selection:
    """Return the selection without ``-k``, which pytest applies to the collected cells.

    An empty selection means the profile ``full``, if there is one.
    """
    selection = Selection(
        targets=tuple(config.getoption("--target")),
        arches=tuple(config.getoption("--arch")),
        machines=tuple(config.getoption("--machine")),
        subjects=tuple(config.getoption("--subject")),
        profile=config.getoption("--profile"),
    )
    named = any(profile.name == FULL_PROFILE for profile in config.stash[_MATRIX].profiles)
    unselected = selection == Selection() and not config.option.keyword
    return Selection(profile=FULL_PROFILE) if named and unselected else selection


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "cell" in metafunc.fixturenames:
        cells = metafunc.config.stash[_CELLS]
        metafunc.parametrize("cell", [_parameter(cell) for cell in cells])


def _parameter(cell: Cell) -> object:
    marks = (_xfail(cell.expectation),) if cell.expectation else ()
    return pytest.param(cell, id=cell.id, marks=marks)


def _xfail(expectation: Expectation) -> pytest.MarkDecorator:
    reason = f"{expectation.reason} ({expectation.link})"
    return pytest.mark.xfail(reason=reason, raises=ExpectedError, strict=True)


@pytest.fixture(scope="session")
def prober(request: pytest.FixtureRequest) -> Iterator[Prober]:
    """Return the prober of this worker."""
    config = request.config
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    turn = int(os.environ.get(TURN, "0"))
    turn += int(worker.removeprefix("gw")) if worker != "main" else 0
    journal = Journal(config.stash[_JOURNAL], worker)
    with (
        open_earlier_results(config.getoption("--wheelgrid-store")) as memory,
        open_prober(
            config.stash[_MATRIX], _prober_options(config), journal, memory, turn=turn
        ) as opened,
    ):
        yield opened
    try:
        journal.flush()
    except OSError as error:
        pytest.fail(f"{journal.path}: {error.strerror}; results of this worker are lost")


def _prober_options(config: pytest.Config) -> ProberOptions:
    if word := config.getoption("--wheelgrid-options"):
        return read_options(word)
    return ProberOptions(
        matrix_folder=config.getoption("--wheelgrid-matrix"),
        config=config.getoption("--wheelgrid-config"),
        images=config.getoption("--images"),
        registry=config.getoption("--registry"),
        limits=ProbeLimits(
            timeout=config.getoption("--cell-timeout"),
            own_pip=config.getoption("--own-pip"),
            container=ContainerLimits(
                memory=config.getoption("--cell-memory") << 20,
                tmpfs=config.getoption("--cell-disk") << 20,
                pids=config.getoption("--cell-processes"),
                shm=config.getoption("--cell-shm") << 20,
            ),
        ),
        runtime=config.getoption("--runtime"),
        require_hardening=config.getoption("--require-hardening"),
        require_nogil=config.getoption("--require-nogil"),
        canaries=config.getoption("--canaries"),
        engines=tuple(map(parse_place, config.getoption("--engine"))),
    )


@pytest.fixture
def observation(request: pytest.FixtureRequest, cell: Cell, prober: Prober) -> Observation:
    """Return the observation of the cell; a miss is an error in setup, not a failure.

    So is every cell of a column that missed a canary: it is not believed.

    An expectation by cause needs the prediction, so its xfail mark is added here.
    """
    seen = prober.observe(cell)
    if seen.outcome is Outcome.MISS:
        raise MissError(f"{seen.cause}: {evidence_line(seen.evidence)}")
    if missed := prober.missed_canaries(cell.target):
        raise MissError("\n".join(format_missed(cell.target.key, each) for each in missed))
    if cell.by_cause and (expectation := expectation_for(cell, seen)):
        request.node.add_marker(_xfail(expectation))
    return seen


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail the session if an expectation by cause applies to none of its cells."""
    if not hasattr(session.config, "workerinput") and _unmet(session.config):
        session.exitstatus = session.exitstatus or pytest.ExitCode.TESTS_FAILED


def _unmet(config: pytest.Config) -> tuple[Expectation, ...]:
    if _CELLS not in config.stash or config.getoption("--wheelgrid-cells"):
        return ()  # `wheelgrid run` reports them itself
    events, _ = read_events(config.stash[_JOURNAL])
    cells = all_cells(config.stash[_MATRIX])
    return unmet_expectations(cells, build_grid(cells, observations(events)))


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print the grid of the cells that were probed."""
    if hasattr(config, "workerinput"):
        return
    events, _ = read_events(config.stash[_JOURNAL])
    seen = list(observations(events))
    if not seen:
        return
    probed = {observation.cell for observation in seen}
    cells = [cell for cell in config.stash[_CELLS] if cell.id in probed]
    terminalreporter.section("grid")
    page = io.StringIO()
    console = Console(
        file=page,
        force_terminal=terminalreporter.hasmarkup,
        width=shutil.get_terminal_size((120, 0)).columns,
    )
    print_grid(build_grid(cells, seen, latest_checks(canary_checks(events))), console)
    terminalreporter.write(page.getvalue())
    for expectation in _unmet(config):
        terminalreporter.line(visible(format_unmet(expectation)))
