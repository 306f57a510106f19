"""How cells are chosen by stored results."""

from pathlib import Path

from harness.app.execute import choose_cells
from harness.core.cells import Outcome
from harness.results.query import parse_query
from harness.store import open_store
from tests.support.cells import cells, saw


def test_a_query_goes_by_the_latest_result_of_each_cell(tmp_path: Path) -> None:
    """Whichever run measured it: one of another wheel in between changes nothing."""
    ours, (other,) = tuple(cells(2)), cells(1, target="debian-13")
    with open_store(tmp_path / "s.db", write=True) as store:
        store.add(store.begin(ours), [saw(cell, Outcome.CRASHED) for cell in ours])
        store.add(store.begin(ours[:1]), [saw(ours[0], Outcome.PASS)])
        store.add(store.begin([other]), [saw(other, Outcome.CRASHED)])
    chosen = choose_cells(ours, parse_query("outcome:crashed"), tmp_path / "s.db")
    assert [cell.id for cell in chosen] == [ours[1].id]
