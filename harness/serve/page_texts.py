"""Make the pages for people from a store.

Each function takes a reader and what the request asks for; it runs in the other process.
"""

from collections.abc import Callable
from urllib.parse import quote

from harness.core.cells import Outcome
from harness.core.errors import ExitCode
from harness.report.changes import counted
from harness.report.glyphs import GLYPHS, NOT_RUN
from harness.report.html import Link, PageService, format_moment, html_page
from harness.report.listing_pages import (
    Listing,
    SiteRow,
    SiteSection,
    cell_listing,
    cell_row,
    cells_by,
    change_row,
    listing_page,
    overview,
    subject_id,
    target_key,
)
from harness.report.passport import format_passport
from harness.report.predictions import format_explanation
from harness.report.stored_runs import ENDS
from harness.report.untrusted import visible
from harness.results.compare import ChangeKind, compare_grids
from harness.results.past import StoredFacts, past_of
from harness.serve.documents import RunLine, RunPage
from harness.serve.json_texts import AXES, cells_of, find_cell, matching_cells, past_results
from harness.serve.rendered import HTML, Text
from harness.serve.store_reader import StoredRun, StoreReader
from harness.store.history import CellResult, last_sightings

WIDTH = 100
"""Columns of preformatted text."""
_OTHER = {"targets": subject_id, "projects": target_key}
_UNCHANGED = (ChangeKind.SAME, ChangeKind.STILL_FAILING, ChangeKind.NOT_COMPARABLE)


def runs_page(_: StoreReader, page: RunPage) -> Text:
    """List the runs, newest first."""
    rows = tuple(map(_run_row, page.runs))
    parts = (SiteSection(heading="Newest first", rows=rows, nothing="No runs yet."),)
    return _page(Listing(title="Runs", parts=parts))


def grid_page(reader: StoreReader, state: StoredRun) -> Text:
    """Show the grid of a run; the page of one in progress follows its events."""
    store, run = reader.store, reader.store.run(state.info)
    events = f"/runs/{state.info.id}/events?after={state.seen}" if state.live else ""
    if state.live:
        past = past_of(run)
    else:
        base = reader.base_of(state.info)
        ids = [f"{cell.target}/{cell.subject}" for cell in run.cells]
        known = StoredFacts(
            passports=store.passports(sorted(run.passport_ids)),
            history=last_sightings(store, ids, until=state.info.started_at),
        )
        past = past_of(run, base=store.run(base, logs=False) if base else None, known=known)
    service = PageService(address=_cell_address(state), events=events)
    return html_page(run, past, links=_links(state), service=service), HTML


def axis_page(reader: StoreReader, state: StoredRun, axis: str) -> Text:
    """List the targets or the projects of a run."""
    by = cells_by(reader.grid(state).cells, AXES[axis])
    at = f"/runs/{state.info.id}/{axis}"
    return _page(overview(axis.capitalize(), by, lambda one: f"{at}/{quote(one)}"), state)


def one_page(reader: StoreReader, state: StoredRun, axis: str, one: str) -> Text:
    """List the cells of one target or project."""
    cells = cells_of(reader, state, axis, one)
    return _page(cell_listing(one, cells, _OTHER[axis], _cell_address(state)), state)


def cells_page(reader: StoreReader, state: StoredRun, words: str) -> Text:
    """List the cells of a run that match a query."""
    found = matching_cells(reader, state, words)
    rows = tuple(cell_row(each, each.cell.id, _cell_address(state)) for each in found)
    heading = f"{len(rows)} cells" + (f" that match {visible(words)}" if words else "")
    return _page(Listing(title="Cells", parts=(SiteSection(heading=heading, rows=rows),)), state)


def cell_page(reader: StoreReader, state: StoredRun, cell: str, newest: int) -> Text:
    """Show all that is known of a cell of a run; ``newest``: number of its last result."""
    store, judged = reader.store, find_cell(reader, state, cell)
    seen = store.last_of(cell, state.info)
    passport_id = seen.provenance.passport_id if seen else ""
    passport = store.passports([passport_id]).get(passport_id)
    parts = [SiteSection(heading="What was seen", text=format_explanation(judged, width=WIDTH))]
    if seen and seen.log:
        parts.append(SiteSection(heading="What it printed", text=visible(seen.log, keep="\n\t")))
    rows = tuple(_result_row(each, cell) for each in past_results(reader, cell, newest))
    parts.append(SiteSection(heading="History, newest first", rows=rows))
    if passport:
        text = format_passport(judged.cell.target, passport)
        parts.append(SiteSection(heading="The target's passport", text=text))
    again = f"wheelgrid explain {cell}\nwheelgrid repro {cell}\n"
    parts.append(SiteSection(heading="Try it again", text=visible(again, keep="\n")))
    return _page(Listing(title=visible(cell), subtitle=state.info.id, parts=tuple(parts)), state)


def compare_page(reader: StoreReader, base: StoredRun, run: StoredRun) -> Text:
    """Show what changed from a base run."""
    comparison = compare_grids(reader.grid(base), reader.grid(run))
    parts = tuple(
        SiteSection(
            heading=str(kind),
            rows=tuple(change_row(change, _cell_address(run)) for change in changes),
        )
        for kind in ChangeKind
        if kind not in _UNCHANGED and (changes := comparison.having(kind))
    )
    nothing = (SiteSection(heading="Changes", nothing="No cell changed."),)
    title = f"{base.info.id} → {run.info.id}"
    listing = Listing(title=title, subtitle=counted(comparison), parts=parts or nothing)
    return _page(listing, run)


def _page(listing: Listing, state: StoredRun | None = None) -> Text:
    return listing_page(listing, _links(state)), HTML


def _links(state: StoredRun | None) -> list[Link]:
    at = f"/runs/{state.info.id}" if state else ""
    return [
        Link(href=at or "/", text="Grid"),
        Link(href=f"{at}/targets", text="Targets"),
        Link(href=f"{at}/projects", text="Projects"),
        Link(href=f"{at}/cells", text="Cells"),
        Link(href="/runs", text="Runs"),
        Link(href="/api/v1/openapi.json", text="API"),
    ]


def _cell_address(state: StoredRun) -> Callable[[str], str]:
    return lambda cell: f"/runs/{state.info.id}/cells/{quote(cell)}"


def _run_row(run: RunLine) -> SiteRow:
    ended = run.exit_code is not None
    right = run.exit_code == ExitCode.AS_EXPECTED
    words = ENDS.get(ExitCode(run.exit_code), "") if run.exit_code is not None else "killed"
    words = "running" if run.live else words
    parts = [words, f"{run.cells} cells", run.label, f"shard {run.shard}" if run.shard else ""]
    return SiteRow(
        name=f"{format_moment(run.started_at)} {run.id}",
        href=f"/runs/{run.id}",
        words=visible(", ".join(filter(None, parts))),
        glyph=(GLYPHS[Outcome.PASS if right else Outcome.MISS] if ended else NOT_RUN).expected,
        outcome=(Outcome.PASS if right else Outcome.MISS) if ended else "",
        loud=run.exit_code == ExitCode.UNEXPECTED,
    )


def _result_row(result: CellResult, cell: str) -> SiteRow:
    return SiteRow(
        name=format_moment(result.when),
        href=f"/runs/{result.run}/cells/{quote(cell)}",
        words=visible(f"{result.outcome} ({result.cause})" if result.cause else result.outcome),
        glyph=GLYPHS[result.outcome].expected,
        outcome=result.outcome,
    )
