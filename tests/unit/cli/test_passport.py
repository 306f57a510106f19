"""``wheelgrid passport`` without an engine."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness.passports.recording import PassportChange, RecordingResult
from harness.report.passport import format_entry
from tests.support.commands import ROOT

Run = Callable[..., Any]
FACTS = ROOT / "tests" / "data" / "facts.json"


def test_facts_are_written(wheelgrid: Run, matrix: Path) -> None:
    """Facts become records of the targets that replicate them."""
    result = wheelgrid("passport", "--facts", FACTS, "--matrix", matrix)
    assert result.status == 0
    assert result.out == f"0 passports from {FACTS} in {matrix / 'passports'}\n"


def test_format_entry() -> None:
    """The target, the result and escaped lines."""
    entry = RecordingResult(
        target="debian-12/s390x", change=PassportChange.CHANGED, lines=("-a", "+\x1b[2J")
    )
    assert format_entry(entry) == "debian-12/s390x: changed\n  -a\n  +\\x1b[2J"
