"""Render the runs of a store and the changes of cells."""

from collections.abc import Iterator, Sequence

from harness.core.errors import ExitCode
from harness.report.changes import difference_line, observed_words
from harness.report.untrusted import visible
from harness.store.history import CellTransition
from harness.store.rows import RunInfo

ENDS = {
    ExitCode.AS_EXPECTED: "as expected",
    ExitCode.UNEXPECTED: "not as expected",
    ExitCode.NOTHING_CAN_BE_SAID: "cells missed",
    ExitCode.BUILD_FAILED: "a fixture wheel failed to build",
    ExitCode.INTERRUPTED: "interrupted",
}


def format_runs(runs: Sequence[RunInfo]) -> str:
    """Return a line per run: id, start, cells, end, label and shard."""
    ids, cells = (
        max((len(text) for text in texts), default=0)
        for texts in ([run.id for run in runs], [str(run.cells) for run in runs])
    )
    return "".join(
        f"{run.id:<{ids}}  {run.started_at[:16].replace('T', ' ')}  {run.cells:>{cells}} cells"
        f"  {', '.join(_words(run))}\n"
        for run in runs
    )


def format_transitions(steps: Sequence[CellTransition]) -> str:
    """Return each change: time, cell, both results and other recorded changes."""
    width = max((len(visible(step.now.cell)) for step in steps), default=0)
    return "".join(f"{line}\n" for step in steps for line in _step(step, width))


def _step(step: CellTransition, width: int) -> Iterator[str]:
    sides = " → ".join(visible(observed_words(seen)) for seen in (step.was, step.now))
    yield f"{step.when[:16].replace('T', ' ')}  {visible(step.now.cell):<{width}}  {sides}"
    for difference in step.differences:
        yield f"    {visible(difference_line(difference))}"
        yield from (f"      {visible(line)}" for line in difference.lines)
    if not step.differences:
        yield "    no other recorded change"
    for run in step.doubted:
        yield f"    not believed: its column missed a canary in run {visible(run)}"


def _words(run: RunInfo) -> Iterator[str]:
    # A running run and a killed one cannot be distinguished here.
    yield "not ended" if run.exit_code is None else ENDS[ExitCode(run.exit_code)]
    if run.label:
        yield visible(run.label)
    if run.shard:
        yield f"shard {visible(run.shard)}"
