"""Judge the rules of prediction by published wheels: ``python -m harness.bench.corpus``.

Every row of ``matrix/corpus.yaml`` is predicted and, on the targets that this machine can make
itself, observed. Printed are recall, precision, every miss with what was seen, and every row that
an observation or a report contradicts. ``--predict`` observes nothing. What is observed is stored
immediately, so that an interrupted run continues where it was.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path

from harness.app.execute import run_cells
from harness.app.prober_options import ProberOptions
from harness.app.pytest_driver import RunOptions
from harness.app.wiring import open_passports, open_pinned, open_provider, open_reader, read_matrix
from harness.bench.judged_corpus import JudgedCell, meets_target, report_lines
from harness.bench.recorded_corpus import (
    RecordedCell,
    RecordedCorpus,
    predict_recorded,
    reduced,
    write_recorded,
)
from harness.core.cells import Cell, Expectation, Outcome
from harness.core.errors import ExitCode, HarnessError, PackageIndexError
from harness.core.machines import recorded_on
from harness.core.observations import Prediction
from harness.core.passport import Passport, Symbols
from harness.core.subjects import DependencyOptions, FileSource, Subject, WheelRef
from harness.core.targets import Target
from harness.host.package_data import matrix_folder
from harness.matrix.files.corpus_file import CorpusShape, load_corpus
from harness.matrix.files.resolve import pinned
from harness.predict.batch import predict_cells
from harness.predict.cell import beside_of
from harness.report.console import Console, print_data, say
from harness.results.grid import Grid, exit_code
from harness.store import default_store
from harness.wheels.archive.contents import WheelFacts
from harness.wheels.index.fetch import PackageIndex
from harness.wheels.index.lock import LockedWheel
from harness.wheels.provider import Refusal


def main(words: Sequence[str]) -> ExitCode:
    """Predict, observe and print. Exits 1 below the target, or where a row is contradicted."""
    options = _options(words)
    try:
        corpus = _Corpus(options)
        if options.record:
            write_recorded(options.record, corpus.record())
            return ExitCode.AS_EXPECTED
        cells = corpus.judged()
    except HarnessError as error:
        say(str(error))
        return error.exit_code
    for line in report_lines(cells):
        print_data(line)
    return ExitCode.AS_EXPECTED if meets_target(cells) else ExitCode.UNEXPECTED


def _options(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="harness.bench.corpus", description=__doc__)
    parser.add_argument("--matrix", type=Path, default=matrix_folder())
    parser.add_argument("--predict", action="store_true", help="observe nothing")
    parser.add_argument("--record", type=Path, metavar="FILE", help="write the facts, and end")
    parser.add_argument("--target", default="*", metavar="GLOB", help="<target>/<arch>")
    parser.add_argument("--project", default="*", metavar="GLOB")
    parser.add_argument("--out", type=Path, default=Path("corpus-results"))
    parser.add_argument("--store", type=Path, default=default_store(), help="reuse its results")
    parser.add_argument("-n", "--workers", type=int, default=2)
    return parser.parse_args(words)


class _Corpus:
    """The chosen rows of the file, and what predictions of them need."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        matrix = read_matrix(options.matrix)
        self._targets = {target.key: target for target in matrix.targets}
        self._section = load_corpus(options.matrix, self._targets)
        asked = ProberOptions(matrix_folder=options.matrix)
        self._index = open_pinned(asked, say)
        self._passports, self._reader = open_passports(options.matrix), open_reader()
        self._provider = open_provider(matrix, asked, self._index)

    def rows(self) -> Iterator[tuple[str, CorpusShape, list[str]]]:
        """Yield where each chosen row is, the row, and its chosen targets."""
        for entry, row in zip(self._section.entries, self._section.shapes, strict=True):
            keys = [key for key in row.targets if fnmatchcase(key, self._options.target)]
            if keys and fnmatchcase(row.project, self._options.project):
                yield f"{entry.place.file}:{entry.place.line}", row, keys

    def judged(self) -> list[JudgedCell]:
        """Predict, and observe if that is asked for."""
        judged: list[JudgedCell] = []
        observable: dict[int, Cell] = {}
        for where, row, keys in self.rows():
            blank = JudgedCell(where=where, row=row, target="")
            try:
                subject = _subject(row, self._index)
                here = [self._targets[key] for key in keys]
                predicted = list(
                    predict_cells([subject], here, self._passports, self._provider, self._reader)
                )
            except PackageIndexError as error:
                judged += [replace(blank, target=key, lacking=str(error)) for key in keys]
                continue
            for one in predicted:
                if _is_local(one.cell.target):
                    observable[len(judged)] = replace(one.cell, expectation=_expected(row, where))
                judged.append(replace(blank, target=one.cell.target.key, prediction=one.prediction))
        options = self._options
        return judged if options.predict else _observed(judged, observable, options)

    def record(self) -> RecordedCorpus:
        """Return what the rows resolve to, and the facts. Raises ``PackageIndexError``."""
        cells: list[RecordedCell] = []
        facts: dict[str, WheelFacts] = {}
        for _, row, keys in self.rows():
            subject = _subject(row, self._index)
            for target in (self._targets[key] for key in keys):
                passport = recorded_on(self._passports, target)
                if passport is None:
                    continue
                found = self._provider.wheels_for(subject, target, passport)
                cell = RecordedCell(file=row.file, target=target.key, imports=subject.imports)
                if isinstance(found, Refusal):
                    cells.append(replace(cell, refused=found.cause))
                    continue
                *others, wheel = found
                beside = beside_of(others, resolved=row.dependencies)
                around = tuple(each.sha256 for each in beside.wheels)
                cell = replace(cell, wheel=wheel.sha256, beside=around, closed=beside.closed)
                read = {w.sha256: self._reader.facts(w) for w in (wheel, *beside.wheels)}
                whole = {sha256: each for sha256, each in read.items() if each}
                facts = {sha: reduced(each) for sha, each in whole.items()} | facts
                symbols = self._passports.symbols
                if _predict(cell, facts, passport, symbols) != _predict(
                    cell, whole, passport, symbols
                ):
                    facts |= {s: reduced(each, own_symbols=True) for s, each in whole.items()}
                cells.append(cell)
        return RecordedCorpus(cells=tuple(cells), facts=facts)


