"""Make the texts for programs from a store: JSON, badges, feeds.

Each function takes a reader and what the request asks for; it runs in the other process.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import quote, urlencode

from harness.report.atom import atom_feed
from harness.report.badge import badge_svg, subject_badge
from harness.report.changes import comparison_json
from harness.report.listing_pages import Key, cells_by, subject_id, target_key
from harness.results.compare import compare_grids
from harness.results.grid import GridCell
from harness.results.past import transitions
from harness.results.query import parse_query, seen_facts
from harness.results.runfile import run_json
from harness.serve.documents import (
    CellDocument,
    CellPage,
    NotFoundError,
    as_json,
    cell_line,
    project_status,
)
from harness.serve.rendered import ATOM, JSON, SVG, Text
from harness.serve.store_reader import StoredRun, StoreReader
from harness.store.history import CellResult, cell_results

FEED_RUNS = 14
"""Runs whose changes a feed has."""
HISTORY_RESULTS = 100
AXES: dict[str, Key] = {"targets": target_key, "projects": subject_id}


def run_document(reader: StoreReader, state: StoredRun, words: str) -> Text:
    """Return the ``run.json`` of a run, with the cells that match a query."""
    run, query = reader.store.run(state.info), parse_query(words)
    if query.terms:
        fits = [query.matches(seen_facts(cell)) for cell in run.grid.cells]
        cells = tuple(cell for cell, fit in zip(run.cells, fits, strict=True) if fit)
        run = replace(run, cells=cells)
    return run_json(run), JSON


def cells_document(
    reader: StoreReader, state: StoredRun, words: str, path: str, after: int, limit: int
) -> Text:
    """Return the cells of a run that match a query, from the place ``after`` in the run on.

    ``path``: address of the next page, without its query.
    """
    query, cells = parse_query(words), reader.grid(state).cells
    places = [place for place, cell in enumerate(cells, 1) if query.matches(seen_facts(cell))]
    rest = [place for place in places if place > after]
    shown = rest[:limit]
    given = {"q": words, "run": state.info.id, "after": shown[-1:], "limit": limit}
    page = CellPage(
        run=state.info.id,
        total=len(places),
        cells=tuple(cell_line(cells[place - 1]) for place in shown),
        next=f"{path}?{urlencode(given, doseq=True)}" if len(rest) > limit else "",
    )
    return as_json(page), JSON


def axis_document(reader: StoreReader, state: StoredRun, axis: str) -> Text:
    """Return the targets or projects of a run, each with its number of cells."""
    by = cells_by(reader.grid(state).cells, AXES[axis])
    return json.dumps({axis: {one: len(cells) for one, cells in by.items()}}) + "\n", JSON


def one_document(reader: StoreReader, state: StoredRun, axis: str, one: str) -> Text:
    """Return the cells of one target or project of a run."""
    return _all_cells(state, cells_of(reader, state, axis, one)), JSON


def matching_document(reader: StoreReader, state: StoredRun, words: str) -> Text:
    """Return all cells of a run that match a query."""
    return _all_cells(state, matching_cells(reader, state, words)), JSON


def cell_document(reader: StoreReader, state: StoredRun, cell: str, newest: int) -> Text:
    """Return all that is known of a cell of a run; ``newest``: number of its last result."""
    judged = find_cell(reader, state, cell)
    document = CellDocument(
        run=state.info.id,
        cell=cell,
        verdict=judged.verdict,
        expectation=judged.cell.expectation,
        observation=reader.store.last_of(cell, state.info),
        history=tuple(past_results(reader, cell, newest)),
    )
    return as_json(document), JSON


def diff_document(reader: StoreReader, base: StoredRun, run: StoredRun) -> Text:
    """Return the comparison of a run with a base run."""
    comparison = compare_grids(reader.grid(base), reader.grid(run))
    return comparison_json(comparison, base=base.info.started_at, run=run.info.started_at), JSON


def status_document(reader: StoreReader, state: StoredRun, project: str) -> Text:
    """Return what a run says of a project."""
    cells = cells_of(reader, state, "projects", project)
    return as_json(project_status(project, cells, state.info)), JSON


def badge(reader: StoreReader, state: StoredRun, project: str) -> Text:
    """Draw the standing of a project: works, fails somewhere, or unknown."""
    cells = cells_of(reader, state, "projects", project)
    return badge_svg(subject_badge(project, cells)), SVG


def feed(reader: StoreReader, state: StoredRun, project: str, base_url: str) -> Text:
    """Return the changes of a project in the last runs with the label of ``state``."""
    cells_of(reader, state, "projects", project)
    label = state.info.label
    ended = [run for run in reader.runs() if run.label == label and run.exit_code is not None]
    seen = [reader.store.run_of(run, project) for run in ended[:FEED_RUNS]]
    url = f"{base_url}projects/{quote(project)}"
    return atom_feed(transitions(seen[::-1]), updated=state.info.started_at, url=url), ATOM


def cells_of(reader: StoreReader, state: StoredRun, axis: str, one: str) -> list[GridCell]:
    """Return the cells of one target or project. Raises ``NotFoundError`` if there are none."""
    key = AXES[axis]
    found = [cell for cell in reader.grid(state).cells if key(cell) == one]
    if not found:
        raise NotFoundError(f"run {state.info.id} has no {axis[:-1]} {one!r}")
    return found


def matching_cells(reader: StoreReader, state: StoredRun, words: str) -> list[GridCell]:
    """Return the cells of a run that match a query."""
    query = parse_query(words)
    return [cell for cell in reader.grid(state).cells if query.matches(seen_facts(cell))]


def find_cell(reader: StoreReader, state: StoredRun, cell: str) -> GridCell:
    """Return a cell of a run. Raises ``NotFoundError``."""
    judged = next((each for each in reader.grid(state).cells if each.cell.id == cell), None)
    if judged is None:
        raise NotFoundError(f"run {state.info.id} has no cell {cell!r}")
    return judged


def past_results(reader: StoreReader, cell: str, newest: int) -> list[CellResult]:
    """Return the results of a cell up to the one with the number ``newest``, newest first."""
    before = newest + 1
    return [
        result
        for _, result in cell_results(reader.store, cell, before=before, limit=HISTORY_RESULTS)
    ]


def _all_cells(state: StoredRun, cells: Sequence[GridCell]) -> str:
    lines = tuple(map(cell_line, cells))
    return as_json(CellPage(run=state.info.id, total=len(lines), cells=lines, next=""))
