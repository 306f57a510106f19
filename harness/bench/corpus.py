"""Judge the rules of prediction by published wheels: ``python -m harness.bench.corpus``.

Every row of ``matrix/corpus.yaml`` is predicted and, on the targets that this machine can make
itself, observed. Printed are recall, precision, every miss with what was seen, and every row that
an observation or a report contradicts. ``--predict`` observes nothing.
"""

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

from harness.app.execute import run_cells
from harness.app.pytest_driver import RunOptions
from harness.app.wiring import (
    ProberOptions,
    open_passports,
    open_pinned,
    open_provider,
    open_reader,
    read_matrix,
)
from harness.core.causes import Cause, same_reason
from harness.core.cells import Cell, Expectation, Outcome
from harness.core.errors import ExitCode, HarnessError, PackageIndexError
from harness.core.observations import Observation, Prediction
from harness.core.subjects import DependencyOptions, FileSource, Subject, WheelRef
from harness.core.targets import Target
from harness.host.package_data import matrix_folder
from harness.matrix.files.corpus_file import CorpusShape, load_corpus
from harness.predict.batch import predict_cells
from harness.report.console import Console, print_data, say
from harness.results.grid import Grid, exit_code
from harness.store import default_store
from harness.wheels.index.fetch import PackageIndex
from harness.wheels.index.lock import LockedWheel

RECALL = 0.9
"""The share of breakages that must be predicted with their cause; no pass may be denied."""
UNREADABLE_CAUSES = frozenset(
    {
        Cause.ABI_MISMATCH,
        Cause.CPU_BASELINE,
        Cause.EMULATOR_SUSPECT,
        Cause.ENDLESS_OUTPUT,
        Cause.INCOMPLETE_PYTHON,
        Cause.MEMORY_LIMIT,
        Cause.PIDS_LIMIT,
        Cause.QUIET,
        Cause.SIGNAL,
        Cause.TIMEOUT,
    }
)
"""Causes that only show when the code runs: no rule predicts them."""
OPENED = {Outcome.IMPORT_FAILED, Outcome.LOAD_FAILED}
"""What a library that does not load may end in: it is opened while importing, or later."""


@dataclass(frozen=True, kw_only=True, slots=True)
class JudgedCell:
    """A row on one target."""

    where: str
    """``file:line`` of the row."""
    row: CorpusShape
    target: str
    prediction: Prediction | None = None
    """None if nothing could be predicted."""
    observation: Observation | None = None
    lacking: str = ""
    """Why nothing is known: the index has deleted the file."""

    @property
    def cause(self) -> str:
        """The right cause; empty for a pass."""
        return self.row.cause or ""

    @property
    def breaks(self) -> bool:
        return self.row.outcome is not Outcome.PASS

    @property
    def alarms(self) -> bool:
        """Whether a failure is predicted."""
        return self.prediction is not None and self.prediction.outcome is not Outcome.PASS

    @property
    def is_right(self) -> bool:
        """Whether the prediction has the row's cause, and fails where the row does.

        Whether a library is opened during the import or later is in code, which is not read.
        """
        said = self.prediction
        return (
            said is not None
            and said.cause == self.cause
            and (said.outcome is self.row.outcome or {said.outcome, self.row.outcome} <= OPENED)
        )

    @property
    def contradicted(self) -> bool:
        """Whether the observation is not what the row says."""
        seen = self.observation
        if seen is None or seen.outcome is Outcome.MISS:
            return False
        return seen.outcome is not self.row.outcome or not same_reason(seen.cause, self.cause)


@dataclass(frozen=True, kw_only=True, slots=True)
class Score:
    """How many cells are predicted right."""

    found: int
    """Breakages that are predicted with their cause."""
    breakages: int
    alarms: int
    """Predicted failures."""
    true_alarms: int
    """Predicted failures that do fail."""

    @property
    def recall(self) -> float:
        return self.found / self.breakages if self.breakages else 1.0

    @property
    def precision(self) -> float:
        return self.true_alarms / self.alarms if self.alarms else 1.0


def score(cells: Iterable[JudgedCell]) -> Score:
    """Count the right predictions."""
    cells = tuple(cells)
    alarms = [cell for cell in cells if cell.alarms]
    return Score(
        found=sum(cell.breaks and cell.is_right for cell in cells),
        breakages=sum(cell.breaks for cell in cells),
        alarms=len(alarms),
        true_alarms=sum(cell.breaks for cell in alarms),
    )


def main(words: Sequence[str]) -> ExitCode:
    """Predict, observe and print. Exits 1 below the target, or where a row is contradicted."""
    options = _options(words)
    try:
        cells = _judged(options)
    except HarnessError as error:
        say(str(error))
        return error.exit_code
    for line in report_lines(cells):
        print_data(line)
    return ExitCode.AS_EXPECTED if meets_target(cells) else ExitCode.UNEXPECTED


def meets_target(cells: Sequence[JudgedCell]) -> bool:
    """Whether recall is high enough, no pass is denied and no row contradicted or without file."""
    readable = score(cell for cell in cells if cell.row.cause not in UNREADABLE_CAUSES)
    fine = all(not (cell.contradicted or cell.lacking) for cell in cells)
    return fine and readable.recall >= RECALL and score(cells).precision == 1


