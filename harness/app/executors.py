"""What runs the cells of a run: pytest on this machine, or the workers of a Dask cluster."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from harness.app.cluster_link import require_dask
from harness.app.machine_check import check_machines
from harness.app.obtain_all import missing_lines, obtain_all
from harness.app.pytest_driver import Runner, RunOptions, pytest_process, write_cells
from harness.app.wiring import read_matrix
from harness.core.cells import Cell
from harness.core.errors import EngineError
from harness.host.engine.docker import connect
from harness.host.offline import is_offline


def require_executor(cells: Sequence[Cell], options: RunOptions) -> None:
    """Raise ``EngineError`` or ``ClusterError`` if nothing can run the cells.

    Offline, everything that they need must be there. ``UsageError`` for an address that is none,
    and for a machine that cannot be had.
    """
    if options.on:
        require_dask(options.on)
        return
    connect(options.runtime).close()
    check_machines(cell.target for cell in cells)
    if is_offline():
        _require_all(cells, options)


def _require_all(cells: Sequence[Cell], options: RunOptions) -> None:
    """Raise ``EngineError`` with all that is missing offline, a line each."""
    matrix = read_matrix(options.matrix, options.config)
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
