"""Annotations as GitHub Actions reads them."""

import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from harness.core.cells import Outcome
from harness.report.annotations import MOST, annotations
from harness.results.grid import Grid
from tests.support.cells import cells, cells_on, see
from tests.support.cells import grid as grid_of


def parsed(line: str) -> tuple[str, str, str]:
    """Return level, title and message as the runner decodes them."""
    found = re.fullmatch(r"::(\w+) title=([^:,]*)::(.*)", line)
    assert found is not None, line
    return found[1], _decoded(found[2]), _decoded(found[3])


def _decoded(text: str) -> str:
    for code, char in (("3A", ":"), ("2C", ","), ("0D", "\r"), ("0A", "\n"), ("25", "%")):
        text = text.replace(f"%{code}", char)
    return text


def test_golden(grid: Grid, golden: Callable[[str, str], None]) -> None:
    golden("annotations.txt", annotations(grid))


def test_one_line_for_each_subject_and_cause(grid: Grid) -> None:
    """Errors come first; expected failures and cells that were not run have none."""
    lines = [parsed(line) for line in annotations(grid).splitlines()]
    titles = [(level, title) for level, title, _ in lines]
    assert titles == [
        ("error", "threads: pass, expected timeout"),
        ("error", "pyyaml: install-failed"),
        ("error", "plain: import-failed"),
        ("error", "pyyaml: timeout"),
        ("warning", "plain: miss infra:build"),
    ]


@pytest.mark.parametrize(
    "evidence",
    [
        "x\n::error::forged",
        "x\r::add-mask::y",
        "100%0A::stop-commands::z",
        "::set-output name=a::b",
        "\x1b[2J\u202e\u2028::error::",
    ],
)
def test_evidence_is_no_command(evidence: str) -> None:
    """One line, whatever a wheel prints; its percent signs stay."""
    (cell,) = cells(1)
    cell = replace(cell, subject=replace(cell.subject, id="a,b::c%"))
    seen = replace(see(cell, Outcome.IMPORT_FAILED), evidence=evidence)
    (line,) = annotations(grid_of((cell, seen))).splitlines()
    level, title, message = parsed(line)
    assert (level, title) == ("error", "a,b::c%: import-failed")
    assert message.startswith("debian-12/s390x: ")
    assert message.count("%") == evidence.count("%")


def test_targets_share_a_line() -> None:
    """Cells of one subject and cause, with the evidence of the first."""
    failed = [
        (cell, replace(see(cell, Outcome.CRASHED), evidence=cell.target.arch_name))
        for cell in cells_on("debian-12/x86_64", "debian-12/s390x", subjects=1)
    ]
    (line,) = annotations(grid_of(*failed)).splitlines()
    assert parsed(line)[2] == "debian-12/{x86_64,s390x}: x86_64"


def test_rest_is_counted() -> None:
    """GitHub shows ten of a kind."""
    failed = [(cell, see(cell, Outcome.CRASHED)) for cell in cells(MOST + 5)]
    lines = annotations(grid_of(*failed)).splitlines()
    assert len(lines) == MOST
    assert parsed(lines[-1])[1:] == ("6 more", "6 more cells; the summary has them")
    assert annotations(grid_of(*failed[:MOST])).count("::error") == MOST
    assert annotations(grid_of()) == ""
