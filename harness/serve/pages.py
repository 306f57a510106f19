"""The pages: a grid, a run, a target, a project, a cell, a comparison, all runs.

The same address answers with JSON to who asks for it. The grid needs a script; every other page is
a list, and together they have all that the grid has.
"""

import json
from collections.abc import Callable, Iterable
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from harness.core.cells import Outcome
from harness.core.errors import ExitCode
from harness.report.changes import comparison_json, counted
from harness.report.glyphs import GLYPHS, NOT_RUN
from harness.report.html import Link, format_moment, html_page
from harness.report.listing import ENDS
from harness.report.listings import (
    Key,
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
from harness.report.untrusted import visible
from harness.results.compare import ChangeKind, compare_grids
from harness.results.grid import GridCell
from harness.results.past import StoredFacts, past_of
from harness.results.query import parse_query, seen_facts
from harness.results.runfile import run_json
from harness.serve.api_v1 import Name, RunName, Words
from harness.serve.documents import (
    CellDocument,
    CellPage,
    NotFoundError,
    RunPage,
    cell_line,
    run_line,
)
from harness.serve.responses import HTML, JSON, Answers, as_json, wants_json
from harness.serve.store_reader import StoredRun, StoreReader
from harness.store.history import CellResult, cell_results, last_sightings
from harness.store.rows import RunInfo

LIST_RUNS = 200
HISTORY_RESULTS = 100
LIVE_SECONDS = 5
"""How old the page of a run in progress may be; its script adds what was seen since."""
WIDTH = 100
"""Columns of preformatted text."""
AXES: dict[str, tuple[str, Key, Key]] = {
    "targets": ("Targets", target_key, subject_id),
    "projects": ("Projects", subject_id, target_key),
}
Latest = Annotated[str, Query(alias="run", max_length=100, description="`latest` by default.")]


class Pages:
    """Renders the pages of an reader."""

    def __init__(self, reader: StoreReader, answers: Answers) -> None:
        self._reader = reader
        self._answers = answers

    def runs(self, request: Request) -> Response:
        """List the runs, newest first."""
        live = {run.id for run in self._reader.live_runs()}
        runs = self._reader.runs()[:LIST_RUNS]
        page = RunPage(runs=tuple(run_line(run, live=run.id in live) for run in runs), next="")

        def listed() -> Listing:
            rows = tuple(_run_row(run, live=run.id in live) for run in runs)
            parts = (SiteSection(heading="Newest first", rows=rows, nothing="No runs yet."),)
            return Listing(title="Runs", parts=parts)

        return self._either(request, ("runs", repr(page)), listed, lambda: as_json(page))

    def grid(self, request: Request, name: str) -> Response:
        """Show the grid of a run."""
        state = self._reader.state(name)
        if wants_json(request):
            return self._answers.text(
                request,
                ("run.json", state.tag),
                lambda: (run_json(self._reader.store.run(state.info)), JSON),
            )
        return self._answers.text(request, ("grid", state.tag), lambda: (self._grid(state), HTML))

    def _grid(self, state: StoredRun) -> str:
        reader, store = self._reader, self._reader.store
        run = store.run(state.info)
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
            past = past_of(
                run, base=reader.run(reader.state(base.id)) if base else None, known=known
            )
        return html_page(run, past, links=_links(state.info.id), events=events)

    def axis(self, request: Request, name: str, axis: str) -> Response:
        """List the targets or the projects of a run."""
        state, (title, key, _) = self._reader.state(name), AXES[axis]

        def listed() -> Listing:
            by = cells_by(self._reader.grid(state).cells, key)
            at = f"/runs/{state.info.id}/{axis}"
            return overview(title, by, lambda one: f"{at}/{quote(one)}")

        def document() -> str:
            by = cells_by(self._reader.grid(state).cells, key)
            return json.dumps({axis: {one: len(cells) for one, cells in by.items()}}) + "\n"

        return self._either(request, (axis, state.tag), listed, document, state)

    def one_of(self, request: Request, name: str, axis: str, one: str) -> Response:
        """List the cells of one target or project."""
        state, (_, key, other) = self._reader.state(name), AXES[axis]

        def cells() -> list[GridCell]:
            found = [cell for cell in self._reader.grid(state).cells if key(cell) == one]
            if not found:
                raise NotFoundError(f"run {state.info.id} has no {axis[:-1]} {one!r}")
            return found

        return self._either(
            request,
            (axis, one, state.tag),
            lambda: cell_listing(one, cells(), other, _cell_address(state)),
            lambda: _cells_json(state, cells()),
            state,
        )

    def cells(self, request: Request, name: str, words: str) -> Response:
        """List the cells of a run that match a query."""
        state, query = self._reader.state(name), parse_query(words)

        def found() -> list[GridCell]:
            cells = self._reader.grid(state).cells
            return [cell for cell in cells if query.matches(seen_facts(cell))]

        def listed() -> Listing:
            rows = tuple(cell_row(c, c.cell.id, _cell_address(state)) for c in found())
            heading = f"{len(rows)} cells" + (f" that match {visible(words)}" if words else "")
            return Listing(title="Cells", parts=(SiteSection(heading=heading, rows=rows),))

        return self._either(
            request, ("cells", words, state.tag), listed, lambda: _cells_json(state, found()), state
        )

    def cell(self, request: Request, name: str, cell: str) -> Response:
        """Show all that is known of a cell of a run."""
        state = self._reader.state(name)
        results = [
            result for _, result in cell_results(self._reader.store, cell, limit=HISTORY_RESULTS)
        ]

        def found() -> GridCell:
            cells = self._reader.grid(state).cells
            judged = next((each for each in cells if each.cell.id == cell), None)
            if judged is None:
                raise NotFoundError(f"run {state.info.id} has no cell {cell!r}")
            return judged

        def listed() -> Listing:
            return self._cell_listing(state, found(), results)

        def document() -> str:
            judged = found()
            seen = self._reader.store.last_of(cell, state.info)
            return as_json(
                CellDocument(
                    run=state.info.id,
                    cell=cell,
                    verdict=judged.verdict,
                    expectation=judged.cell.expectation,
                    observation=seen,
                    history=tuple(results),
                )
            )

        key = ("cell", cell, state.tag, str(len(results)), results[0].run if results else "")
        return self._either(request, key, listed, document, state)

    def _cell_listing(
        self, state: StoredRun, judged: GridCell, results: list[CellResult]
    ) -> Listing:
        store, cell = self._reader.store, judged.cell
        seen = store.last_of(cell.id, state.info)
        passport_id = seen.provenance.passport_id if seen else ""
        passport = store.passports([passport_id]).get(passport_id)
        said = format_explanation(judged, width=WIDTH)
        parts = [SiteSection(heading="What was seen", text=said)]
        if seen and seen.log:
            parts.append(
                SiteSection(heading="What it printed", text=visible(seen.log, keep="\n\t"))
            )
        rows = tuple(_result_row(each, cell.id) for each in results)
        parts.append(SiteSection(heading="History, newest first", rows=rows))
        if passport:
            text = format_passport(cell.target, passport)
            parts.append(SiteSection(heading="The target's passport", text=text))
        again = f"wheelgrid explain {cell.id}\nwheelgrid repro {cell.id}\n"
        parts.append(SiteSection(heading="Try it again", text=visible(again, keep="\n")))
        return Listing(title=visible(cell.id), subtitle=state.info.id, parts=tuple(parts))

    def compare(self, request: Request, base: RunName, run: RunName = "latest") -> Response:
        """Show what changed from a base run."""
        old, new = self._reader.state(base), self._reader.state(run)

        def listed() -> Listing:
            comparison = compare_grids(self._reader.grid(old), self._reader.grid(new))
            kinds = [kind for kind in ChangeKind if kind not in _UNCHANGED]
            parts = tuple(
                SiteSection(
                    heading=str(kind),
                    rows=tuple(change_row(c, _cell_address(new)) for c in comparison.having(kind)),
                )
                for kind in kinds
                if comparison.having(kind)
            )
            nothing = (SiteSection(heading="Changes", nothing="No cell changed."),)
            return Listing(
                title=f"{old.info.id} → {new.info.id}",
                subtitle=counted(comparison),
                parts=parts or nothing,
            )

        def document() -> str:
            comparison = compare_grids(self._reader.grid(old), self._reader.grid(new))
            return comparison_json(comparison, base=old.info.started_at, run=new.info.started_at)

        return self._either(request, ("compare", old.tag, new.tag), listed, document, new)

    def _either(
        self,
        request: Request,
        key: tuple[str, ...],
        listed: Callable[[], Listing],
        document: Callable[[], str],
        state: StoredRun | None = None,
    ) -> Response:
        """Answer with JSON or with the page of a listing."""
        if wants_json(request):
            return self._answers.text(request, ("as-json", *key), lambda: (document(), JSON))
        links = _links(state.info.id if state else "latest")
        return self._answers.text(
            request, ("page", *key), lambda: (listing_page(listed(), links), HTML)
        )


def page_router(pages: Pages) -> APIRouter:
    """Return the routes of the pages; they are not part of the API's description."""
    router = APIRouter(include_in_schema=False)
    _add_latest(router, pages)
    _add_run(router, pages)
    for axis in AXES:
        _add_axis(router, pages, axis)
    return router


def _add_latest(router: APIRouter, pages: Pages) -> None:
    router.add_api_route("/runs", pages.runs)
    router.add_api_route("/compare", pages.compare)

    @router.get("/")
    def grid(request: Request) -> Response:
        return pages.grid(request, "latest")

    @router.get("/cells")
    def cells(request: Request, q: Words = "", run: Latest = "latest") -> Response:
        return pages.cells(request, run, q)

    @router.get("/cells/{cell:path}")
    def cell(request: Request, cell: Name, run: Latest = "latest") -> Response:
        return pages.cell(request, run, cell)


def _add_run(router: APIRouter, pages: Pages) -> None:
    @router.get("/runs/{run}")
    def grid(request: Request, run: Name) -> Response:
        return pages.grid(request, run)

    @router.get("/runs/{run}/cells")
    def cells(request: Request, run: Name, q: Words = "") -> Response:
        return pages.cells(request, run, q)

    @router.get("/runs/{run}/cells/{cell:path}")
    def cell(request: Request, run: Name, cell: Name) -> Response:
        return pages.cell(request, run, cell)


def _add_axis(router: APIRouter, pages: Pages, axis: str) -> None:
    @router.get(f"/{axis}")
    def latest_axis(request: Request, run: Latest = "latest") -> Response:
        return pages.axis(request, run, axis)

    @router.get(f"/runs/{{run}}/{axis}")
    def run_axis(request: Request, run: Name) -> Response:
        return pages.axis(request, run, axis)

    @router.get(f"/{axis}/{{one:path}}")
    def latest_one(request: Request, one: Name, run: Latest = "latest") -> Response:
        return pages.one_of(request, run, axis, one)

    @router.get(f"/runs/{{run}}/{axis}/{{one:path}}")
    def run_one(request: Request, run: Name, one: Name) -> Response:
        return pages.one_of(request, run, axis, one)


_UNCHANGED = (ChangeKind.SAME, ChangeKind.STILL_FAILING, ChangeKind.NOT_COMPARABLE)


def _links(run: str) -> list[Link]:
    at = "" if run == "latest" else f"/runs/{run}"
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


def _cells_json(state: StoredRun, cells: Iterable[GridCell]) -> str:
    lines = tuple(map(cell_line, cells))
    return as_json(CellPage(run=state.info.id, total=len(lines), cells=lines, next=""))


def _run_row(run: RunInfo, *, live: bool) -> SiteRow:
    ended = run.exit_code is not None
    right = run.exit_code == ExitCode.AS_EXPECTED
    words = ENDS.get(ExitCode(run.exit_code), "") if run.exit_code is not None else "killed"
    words = "running" if live else words
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
