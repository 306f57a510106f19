"""What runs the cells of a run: pytest on this machine, or the workers of a Dask cluster."""

import contextlib
import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace

from harness.app.cluster_link import local_workers, require_dask
from harness.app.engine_wiring import open_pool
from harness.app.machine_check import check_machines
from harness.app.obtain_all import missing_lines, obtain_all
from harness.app.pytest_driver import Runner, RunOptions, pytest_process, write_cells
from harness.app.wiring import read_matrix
from harness.core.cells import Cell
from harness.core.errors import EngineError
from harness.host.offline import is_offline
from harness.report.console import Console, say

NOT_THEIRS = (
    "--engine names no engine of its workers; `wheelgrid worker --engine ARCH=ADDRESS` does"
)


def require_executor(cells: Sequence[Cell], options: RunOptions, console: Console) -> RunOptions:
    """Return the options with the number of workers, which the engines decide if the user did not.

    Raises ``EngineError`` or ``ClusterError`` if nothing can run the cells. Offline, everything
    that they need must be there. ``UsageError`` for an address that is none, and for a machine
    that is not available.
    """
    if options.on:
        require_dask(options.on)
        if options.prober.engines and not local_workers(options.on):
            say(f"{options.on}: {NOT_THEIRS}", console)
        return replace(options, workers=options.workers or _processors())
    workers = _require_engines(options, cells, console)
    check_machines(cell.target for cell in cells)
    if is_offline():
        _require_all(cells, options)
    return replace(options, workers=options.workers or workers)


def _require_engines(options: RunOptions, cells: Sequence[Cell], console: Console) -> int:
    """Connect to the engines of a run, print what is wrong with each, and return the workers.

    There is one for each processor, and none without a target. Connections through SSH are held
    from here on. Raises ``EngineError`` if no engine answers.
    """
    with contextlib.closing(open_pool(options.prober, lambda line: say(line, console))) as pool:
        targets = {cell.target.key: cell.target.arch for cell in cells}
        if options.prober.engines and targets:
            processors = pool.processors(dict.fromkeys(targets.values()))
        else:
            pool.here()
            processors = _processors()
        return max(min(processors, len(targets)), 1)


def _processors() -> int:
    return os.cpu_count() or 1


def _require_all(cells: Sequence[Cell], options: RunOptions) -> None:
    """Raise ``EngineError`` with all that is missing offline, a line each."""
    matrix = read_matrix(options.prober.matrix_folder, options.prober.config)
    found = list(obtain_all(cells, matrix, options.prober, lambda _: None))
    if lines := missing_lines(found):
        step = "`wheelgrid image build --all` gets it where the network is"
        raise EngineError("\n".join((f"offline: {len(lines)} things are missing; {step}", *lines)))


def open_runner(
    cells: Sequence[Cell], options: RunOptions, run_id: str, announce: Callable[[str], None]
) -> AbstractContextManager[Runner]:
    """Return the context of what runs the cells and writes the journal in ``options.out``.

    ``run_id``: of the store; empty for a run that is not stored.
    """
    if not options.on:
        return pytest_process(options, write_cells(options.out, cells))
    from harness.app.cluster_run import ClusterRun  # noqa: PLC0415 - Dask is optional

    return ClusterRun(cells, options, run_id, announce)
