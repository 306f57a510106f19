"""``run.json``: write, read and reject."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.core.errors import ExitCode
from harness.results.grid import Grid
from harness.results.runfile import (
    SCHEMA_FILE,
    Circumstances,
    RunFileError,
    read_run,
    record_run,
    run_schema,
    write_run,
)
from tests.support.passports import make_passport
from tests.support.sample_run import PASSPORT

CIRCUMSTANCES = Circumstances(
    harness="1.0",
    command=("run", "-k", "debian"),
    started_at="2026-11-02T10:00:00+00:00",
    seconds=12.5,
    workers=2,
    phases={"images": 8.0},
)


PASSPORTS = {PASSPORT: make_passport(linked=("libc.so.6",)), "another": make_passport()}


@pytest.fixture
def written(grid: Grid, tmp_path: Path) -> Path:
    path = tmp_path / "run.json"
    write_run(path, record_run(grid, CIRCUMSTANCES, PASSPORTS))
    return path


def test_round_trip(grid: Grid, written: Path) -> None:
    """Grid, verdicts, observations with provenance, and circumstances are kept."""
    run = read_run(written)
    assert run.grid == grid
    assert run.circumstances == CIRCUMSTANCES
    assert run.exit_code is ExitCode.UNEXPECTED


def test_passports_of_a_run(written: Path) -> None:
    """The run has each used passport once, without libraries."""
    assert read_run(written).passports == {PASSPORT: make_passport(linked=())}


def test_golden(written: Path, golden: Callable[[str, str], None]) -> None:
    """Schema 1 does not change."""
    golden("run.json", written.read_text())


def test_the_committed_schema_is_current() -> None:
    """``python -m harness.results.runfile`` renews ``run.schema.json``."""
    assert SCHEMA_FILE.read_text() == run_schema()


def test_the_schema_describes_fields() -> None:
    """Descriptions come from the docstrings."""
    seconds = json.loads(run_schema())["$defs"]["Circumstances"]["properties"]["seconds"]
    assert seconds["description"] == "Wall-clock time of the whole run."


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "not valid JSON"),
        ('{"schema": 1, "cells": [', "not valid JSON"),
        ("[]", "not a run file; one is written by `wheelgrid run --out DIR`"),
        ('{"schema": "1", "cells": []}', "not a run file"),
        ('{"version": 3}', "not a run file"),
        ('{"schema": 2, "cells": []}', "newer harness (schema 2, this one reads 1); upgrade"),
        ('{"schema": 1, "cells": []}', "damaged at circumstances: Field required"),
    ],
)
def test_invalid_run_files(tmp_path: Path, text: str, complaint: str) -> None:
    """Foreign, damaged and newer files have distinct messages."""
    path = tmp_path / "other.json"
    path.write_text(text)
    with pytest.raises(RunFileError) as caught:
        read_run(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert complaint in str(caught.value)


def test_cell_with_unknown_target_is_damage(written: Path) -> None:
    written.write_text(written.read_text().replace('"target": "debian-12/x86_64"', '"target": "?"'))
    with pytest.raises(RunFileError, match=r"a cell names '\?'"):
        read_run(written)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(RunFileError, match=r"none\.json: cannot be read: No such file"):
        read_run(tmp_path / "none.json")


def test_a_full_disk_leaves_the_old_file(grid: Grid, written: Path) -> None:
    """A failed write reports the reason and keeps the old file."""
    before = written.read_bytes()
    written.with_name(f".run.json.{os.getpid()}").mkdir()
    with pytest.raises(RunFileError, match=r"cannot be written: .*; choose another directory"):
        write_run(written, record_run(grid, CIRCUMSTANCES))
    assert written.read_bytes() == before
