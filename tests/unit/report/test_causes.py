"""Causes and disagreements below the grid."""

from dataclasses import replace

import pytest

from harness.core.causes import Cause
from harness.core.cells import Outcome, Stage
from harness.core.observations import Observation, Prediction
from harness.predict.limits import OPENED_FIRST
from harness.report.causes import count_agreement, shared_detail
from harness.report.predictions import format_explanation
from harness.report.terminal import render_grid
from harness.results.grid import Agreement, Grid, GridCell, build_grid

PASS = Prediction(outcome=Outcome.PASS, stage=Stage.CALL)
SUFFIX = Prediction(
    outcome=Outcome.IMPORT_FAILED,
    stage=Stage.IMPORT,
    cause=Cause.SUFFIX_MISMATCH,
    file="demo/_x.cpython-39-x86_64-linux-gnu.so",
    evidence="_x.so; the interpreter reads .cpython-39-x86_64-linux-musl.so .abi3.so .so",
    explanation="One tag, two names.",
    remedy="Both names.",
    reference="https://example.invalid/2",
)


def predicted(grid: Grid, cell_id: str, said: Prediction, **seen: object) -> Grid:
    """Return the grid with a prediction of one cell, and a change of its observation."""

    def one(cell: GridCell) -> Observation | None:
        if cell.cell.id != cell_id or cell.observation is None:
            return cell.observation
        return replace(cell.observation, prediction=said, **seen)  # type: ignore[arg-type]

    return build_grid([c.cell for c in grid.cells], [o for c in grid.cells if (o := one(c))])


def cell_of(grid: Grid, cell_id: str) -> GridCell:
    return next(cell for cell in grid.cells if cell.cell.id == cell_id)


PLAIN = "debian-12/s390x/plain"
NUMPY = "debian-12/x86_64/numpy"


@pytest.mark.parametrize(
    ("cell_id", "said", "seen", "agreement"),
    [
        (NUMPY, PASS, {}, Agreement.AGREES),
        (NUMPY, SUFFIX, {}, Agreement.DISAGREES),
        (PLAIN, SUFFIX, {}, Agreement.AGREES),
        (PLAIN, PASS, {"evidence": "ImportError: libx.so: cannot open"}, Agreement.DISAGREES),
        (PLAIN, PASS, {"evidence": "No module named 'other'"}, Agreement.LIMIT),
        (PLAIN, PASS, {"evidence": "No module named 'plain._x'"}, Agreement.DISAGREES),
        (PLAIN, PASS, {"evidence": "AttributeError: x"}, Agreement.LIMIT),
        (PLAIN, PASS, {"evidence": "Z3Exception: libz3.so not found."}, Agreement.LIMIT),
        (
            PLAIN,
            PASS,
            {"cause": Cause.MISSING_LIBRARY, "evidence": "OSError: no library called 'cairo'"},
            Agreement.LIMIT,
        ),
        (PLAIN, PASS, {"evidence": "ImportError: x needs y", "cause": ""}, Agreement.LIMIT),
        (PLAIN, SUFFIX, {"cause": Cause.STATIC_TLS}, Agreement.DISAGREES),
        (PLAIN, SUFFIX, {"cause": ""}, Agreement.AGREES),
        (
            PLAIN,
            replace(PASS, evidence=f"libx.so is in the wheel: {OPENED_FIRST}"),
            {"cause": Cause.MISSING_LIBRARY, "evidence": "ImportError: libx.so: cannot open"},
            Agreement.LIMIT,
        ),
        (
            PLAIN,
            replace(SUFFIX, cause=Cause.UNREADABLE),
            {"outcome": Outcome.PASS},
            Agreement.LIMIT,
        ),
        ("debian-12/s390x/threads", PASS, {}, Agreement.LIMIT),
        ("debian-13/riscv64/pyyaml", PASS, {}, Agreement.LIMIT),
        ("debian-13/x86_64/plain", PASS, {}, Agreement.UNKNOWN),
        ("debian-13/riscv64/plain", PASS, {}, Agreement.UNKNOWN),
    ],
)
def test_agreement(
    grid: Grid, cell_id: str, said: Prediction, seen: dict[str, object], agreement: Agreement
) -> None:
    """Outcomes and causes are compared; known limits are counted separately, misses are ignored."""
    assert cell_of(predicted(grid, cell_id, said, **seen), cell_id).agreement is agreement


