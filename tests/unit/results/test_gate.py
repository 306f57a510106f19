"""The release gate: regressions, lost platforms and exit codes."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from harness.core.cells import Cell, Outcome
from harness.core.errors import ExitCode, UsageError
from harness.core.subjects import FileSource, IndexSource, Subject
from harness.report.gate import format_gate
from harness.results.compare import ChangeKind
from harness.results.gate import (
    GatePair,
    GateResult,
    compare_releases,
    pair_up,
    project_of,
    with_distinct_ids,
)
from harness.results.grid import build_grid
from tests.support.cells import expect, make_cell, make_subject, see

NEW = make_subject("my_pkg-1.1", "/x.whl")
BASE = make_subject("my-pkg-1.0", source=IndexSource(name="my-pkg", version="1.0"))
PAIR = GatePair(new=NEW, base=BASE)
PASS, REFUSED, FAILED, MISS = Outcome.PASS, Outcome.REFUSED, Outcome.IMPORT_FAILED, Outcome.MISS


def cell(subject: Subject, target: str, *, expected: Outcome | None = None) -> Cell:
    name, arch = target.split("/")
    made = make_cell(expectation=expect(expected) if expected else None)
    return replace(made, subject=subject, target=replace(made.target, id=name, arch_name=arch))


def gate(
    seen: Mapping[str, tuple[Outcome | None, Outcome | None]],
    *,
    partial: bool = False,
    expected: Outcome | None = None,
) -> GateResult:
    """Compare new with released results by target; None means no cell."""
    sides = [
        (cell(subject, target, expected=expected if subject is NEW else None), outcome)
        for target, outcomes in seen.items()
        for subject, outcome in zip((BASE, NEW), outcomes, strict=True)
        if outcome
    ]
    grid = build_grid([c for c, _ in sides], [see(c, outcome) for c, outcome in sides])
    return compare_releases(grid, [PAIR], partial=partial)


@pytest.mark.parametrize(
    ("base", "new", "code", "strict"),
    [
        (PASS, PASS, 0, 0),
        (FAILED, PASS, 0, 0),
        (FAILED, FAILED, 0, 1),
        (PASS, FAILED, 1, 1),
        (REFUSED, FAILED, 1, 1),
        (REFUSED, REFUSED, 0, 0),
        (FAILED, REFUSED, 0, 0),
        (PASS, REFUSED, 1, 1),
        (PASS, None, 1, 1),
        (None, FAILED, 0, 1),
        (PASS, MISS, 3, 3),
        (MISS, FAILED, 3, 1),
    ],
)
def test_only_regressions_fail_the_gate(
    base: Outcome | None, new: Outcome | None, code: int, strict: int
) -> None:
    """With strict, any failure of the new wheels does."""
    gated = gate({"a/x86_64": (base, new)})
    assert (gated.code(strict=False), gated.code(strict=True)) == (code, strict)


def test_a_platform_without_a_wheel() -> None:
    """Reported by arch and libc, with targets if only some lose the wheel."""
    gated = gate(
        {
            "a/armv7l": (PASS, None),
            "b/armv7l": (PASS, REFUSED),
            "a/x86_64": (PASS, None),
            "b/x86_64": (PASS, PASS),
            "a/s390x": (REFUSED, REFUSED),
        }
    )
    assert [str(lost).partition(":")[0] for lost in gated.lost] == [
        "armv7l (glibc) users would fall back to the sdist",
        "x86_64 (glibc) users would fall back to the sdist on a",
    ]
    assert "my-pkg-1.0 has a wheel that works on 2 targets there" in str(gated.lost[0])
    assert str(gated.lost[0]) in format_gate(gated).plain


def test_partial_release_reports_no_lost_platform() -> None:
    """A failure still counts."""
    seen = {"a/armv7l": (PASS, None), "b/armv7l": (PASS, REFUSED), "a/x86_64": (PASS, PASS)}
    gated = gate(seen, partial=True)
    assert gated.code(strict=False) is ExitCode.AS_EXPECTED
    assert "sdist" not in format_gate(gated).plain
    assert gate({**seen, "b/x86_64": (PASS, FAILED)}, partial=True).code(strict=False) == 1


def test_expected_failures_do_not_count() -> None:
    gated = gate({"a/x86_64": (PASS, FAILED)}, expected=FAILED)
    assert (gated.code(strict=False), gated.code(strict=True)) == (0, 0)


def test_regressions_and_fixes_are_listed() -> None:
    """With both results and the counts."""
    gated = gate({"a/x86_64": (PASS, FAILED), "a/s390x": (FAILED, PASS)})
    text = format_gate(gated).plain
    assert "a/x86_64/my_pkg-1.1  pass → import-failed" in text
    assert "a/s390x/my_pkg-1.1  import-failed → pass" in text
    assert text.endswith("1 cells worse, 1 better")
    assert gated.comparison.counts[ChangeKind.REGRESSED] == 1


def test_releases_are_paired_by_project() -> None:
    """Names are normalized."""
    other = replace(NEW, id="other-2.0")
    assert pair_up([other, NEW], [BASE]) == (PAIR,)
    assert project_of(NEW) == project_of(BASE) == "my-pkg"
    with pytest.raises(UsageError, match=r"my-pkg is not among the new wheels: other-2.0"):
        pair_up([other], [BASE])
    with pytest.raises(UsageError, match="my-pkg is more than once among"):
        pair_up([NEW, replace(NEW, id="my_pkg-1.2")], [BASE])


def test_rebuilt_version_has_a_distinct_id() -> None:
    again = replace(BASE, source=FileSource(paths=("/x.whl",)))
    (released,) = with_distinct_ids([again], [BASE])
    assert (released.id, released.source) == ("my-pkg-1.0-released", BASE.source)
    assert with_distinct_ids([NEW], [BASE]) == (BASE,)
