"""The query language, tested with the table shared by all implementations."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.cells import Outcome
from harness.results.grid import build_grid
from harness.results.query import Facts, QueryError, parse_query, planned_facts, seen_facts
from tests.support.cells import make_cell, see

TABLE: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "data" / "query.json").read_text("utf-8")
)
CELLS = [Facts(**cell) for cell in TABLE["cells"]]


@pytest.mark.parametrize("case", TABLE["queries"], ids=lambda case: repr(case["query"]))
def test_a_query_finds_its_cells(case: dict[str, Any]) -> None:
    query = parse_query(case["query"])
    found = [number for number, cell in enumerate(CELLS) if query.matches(cell)]
    assert found == case["finds"], case["why"]


@pytest.mark.parametrize("case", TABLE["mistakes"], ids=lambda case: repr(case["query"]))
def test_an_invalid_query_reports_its_column(case: dict[str, Any]) -> None:
    with pytest.raises(QueryError) as caught:
        parse_query(case["query"])
    assert caught.value.column == case["column"]
    assert f"column {case['column']}: {case['complaint']}" in str(caught.value)


@given(st.text())
def test_any_text_parses_or_raises_query_error(text: str) -> None:
    column = 1
    try:
        parse_query(text).matches(CELLS[0])
    except QueryError as error:
        column = error.column
    assert 1 <= column <= max(1, len(text))


def test_outcome_queries_need_an_earlier_run() -> None:
    assert parse_query("numpy -outcome:pass").asks_what_was_seen
    assert not parse_query("numpy target:debian-*").asks_what_was_seen


def test_fields_of_planned_and_seen_cells() -> None:
    cell = make_cell()
    planned = planned_facts(cell)
    (seen,) = build_grid([cell], [see(cell, Outcome.CRASHED, "signal")]).cells
    assert parse_query("target:debian-12 arch:s390x group:group plain").matches(planned)
    assert planned.outcome == planned.verdict == ""
    assert parse_query("outcome:crashed cause:signal verdict:unexpected").matches(seen_facts(seen))
