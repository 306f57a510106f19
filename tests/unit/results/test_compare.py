"""Changes since a base, their suspects, and epidemics."""

from dataclasses import replace

import pytest

from harness.core.canary_check import CanaryCheck, MissedCanary
from harness.core.cells import Outcome
from harness.core.subjects import FixtureSource, IndexSource
from harness.results.compare import ChangeKind, Comparison, change_of, compare_grids, confirm
from harness.results.differences import Aspect, passport_lines
from harness.results.grid import build_grid
from tests.support.cells import NEW, OLD, cells, expect, grid, make_cell, saw
from tests.support.passports import make_passport

PASS, FAIL, CRASH = Outcome.PASS, Outcome.IMPORT_FAILED, Outcome.CRASHED
REFUSED, MISS = Outcome.REFUSED, Outcome.MISS


@pytest.mark.parametrize(
    ("base", "now", "change"),
    [
        ((PASS, ""), (PASS, ""), ChangeKind.SAME),
        ((PASS, ""), (FAIL, ""), ChangeKind.REGRESSED),
        ((PASS, ""), (REFUSED, "tag-refused"), ChangeKind.REGRESSED),
        ((REFUSED, "tag-refused"), (FAIL, ""), ChangeKind.REGRESSED),
        ((FAIL, ""), (PASS, ""), ChangeKind.FIXED),
        ((REFUSED, "tag-refused"), (PASS, ""), ChangeKind.FIXED),
        ((FAIL, ""), (REFUSED, "tag-refused"), ChangeKind.CHANGED_CAUSE),
        ((FAIL, "a"), (FAIL, "b"), ChangeKind.CHANGED_CAUSE),
        ((FAIL, "a"), (CRASH, "a"), ChangeKind.CHANGED_CAUSE),
        ((FAIL, "a"), (FAIL, "a"), ChangeKind.STILL_FAILING),
        ((REFUSED, "tag-refused"), (REFUSED, "tag-refused"), ChangeKind.SAME),
        ((PASS, ""), (MISS, "infra:pull"), ChangeKind.NOT_COMPARABLE),
        ((MISS, "infra:pull"), (FAIL, ""), ChangeKind.NOT_COMPARABLE),
        ((PASS, ""), None, ChangeKind.NOT_COMPARABLE),
        (None, (CRASH, ""), ChangeKind.NOT_COMPARABLE),
    ],
)
def test_change_of_a_cell(
    base: tuple[Outcome, str] | None, now: tuple[Outcome, str] | None, change: ChangeKind
) -> None:
    """A miss or a cell that was not run is no regression."""
    cell = make_cell(source=IndexSource(name="x", version="1"))
    sides = (grid((cell, saw(cell, *seen) if seen else None)).cells[0] for seen in (base, now))
    assert change_of(*sides) is change


@pytest.mark.parametrize("side", [0, 1])
def test_a_cell_that_is_not_believed_is_not_compared(side: int) -> None:
    """Its column missed a canary in one of the two runs: no regression, and no epidemic."""
    missed = MissedCanary(canary="hang", expected="timeout", seen="pass")
    every = cells(4)
    sides = [[(cell, saw(cell, outcome)) for cell in every] for outcome in (PASS, FAIL)]
    grids = [grid(*seen) for seen in sides]
    assert compare_grids(*grids).worse
    check = CanaryCheck(target=every[0].target.key, tried=("hang",), missed=(missed,))
    grids[side] = build_grid(every, [seen for _, seen in sides[side]], (check,))
    comparison = compare_grids(*grids)
    assert comparison.counts == {ChangeKind.NOT_COMPARABLE: 4}
    assert not comparison.worse


def test_a_failure_that_is_expected_still_fails() -> None:
    """An expectation does not make a failure a pass."""
    cell = make_cell(expectation=expect(FAIL))
    side = grid((cell, saw(cell, FAIL))).cells[0]
    assert change_of(side, side) is ChangeKind.STILL_FAILING


def test_a_fixture_wheel_refused_twice_still_fails() -> None:
    """A refusal is right only for an index wheel."""
    cell = make_cell(source=FixtureSource(project="plain", builder="cross"))
    side = grid((cell, saw(cell, REFUSED))).cells[0]
    assert change_of(side, side) is ChangeKind.STILL_FAILING


def test_a_cell_on_one_side_only() -> None:
    """It is new or gone, and no regression."""
    old, new = cells(2)
    comparison = compare_grids(grid((old, saw(old, PASS))), grid((new, saw(new, CRASH))))
    assert [(c.id, c.change) for c in comparison.changes] == [
        (new.id, ChangeKind.NEW),
        (old.id, ChangeKind.GONE),
    ]
    assert not comparison.worse


