"""Write and read ``run.json``, the machine-readable form of a run.

``run.schema.json`` beside this module describes the document;
``python -m harness.results.runfile`` renews it. Adding a field keeps the schema number; renaming,
removing or redefining one raises it.
"""

import contextlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError

from harness.core.canary_check import CanaryCheck
from harness.core.cells import Cell, Expectation
from harness.core.errors import ExitCode, HarnessError
from harness.core.machines import AnyTarget
from harness.core.observations import Observation
from harness.core.passport import Passport
from harness.core.subjects import Subject
from harness.results.grid import Agreement, Grid, GridCell, Verdict, exit_code, marked_grid

SCHEMA = 1
SCHEMA_FILE = Path(__file__).with_name("run.schema.json")


class RunFileError(HarnessError):
    """A run file cannot be written or read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Repeats:
    """Measurements whose key an earlier run measured too, so that they must not differ."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(use_attribute_docstrings=True)

    measured: int = 0
    """Number of results that were measured again."""
    differing: tuple[str, ...] = ()
    """Ids of those cells whose outcome is another one than before: false alarms."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RepeatTotals:
    """``Repeats`` of several runs."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(use_attribute_docstrings=True)

    runs: int = 0
    measured: int = 0
    differing: int = 0

    def plus(self, repeats: Repeats) -> "RepeatTotals":
        return RepeatTotals(
            runs=self.runs + 1,
            measured=self.measured + repeats.measured,
            differing=self.differing + len(repeats.differing),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Circumstances:
    """Properties of a run apart from its cells."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(use_attribute_docstrings=True)

    harness: str
    """Version of the harness."""
    command: tuple[str, ...] = ()
    """The words of the command line."""
    started_at: str
    """UTC, ISO 8601."""
    seconds: float
    """Wall-clock time of the whole run."""
    workers: int
    phases: dict[str, float] = field(default_factory=dict)
    """Seconds of work per phase, summed over the workers."""
    interrupted: bool = False
    canaries: tuple[CanaryCheck, ...] = ()
    """What the canaries say of each column that was checked. A column that missed one is not
    believed."""
    unchecked: tuple[str, ...] = ()
    """Columns whose canaries were asked for and not probed, because every result was reused."""
    repeats: Repeats = Repeats()
    """Cells that were measured again although nothing that they depend on changed."""
    repeats_so_far: RepeatTotals = RepeatTotals()
    """The same of all stored runs with the label of this run, this one included."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CellRecord:
    """One cell with its observation and verdict; its target and subject by name."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(use_attribute_docstrings=True)

    target: str
    """``<target>/<arch>`` of one of the run's targets."""
    subject: str
    """Id of one of the run's subjects."""
    verdict: Verdict
    expectation: Expectation | None = None
    observation: Observation | None = None
    """None if the run ended before the cell."""
    agreement: Agreement = Agreement.UNKNOWN
    """Whether the prediction matches the observation, in outcome and cause."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """A whole run."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(use_attribute_docstrings=True)

    schema: Literal[1] = 1
    circumstances: Circumstances
    exit_code: ExitCode
    """0 as expected, 1 unexpected, 3 missed, 4 a fixture wheel failed to build, 130 interrupted."""
    targets: tuple[AnyTarget, ...]
    subjects: tuple[Subject, ...]
    cells: tuple[CellRecord, ...]
    passports: dict[str, Passport] = field(default_factory=dict)
    """By ``provenance.passport_id``: the passports of the targets, without libraries."""

    @property
    def passport_ids(self) -> frozenset[str]:
        seen = (cell.observation for cell in self.cells)
        return frozenset(each.provenance.passport_id for each in seen if each) - {""}

    @property
    def grid(self) -> Grid:
        targets = {target.key: target for target in self.targets}
        subjects = {subject.id: subject for subject in self.subjects}
        cells = (
            GridCell(
                cell=Cell(
                    target=targets[record.target],
                    subject=subjects[record.subject],
                    expectation=record.expectation,
                ),
                verdict=record.verdict,
                observation=record.observation,
            )
            for record in self.cells
        )
        return marked_grid(cells, self.circumstances.canaries)


_RUN: TypeAdapter[Run] = TypeAdapter(Run)
NO_PASSPORTS: Mapping[str, Passport] = MappingProxyType({})


def record_run(
    grid: Grid, circumstances: Circumstances, passports: Mapping[str, Passport] = NO_PASSPORTS
) -> Run:
    """Return ``grid`` as a run, with the ``passports`` that it used, by id."""
    run = Run(
        circumstances=circumstances,
        exit_code=exit_code(grid, interrupted=circumstances.interrupted),
        targets=grid.targets,
        subjects=grid.subjects,
        cells=tuple(
            CellRecord(
                target=c.cell.target.key,
                subject=c.cell.subject.id,
                verdict=c.verdict,
                expectation=c.cell.expectation,
                observation=c.observation,
                agreement=c.agreement,
            )
            for c in grid.cells
        ),
    )
    used = sorted(run.passport_ids & passports.keys())
    return replace(run, passports={name: excerpt(passports[name]) for name in used})


def excerpt(passport: Passport) -> Passport:
    """Return a passport without the libraries that its loader finds."""
    return replace(passport, linked=(), libraries=())


def write_run(path: Path, run: Run) -> None:
    """Write ``run`` as JSON atomically. Raises ``RunFileError``."""
    write_whole(path, run_json(run).encode())


def run_json(run: Run) -> str:
    """Return the JSON document of ``run``."""
    return _RUN.dump_json(run, indent=1).decode() + "\n"


def write_whole(path: Path, data: bytes) -> None:
    """Write ``data`` to ``path`` atomically; create its folder. Raises ``RunFileError``."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_bytes(data)
        draft.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise RunFileError(
            f"{path}: cannot be written: {error.strerror}; choose another directory with --out"
        ) from error


def write_files(folder: Path, files: Mapping[str, str]) -> None:
    """Write each text to its path below ``folder``. Raises ``RunFileError``."""
    for name, text in files.items():
        write_whole(folder / name, text.encode())


def find_record(path: Path, cell_id: str) -> GridCell | None:
    """Return a cell of the run file at ``path``; None if there is no such file or cell."""
    cells = read_run(path).grid.cells if path.exists() else ()
    return next((found for found in cells if found.cell.id == cell_id), None)


def read_run(path: Path) -> Run:
    """Return the run in the file at ``path``.

    Raises ``RunFileError`` for a file that is missing, not a run file, damaged, or of an unknown
    schema.
    """
    try:
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise RunFileError(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise RunFileError(f"{path}: not valid JSON ({error}); run again to write it") from error
    _check_schema(path, document)
    try:
        run = _RUN.validate_python(document, strict=False)
        run.grid  # noqa: B018 - raises KeyError for unknown names
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise RunFileError(f"{path}: damaged at {where}: {first['msg']}") from error
    except KeyError as error:
        raise RunFileError(f"{path}: damaged: a cell names {error}, which is not in it") from error
    return run


def run_schema() -> str:
    """Return the JSON Schema document of a run file."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **_RUN.json_schema(mode="serialization"),
    }
    return json.dumps(schema, indent=2) + "\n"


def _check_schema(path: Path, document: Any) -> None:  # noqa: ANN401 - any JSON value
    schema = document.get("schema") if isinstance(document, dict) else None
    if not isinstance(schema, int) or "cells" not in document:
        raise RunFileError(f"{path}: not a run file; one is written by `wheelgrid run --out DIR`")
    if schema > SCHEMA:
        raise RunFileError(
            f"{path}: written by a newer harness (schema {schema}, this one reads {SCHEMA}); "
            "upgrade wheelgrid"
        )


if __name__ == "__main__":
    SCHEMA_FILE.write_text(run_schema())