def _predict(
    cell: RecordedCell, facts: dict[str, WheelFacts], passport: Passport, symbols: Symbols
) -> Prediction | None:
    return predict_recorded(RecordedCorpus(cells=(), facts=facts), cell, passport, symbols)


def _subject(row: CorpusShape, index: PackageIndex) -> Subject:
    """Return the subject of a row, with its file. Raises ``PackageIndexError``."""
    wheel: WheelRef = index.fetch(LockedWheel(filename=row.file, sha256=row.sha256))
    return Subject(
        id=f"{row.project}-{row.version}-{row.sha256[:8]}",
        group=f"published wheels that {'pass' if row.outcome is Outcome.PASS else 'fail'}",
        source=FileSource(paths=(wheel.path,)),
        imports=tuple(row.imports),
        companions=tuple(pinned(pin) for pin in row.companions),
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
    prober = ProberOptions(matrix_folder=options.matrix, images="local")
    run = RunOptions(prober=prober, out=options.out, workers=options.workers, store=options.store)
    ended: list[Grid] = []

    def conclude(grid: Grid) -> ExitCode:
        ended.append(grid)
        return exit_code(grid)

    run_cells(tuple(observable.values()), run, Console(stderr=True), conclude=conclude)
    seen = {cell.cell.id: cell.observation for grid in ended for cell in grid.cells}
    for at, cell in observable.items():
        judged[at] = replace(judged[at], observation=seen.get(cell.id))
    return judged


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