def test_a_disagreement_is_marked(grid: Grid) -> None:
    """In the table, below it with both sides, and in the last line."""
    wrong = predicted(grid, NUMPY, SUFFIX)
    text = render_grid(wrong, width=120).plain
    assert text.count("≠") == 3  # the table, the legend, the section
    assert f"{NUMPY} predicted import-failed suffix-mismatch, seen pass" in text
    assert text.endswith("0 of 1 as predicted, 1 not as predicted")
    assert render_grid(wrong, width=120, encoding="ascii").plain.isascii()


def test_an_unexpected_outcome_keeps_its_capital(grid: Grid) -> None:
    """A disagreement does not hide an unexpected result."""
    wrong = predicted(grid, PLAIN, PASS, evidence="ImportError: libx.so: cannot open")
    table = render_grid(wrong, width=120).plain.partition("prediction and observation")[0]
    assert "≠" not in table


def test_limits_are_listed_with_their_reason(grid: Grid) -> None:
    """A known limit is no disagreement."""
    text = render_grid(predicted(grid, "debian-12/s390x/threads", PASS), width=120).plain
    assert "1 cell: what code does once it runs" in text
    assert "disagree" not in text


def test_causes_are_grouped(grid: Grid) -> None:
    """A line per cause with the shared detail, most frequent first."""
    seen = predicted(grid, PLAIN, SUFFIX, cause=Cause.SUFFIX_MISMATCH)
    text = render_grid(seen, width=120).plain
    assert "  1 cell: suffix-mismatch -gnu on targets that read only -musl" in text
    assert "  2 cells: tag-refused" in text


def test_shared_detail_of_another_python() -> None:
    """If the triplets are the same, the Python in the name is shown."""
    older = replace(
        SUFFIX,
        file="demo/_x.cpython-310-x86_64-linux-gnu.so",
        evidence="_x.so; the interpreter reads .cpython-313-x86_64-linux-gnu.so .abi3.so .so",
    )
    assert shared_detail(older) == "cpython-310 names on targets that do not read them"


def test_shared_detail_of_arch_names() -> None:
    """If only the arch differs, whole triplets are shown."""
    fedora = replace(
        SUFFIX,
        file="demo/_x.cpython-39-powerpc64le-linux-gnu.so",
        evidence="_x.so; the interpreter reads .cpython-39-ppc64le-linux-gnu.so .abi3.so .so",
    )
    assert (
        shared_detail(fedora) == "powerpc64le-linux-gnu on targets that read only ppc64le-linux-gnu"
    )
    assert not shared_detail(replace(SUFFIX, cause=Cause.NO_EXTENSION))


def test_no_agreement_without_predictions(grid: Grid) -> None:
    assert not count_agreement(grid.cells)


def test_explanation(grid: Grid) -> None:
    """Result, prediction, reason and remedy."""
    story = format_explanation(cell_of(predicted(grid, PLAIN, SUFFIX), PLAIN), width=400)
    for part in ("import-failed (import)", "as seen", "One tag, two names.", "Both names."):
        assert part in story
    assert "\x1b" not in story
    limited = predicted(grid, "debian-12/s390x/threads", PASS)
    told = format_explanation(cell_of(limited, "debian-12/s390x/threads"), width=400)
    assert "a known limit: what code does" in told
    assert "expected" in told
    assert "not run" in format_explanation(cell_of(grid, "debian-13/riscv64/plain"), width=80)
