"""Compare seconds per cell with and without a session: ``python -m harness.bench.sessions``.

Without a session ("naive"), each cell is one ``docker run`` line as ``wheelgrid repro`` prints it.
Both ways install with pip and import in the same hardened container. The time of a session
includes its start; images and wheels exist before the measurement.
"""

import argparse
import itertools
import shlex
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.app.engine_wiring import open_prober
from harness.app.prober_options import ProberOptions
from harness.app.wiring import read_matrix
from harness.core.cells import Cell, Outcome
from harness.core.errors import HarnessError, UsageError
from harness.core.matching import did_you_mean
from harness.host.process import run_process
from harness.matrix.plan import Selection, plan_cells
from harness.probe.journal import Journal
from harness.probe.prober import Prober
from harness.report.console import Console, Table

TARGETS = ("debian-12/x86_64", "debian-12/aarch64", "debian-12/s390x")
CELLS = 20
NAIVE_SECONDS = 300


@dataclass(frozen=True, kw_only=True, slots=True)
class Timing:
    """Wall-clock seconds of ``cells`` cells on one target, in both ways."""

    target: str
    cells: int
    naive: float
    session: float

    @property
    def ratio(self) -> float:
        return self.naive / self.session


def measure(prober: Prober, cells: Sequence[Cell]) -> Timing:
    """Measure ``cells`` of one target in both ways."""
    lines = [shlex.split(prober.repro_command(cell)) for cell in cells]
    prober.leave()
    start = time.monotonic()
    for line in lines:
        run_process(line, timeout=NAIVE_SECONDS)
    naive = time.monotonic() - start
    start = time.monotonic()
    for cell in cells:
        seen = prober.observe(cell)
        if seen.outcome is not Outcome.PASS:
            raise UsageError(f"{cell.id}: {seen.outcome}: {seen.evidence}; only passes are timed")
    prober.leave()
    return Timing(
        target=cells[0].target.key,
        cells=len(cells),
        naive=naive,
        session=time.monotonic() - start,
    )


def passing_cells(prober: Prober, cells: Sequence[Cell], count: int) -> list[Cell]:
    """Return ``count`` passing cells, repeated if there are fewer."""
    passing = [cell for cell in cells if prober.observe(cell).outcome is Outcome.PASS]
    if not passing:
        raise UsageError(f"{cells[0].target.key}: no cell passes, so nothing can be timed")
    return list(itertools.islice(itertools.cycle(passing), count))


def format_timings(timings: Sequence[Timing]) -> Table:
    """Return the results as a table."""
    table = Table(title="seconds per cell")
    for heading in ("target", "cells", "naive", "session", "ratio"):
        table.add_column(heading, justify="left" if heading == "target" else "right")
    for t in timings:
        naive, session = t.naive / t.cells, t.session / t.cells
        row = (f"{t.cells}", f"{naive:.2f}", f"{session:.2f}", f"{t.ratio:.1f} x")
        table.add_row(t.target, *row)
    return table


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; return the exit status."""
    parser = argparse.ArgumentParser("python -m harness.bench.sessions", description=__doc__)
    parser.add_argument("targets", nargs="*", default=TARGETS, metavar="TARGET/ARCH")
    parser.add_argument("--cells", type=int, default=CELLS, help="cells per target")
    chosen = parser.parse_args(arguments)
    options = ProberOptions()
    matrix = read_matrix(options.matrix_folder)
    every = plan_cells(matrix, Selection())
    console = Console()
    timings = []
    with (
        tempfile.TemporaryDirectory(prefix="wheelgrid-bench-") as folder,
        open_prober(matrix, options, Journal(Path(folder) / "journal.jsonl")) as prober,
    ):
        for key in chosen.targets:
            console.print(f"{key}: {chosen.cells} cells in both ways", highlight=False)
            cells = [cell for cell in every if cell.target.key == key]
            if not cells:
                known = did_you_mean(key, (target.key for target in matrix.targets))
                raise UsageError(f"no cell is on target {key!r}{known}")
            timings.append(measure(prober, passing_cells(prober, cells, chosen.cells)))
    console.print(format_timings(timings))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except HarnessError as error:
        print(f"wheelgrid: {error}", file=sys.stderr)  # noqa: T201
        sys.exit(error.exit_code)
