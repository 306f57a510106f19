"""Recall the stored results of a run's cells in this process, before pytest is started."""

import time
from pathlib import Path

from harness.app.engine_wiring import open_prober
from harness.app.pytest_driver import RunOptions
from harness.app.wiring import read_matrix
from harness.core.cells import Cell
from harness.probe.journal import Journal
from harness.store.reuse import open_earlier_results

SLOW = 10.0
"""Seconds for one cell after which the rest is left to pytest: something has to be made."""


def recall_results(cells: tuple[Cell, ...], options: RunOptions, journal: Path) -> None:
    """Append to the journal the result of each cell that needs no measurement.

    Recalls nothing with ``on``, since the images, and so the keys, are those of other machines.
    A target with an error is left to pytest, which reports it. Raises ``StoreError``.
    """
    if options.store is None or options.remeasure or options.on:
        return
    own = Journal(journal)
    try:
        _recall_each(cells, options, own)
    finally:
        own.activity("", "")  # what this process did last is not what it does now


def _recall_each(cells: tuple[Cell, ...], options: RunOptions, journal: Journal) -> None:
    failed = set[str]()
    with (
        open_earlier_results(options.store) as earlier,
        open_prober(
            read_matrix(options.prober.matrix_folder, options.prober.config),
            options.prober,
            journal,
            earlier,
            recalls=True,
        ) as prober,
    ):
        for cell in cells:
            if cell.target.key in failed:
                continue
            start = time.monotonic()
            try:
                prober.recall(cell)
            except Exception:  # noqa: BLE001 - a worker meets it again and reports it as a miss
                failed.add(cell.target.key)
            if time.monotonic() - start > SLOW:
                return