def report_lines(cells: Sequence[JudgedCell]) -> Iterator[str]:
    """Yield the figures, then each miss, each contradiction and each row without a file."""
    readable = [cell for cell in cells if cell.row.cause not in UNREADABLE_CAUSES]
    rows = {cell.where for cell in cells}
    yield f"{len(rows)} rows, {len(cells)} cells; predictions with the right cause:"
    parts = {
        "all breakages": cells,
        "those that bytes show": readable,
        "those the rules were not written with": [c for c in readable if not c.row.known],
    }
    for title, part in parts.items():
        one = score(part)
        yield f"  recall {one.recall:6.1%}  {one.found} of {one.breakages}: {title}"
    one = score(cells)
    yield f"  precision {one.precision:6.1%}  {one.true_alarms} of {one.alarms} predicted failures"
    observed = [c.observation for c in cells if c.observation]
    missed = sum(seen.outcome is Outcome.MISS for seen in observed)
    yield f"{len(observed) - missed} cells observed, {missed} missed"
    yield from _section("not predicted", (c for c in cells if c.breaks and not c.is_right))
    yield from _section("false alarms", (c for c in cells if c.alarms and not c.breaks))
    yield from _section("observed otherwise than the row", (c for c in cells if c.contradicted))
    yield from _section("without a file", (c for c in cells if c.lacking))
    told = {c.where: c.row for c in cells if c.row.contradicts}
    if told:
        yield "reports that are contradicted:"
    for where, row in told.items():
        yield f"  {where}: {row.file}: {row.contradicts} ({row.link})"


def _section(title: str, cells: Iterable[JudgedCell]) -> Iterator[str]:
    found = list(cells)
    if found:
        yield f"{title}:"
    for cell in found:
        yield f"  {cell.where}: {cell.target}: {cell.row.file}"
        yield f"    right:     {_words(cell.row.outcome, cell.cause, cell.row.why)}"
        if cell.lacking:
            yield f"    lacking:   {cell.lacking}"
        if said := cell.prediction:
            yield f"    predicted: {_words(said.outcome, said.cause, said.evidence)}"
        if seen := cell.observation:
            yield f"    seen:      {_words(seen.outcome, seen.cause, seen.evidence)}"


def _words(outcome: Outcome, cause: str, evidence: str) -> str:
    return "  ".join(filter(None, (outcome.value, cause, evidence)))


def _options(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="harness.bench.corpus", description=__doc__)
    parser.add_argument("--matrix", type=Path, default=matrix_folder())
    parser.add_argument("--predict", action="store_true", help="observe nothing")
    parser.add_argument("--target", default="*", metavar="GLOB", help="<target>/<arch>")
    parser.add_argument("--project", default="*", metavar="GLOB")
    parser.add_argument("--out", type=Path, default=Path("corpus-results"))
    parser.add_argument("--store", type=Path, default=default_store(), help="reuse its results")
    parser.add_argument("-n", "--workers", type=int, default=2)
    return parser.parse_args(words)


def _judged(options: argparse.Namespace) -> list[JudgedCell]:
    matrix = read_matrix(options.matrix)
    targets = {target.key: target for target in matrix.targets}
    section = load_corpus(options.matrix, targets)
    asked = ProberOptions(matrix_folder=options.matrix)
    index = open_pinned(asked, say)
    passports, reader = open_passports(options.matrix), open_reader()
    provider = open_provider(matrix, asked, index)
    judged: list[JudgedCell] = []
    observable: dict[int, Cell] = {}
    for entry, row in zip(section.entries, section.shapes, strict=True):
        keys = [key for key in row.targets if fnmatchcase(key, options.target)]
        if not keys or not fnmatchcase(row.project, options.project):
            continue
        where = f"{entry.place.file}:{entry.place.line}"
        blank = JudgedCell(where=where, row=row, target="")
        try:
            subject = _subject(row, index)
            here = [targets[key] for key in keys]
            predicted = list(predict_cells([subject], here, passports, provider, reader))
        except PackageIndexError as error:
            judged += [replace(blank, target=key, lacking=str(error)) for key in keys]
            continue
        for one in predicted:
            if _is_local(one.cell.target):
                observable[len(judged)] = replace(one.cell, expectation=_expected(row, where))
            judged.append(replace(blank, target=one.cell.target.key, prediction=one.prediction))
    return judged if options.predict else _observed(judged, observable, options)


def _subject(row: CorpusShape, index: PackageIndex) -> Subject:
    """Return the subject of a row, with its file. Raises ``PackageIndexError``."""
    wheel: WheelRef = index.fetch(LockedWheel(filename=row.file, sha256=row.sha256))
    return Subject(
        id=f"{row.project}-{row.version}-{row.sha256[:8]}",
        group=f"published wheels that {'pass' if row.outcome is Outcome.PASS else 'fail'}",
        source=FileSource(paths=(wheel.path,)),
        imports=tuple(row.imports),
        dependencies=DependencyOptions() if row.dependencies else None,
    )


def _expected(row: CorpusShape, where: str) -> Expectation | None:
    if row.outcome is Outcome.PASS:
        return None
    return Expectation(
        target="*",
        arch="*",
        outcome=row.outcome,
        cause=row.cause or "",
        reason=row.why,
        link=row.link,
        where=where,
    )


def _is_local(target: Target) -> bool:
    return target.assembled is not None or target.replica is not None


def _observed(
    judged: list[JudgedCell], observable: dict[int, Cell], options: argparse.Namespace
) -> list[JudgedCell]:
    run = RunOptions(
        matrix=options.matrix,
        out=options.out,
        workers=options.workers,
        images="local",
        store=options.store,
    )
    seen: dict[str, Observation | None] = {}

    def conclude(grid: Grid) -> ExitCode:
        seen.update({cell.cell.id: cell.observation for cell in grid.cells})
        return exit_code(grid)

    run_cells(tuple(observable.values()), run, Console(stderr=True), conclude=conclude)
    for at, cell in observable.items():
        judged[at] = replace(judged[at], observation=seen.get(cell.id))
    return judged


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
