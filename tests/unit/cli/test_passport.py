"""``wheelgrid passport``, as far as it asks no engine."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness.app.wiring import ROOT
from harness.passports.recording import PassportChange, RecordingResult
from harness.report.passport import format_entry

Run = Callable[..., Any]
FACTS = ROOT / "tests" / "data" / "facts.json"


def test_without_a_target(wheelgrid: Run, matrix: Path) -> None:
    """Nothing named is an error that names both ways to name something."""
    result = wheelgrid("passport", "--matrix", matrix)
    assert result.status == 2
    assert "--profile" in result.err


def test_a_target_that_is_not_there(wheelgrid: Run, matrix: Path) -> None:
    """A near miss is told."""
    result = wheelgrid("passport", "--record", "--matrix", matrix, "debian-1")
    assert result.status == 2
    assert "no target 'debian-1' in the matrix; did you mean 'debian-1" in result.err


def test_facts_are_written(wheelgrid: Run, matrix: Path) -> None:
    """Facts become records of the targets that replicate them: none in a matrix without any."""
    result = wheelgrid("passport", "--facts", FACTS, "--matrix", matrix)
    assert result.status == 0
    assert result.out == f"0 passports from {FACTS} in {matrix / 'passports'}\n"


def test_facts_that_cannot_be_read(wheelgrid: Run, matrix: Path) -> None:
    """A file that holds no facts is named."""
    file = matrix / "facts.json"
    file.write_text(json.dumps({}))
    result = wheelgrid("passport", "--facts", file, "--matrix", matrix)
    assert result.status == 2
    assert f"{file}: no list of facts" in result.err


def test_an_entry_for_people() -> None:
    """The target, what it came to, and the lines below it with nothing in them that acts."""
    entry = RecordingResult(
        target="debian-12/s390x", change=PassportChange.CHANGED, lines=("-a", "+\x1b[2J")
    )
    assert format_entry(entry) == "debian-12/s390x: changed\n  -a\n  +\\x1b[2J"
