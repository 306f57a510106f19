"""Units of work for many workers."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from harness.matrix.units import LEAST, cut_units
from tests.support.cells import cells_on

KEYS = [f"t{number}/{arch}" for number in range(4) for arch in ("x86_64", "s390x")]


@given(st.integers(0, 40), st.lists(st.floats(0, 900), min_size=len(KEYS), max_size=len(KEYS)))
def test_every_cell_is_in_one_unit(workers: int, seconds: list[float]) -> None:
    """A unit has one target, and the longest comes first."""
    plan = cells_on(*KEYS)
    durations = dict(zip((cell.id for cell in plan), seconds, strict=False))
    units = cut_units(plan, workers, durations)
    assert Counter(c.id for unit in units for c in unit.cells) == Counter(c.id for c in plan)
    assert all(len({cell.target.key for cell in unit.cells}) == 1 for unit in units)
    assert [u.seconds for u in units] == sorted((u.seconds for u in units), reverse=True)
    assert len({unit.name for unit in units}) == len(units)


def test_only_long_units_are_cut() -> None:
    """A target with much more to do than the others is cut into parts of about the same length."""
    plan = cells_on("long/s390x", "short/s390x")
    long = [cell for cell in plan if cell.target.id == "long"]
    durations = {c.id: 3 * LEAST if c in long else 1.0 for c in plan}
    assert {u.name for u in cut_units(plan, 50, durations)} == {
        "short/s390x",
        *(f"long/s390x#{number}" for number in range(1, len(long) + 1)),
    }
    whole = cut_units(plan, 50, dict.fromkeys((c.id for c in plan), 1.0))
    assert [unit.name for unit in whole] == ["long/s390x", "short/s390x"]
