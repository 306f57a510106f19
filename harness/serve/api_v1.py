"""The API under ``/api/v1``: runs, cells, comparisons, search, and the status of projects."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from harness.report.atom import atom_feed
from harness.report.badge import badge_svg, subject_badge
from harness.report.changes import ComparisonRecord, comparison_json
from harness.results.compare import compare_grids
from harness.results.grid import GridCell
from harness.results.past import Transition, transitions
from harness.results.query import parse_query, seen_facts
from harness.results.runfile import Run, run_json
from harness.serve.documents import (
    CellHistory,
    CellPage,
    NotFoundError,
    ProjectStatus,
    RunPage,
    Trouble,
    cell_line,
    project_status,
    run_line,
)
from harness.serve.responses import ATOM, JSON, SVG, Answers
from harness.serve.store_reader import StoredRun, StoreReader
from harness.store.history import cell_results, runs_with

PREFIX = "/api/v1"
MOST_RUNS = 200
MOST_CELLS = 1000
FEED_RUNS = 14
"""Runs whose changes a feed has."""

Limit = Annotated[int, Query(ge=1, le=MOST_RUNS, description="Maximum of entries.")]
CellLimit = Annotated[int, Query(ge=1, le=MOST_CELLS, description="Maximum of entries.")]
Place = Annotated[int, Query(ge=0, le=1 << 53, description="As `next` has it.")]
Name = Annotated[str, Path(min_length=1, max_length=300)]
RunName = Annotated[
    str, Query(max_length=100, description="An id, `latest`, `last`, `last~1`, or `last-night`.")
]
TargetName = Annotated[str, Query(max_length=300, description="`TARGET` or `TARGET/ARCH`.")]
Words = Annotated[str, Query(max_length=1000, description="Words of the query language.")]
Moment = Annotated[
    str,
    Query(pattern=r"^(\d{4}-\d\d-\d\d(T[0-9:.+Z-]{0,20})?)?$", description="UTC, ISO 8601."),
]
TROUBLES: dict[int | str, dict[str, Any]] = {
    code: {"model": Trouble} for code in (400, 401, 404, 422)
}
"""The errors of every route."""


class Api:
    """Answers from an self._reader."""

    def __init__(self, reader: StoreReader, answers: Answers) -> None:
        self._reader = reader
        self._answers = answers

    def list_runs(  # noqa: PLR0913 - one for each parameter of the query
        self,
        *,
        request: Request,
        label: Annotated[str, Query(max_length=100)] = "",
        target: Annotated[
            str, Query(max_length=300, description="`TARGET` or `TARGET/ARCH`.")
        ] = "",
        since: Moment = "",
        until: Moment = "",
        before: Place = 0,
        limit: Limit = 50,
    ) -> Response:
        """List the runs, newest first, by label, target and date."""
        numbers = runs_with(self._reader.store, target) if target else None
        found = [
            run
            for run in self._reader.runs()
            if label in ("", run.label)
            and (not since or run.started_at >= since)
            and (not until or run.started_at < until)
            and (numbers is None or run.number in numbers)
        ]
        place = next((i for i, run in enumerate(found) if run.number == before), -1) + 1
        shown = found[place : place + limit]
        live = {run.id for run in self._reader.live_runs()}
        given = {"label": label, "target": target, "since": since, "until": until, "limit": limit}
        more = found[place + limit :]
        page = RunPage(
            runs=tuple(run_line(run, live=run.id in live) for run in shown),
            next=_next("/runs", {**given, "before": shown[-1].number}) if more else "",
        )
        return self._answers.json(request, ("runs", repr(page)), lambda: page)

    def one_run(self, *, request: Request, run: Name) -> Response:
        """Return a run as `run.json`. The name is an id, `latest`, `last` or `last-night`."""
        state = self._reader.state(run)
        return self._answers.text(
            request,
            ("run.json", state.tag),
            lambda: (run_json(self._reader.store.run(state.info)), JSON),
        )

    def run_cells(
        self,
        *,
        request: Request,
        run: Name,
        q: Words = "",
        after: Place = 0,
        limit: CellLimit = 200,
    ) -> Response:
        """List the cells of a run that match a query."""
        return self._cells(
            request, f"/runs/{run}/cells", self._reader.state(run), q, (after, limit)
        )

    def search(
        self,
        *,
        request: Request,
        q: Words = "",
        run: RunName = "latest",
        after: Place = 0,
        limit: CellLimit = 200,
    ) -> Response:
        """Search the cells of a run, the latest by default, in the query language."""
        return self._cells(request, "/search", self._reader.state(run), q, (after, limit))

    def _cells(
        self, request: Request, path: str, state: StoredRun, q: str, part: tuple[int, int]
    ) -> Response:
        query = parse_query(q)
        after, limit = part

        def page() -> CellPage:
            grid = self._reader.grid(state)
            found = [cell for cell in grid.cells if query.matches(seen_facts(cell))]
            given = {"q": q, "run": state.info.id, "after": after + limit, "limit": limit}
            return CellPage(
                run=state.info.id,
                total=len(found),
                cells=tuple(map(cell_line, found[after : after + limit])),
                next=_next(path, given) if len(found) > after + limit else "",
            )

        return self._answers.json(request, ("cells", path, state.tag, q, repr(part)), page)

    def cell_history(
        self,
        *,
        request: Request,
        cell: Name,
        before: Place = 0,
        limit: Limit = 100,
    ) -> Response:
        """List the results of a cell in all runs, newest first."""
        results = cell_results(self._reader.store, cell, before=before, limit=limit + 1)
        if not results and not before:
            raise NotFoundError(f"no run has a cell {cell!r}")
        shown = results[:limit]
        page = CellHistory(
            cell=cell,
            results=tuple(result for _, result in shown),
            next=_next(f"/cells/{cell}/history", {"before": shown[-1][0], "limit": limit})
            if len(results) > limit
            else "",
        )
        return self._answers.json(request, ("history", repr(page)), lambda: page)

    def diff(self, *, request: Request, base: RunName, run: RunName = "latest") -> Response:
        """Compare a run with a base run."""
        old, new = self._reader.state(base), self._reader.state(run)

        def compared() -> tuple[str, str]:
            comparison = compare_grids(self._reader.grid(old), self._reader.grid(new))
            text = comparison_json(comparison, base=old.info.started_at, run=new.info.started_at)
            return text, JSON

        return self._answers.text(request, ("diff", old.tag, new.tag), compared)

    def _project(
        self, project: str, run: str
    ) -> tuple[StoredRun, Callable[[], Sequence[GridCell]]]:
        state = self._reader.state(run)

        def cells() -> Sequence[GridCell]:
            found = [c for c in self._reader.grid(state).cells if c.cell.subject.id == project]
            if not found:
                raise NotFoundError(f"run {state.info.id} has no project {project!r}")
            return found

        return state, cells

    def status(self, *, request: Request, project: Name, run: RunName = "latest") -> Response:
        """Return what a run says of a project."""
        state, cells = self._project(project, run)
        key = ("status", project, state.tag)
        return self._answers.json(
            request, key, lambda: project_status(project, cells(), state.info)
        )

    def badge(self, *, request: Request, project: Name, run: RunName = "latest") -> Response:
        """Draw the standing of a project: works, fails somewhere, or unknown."""
        state, cells = self._project(project, run)

        def drawn() -> tuple[str, str]:
            return badge_svg(subject_badge(project, cells())), SVG

        return self._answers.text(request, ("badge", project, state.tag), drawn)

    def feed(self, *, request: Request, project: Name) -> Response:
        """Return the changes of a project between the last runs as an Atom feed."""
        state, cells = self._project(project, "latest")
        cells()

        def written() -> tuple[str, str]:
            changes = _changes(self._reader, state, project)
            url = f"{request.base_url}projects/{project}"
            return atom_feed(changes, updated=state.info.started_at, url=url), ATOM

        return self._answers.text(
            request, ("feed", project, state.tag, str(request.base_url)), written
        )


def api_router(api: Api) -> APIRouter:
    """Return the routes that read."""
    router = APIRouter(prefix=PREFIX, responses=TROUBLES)
    for path, answer, kind in (
        ("/runs", api.list_runs, RunPage),
        ("/runs/{run}", api.one_run, Run),
        ("/runs/{run}/cells", api.run_cells, CellPage),
        ("/search", api.search, CellPage),
        ("/cells/{cell:path}/history", api.cell_history, CellHistory),
        ("/diff", api.diff, ComparisonRecord),
        ("/projects/{project}/status.json", api.status, ProjectStatus),
    ):
        router.add_api_route(path, answer, response_model=kind)
    for path, draw, media in (
        ("/projects/{project}/badge.svg", api.badge, SVG),
        ("/projects/{project}/feed.atom", api.feed, ATOM),
    ):
        content = {"content": {media: {"schema": {"type": "string"}}}}
        router.add_api_route(path, draw, response_class=Response, responses={200: content})
    return router


def _changes(reader: StoreReader, state: StoredRun, project: str) -> tuple[Transition, ...]:
    """Return the changes of a project in the last runs of the label of ``state``."""
    label = state.info.label
    ended = [run for run in reader.runs() if run.label == label and run.exit_code is not None]
    return transitions([reader.store.run_of(run, project) for run in ended[:FEED_RUNS]][::-1])


def _next(path: str, query: dict[str, object]) -> str:
    return f"{PREFIX}{path}?{urlencode({k: v for k, v in query.items() if v != ''})}"