def regress(count: int, of: int, **changed: str) -> Comparison:
    """Compare ``of`` cells that passed, of which the first ``count`` now crash."""
    all_cells = cells(of)
    base = grid(*((cell, saw(cell, PASS)) for cell in all_cells))
    now = grid(
        *(
            (cell, saw(cell, CRASH if number < count else PASS, **changed))
            for number, cell in enumerate(all_cells)
        )
    )
    return compare_grids(base, now)


def test_a_regression_lists_recorded_differences() -> None:
    """Image, wheel and emulator."""
    (found,) = regress(1, 1, image=NEW, wheel="b", qemu="8.0").regressions
    assert [(d.aspect, d.base, d.now) for d in found.differences] == [
        (Aspect.WHEEL, "a", "b"),
        (Aspect.IMAGE, OLD, NEW),
        (Aspect.EMULATOR, "7.2", "8.0"),
    ]


def test_a_new_image_shows_passport_differences() -> None:
    """The installer is a separate aspect."""
    old = make_passport(libc="glibc 2.36", installer="pip 23", tags=("a", "b"))
    new = replace(old, libc="glibc 2.41", installer="pip 25", tags=("b", "c"), kernel="other")
    (cell,) = cells(1)
    comparison = compare_grids(
        grid((cell, saw(cell, PASS, passport="1"))),
        grid((cell, saw(cell, FAIL, passport="2", image=NEW))),
        passports={"1": old, "2": new},
    )
    image, installer = comparison.regressions[0].differences
    assert image.lines == ("tags: without a, with c", "libc: glibc 2.36 → glibc 2.41")
    assert (installer.base, installer.now) == ("pip 23", "pip 25")


def test_order_of_tags_is_a_difference() -> None:
    """It is reported if nothing else differs."""
    old = make_passport(tags=("a", "b"))
    assert passport_lines(old, replace(old, tags=("b", "a"))) == ("tags: in another order",)


@pytest.mark.parametrize(
    ("count", "of", "changed", "epidemics"),
    [
        (4, 6, {"image": NEW}, 1),
        (4, 6, {"qemu": "8.0"}, 1),
        (4, 6, {}, 1),
        (2, 2, {"image": NEW}, 0),
        (3, 9, {"image": NEW}, 0),
        (4, 6, {"image": NEW, "wheel": "b"}, 0),
    ],
)
def test_an_epidemic(count: int, of: int, changed: dict[str, str], epidemics: int) -> None:
    """At least half of the cells and three subjects regress with one environment."""
    comparison = regress(count, of, **changed)
    assert len(comparison.epidemics) == epidemics
    assert len(comparison.regressions) == (0 if epidemics else count)
    assert comparison.worse


def test_an_epidemic_takes_every_cell_once_and_the_narrower_suspect() -> None:
    """The image explains its target although the emulator changed everywhere."""
    ill, well = cells(4, target="debian-12"), cells(6, target="debian-13")
    base = grid(*((cell, saw(cell, PASS)) for cell in (*ill, *well)))
    now = grid(
        *((cell, saw(cell, CRASH, image=NEW, qemu="8.0")) for cell in ill),
        *((cell, saw(cell, PASS, qemu="8.0")) for cell in well),
    )
    (epidemic,) = compare_grids(base, now).epidemics
    assert epidemic.cause is not None
    assert epidemic.cause.aspect is Aspect.IMAGE
    assert epidemic.where == ("debian-12/s390x",)
    assert (len(epidemic.cells), epidemic.exposed) == (4, 4)


def test_a_flaky_cell_is_no_regression() -> None:
    """A cell that changed before without a recorded change is listed, but not counted."""
    (cell,) = cells(1)
    comparison = compare_grids(
        grid((cell, saw(cell, PASS))), grid((cell, saw(cell, CRASH))), flaky=frozenset({cell.id})
    )
    assert comparison.having(ChangeKind.REGRESSED)[0].flaky
    assert not comparison.worse


@pytest.mark.parametrize(
    ("again", "believed"), [(CRASH, True), (FAIL, True), (PASS, False), (MISS, True)]
)
def test_confirm_repeats_regressions(again: Outcome, believed: bool) -> None:
    """A pass is flaky; a miss stays a regression."""
    (cell,) = cells(1)
    first = compare_grids(grid((cell, saw(cell, PASS))), grid((cell, saw(cell, CRASH))))
    assert confirm(first, grid((cell, saw(cell, again)))).worse is believed


def test_unconfirmed_epidemic_is_flaky() -> None:
    first = regress(4, 6, image=NEW)
    again = grid(*((cell, saw(cell, PASS, image=NEW)) for cell in cells(4)))
    assert first.epidemics
    assert confirm(first, again).epidemics == ()
