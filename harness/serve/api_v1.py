"""The API under ``/api/v1``: runs, cells, comparisons, search, and the status of projects."""

from typing import Annotated, Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Depends, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from harness.report.changes import ComparisonRecord
from harness.results.query import parse_query
from harness.results.runfile import Run
from harness.serve.documents import (
    CellHistory,
    CellPage,
    NotFoundError,
    ProjectStatus,
    RunPage,
    Trouble,
)
from harness.serve.json_texts import (
    badge,
    cells_document,
    diff_document,
    feed,
    run_document,
    status_document,
)
from harness.serve.rendered import ATOM, SVG
from harness.serve.responses import Answers, answer_now
from harness.serve.store_reader import StoredRun, StoreReader
from harness.store.history import cell_results, runs_with

PREFIX = "/api/v1"
MOST_RUNS = 200
MOST_CELLS = 1000
MOST_WORDS = 1000

Limit = Annotated[int, Query(ge=1, le=MOST_RUNS, description="Maximum of entries.")]
CellLimit = Annotated[int, Query(ge=1, le=MOST_CELLS, description="Maximum of entries.")]
Place = Annotated[int, Query(ge=0, le=1 << 53, description="As `next` has it.")]
Name = Annotated[str, Path(min_length=1, max_length=300)]
RunName = Annotated[
    str, Query(max_length=100, description="An id, `latest`, `last`, `last~1`, or `last-night`.")
]
TargetName = Annotated[str, Query(max_length=300, description="`TARGET` or `TARGET/ARCH`.")]
Label = Annotated[str, Query(max_length=100)]


def readable(
    q: Annotated[
        str, Query(max_length=MOST_WORDS, description="Words of the query language.")
    ] = "",
) -> str:
    """Return a query. Raises ``QueryError`` before anything is read for it."""
    parse_query(q)
    return q


Words = Annotated[str, Depends(readable)]
Moment = Annotated[
    str,
    Query(pattern=r"^(\d{4}-\d\d-\d\d(T[0-9:.+Z-]{0,20})?)?$", description="UTC, ISO 8601."),
]
TROUBLES: dict[int | str, dict[str, Any]] = {
    code: {"model": Trouble} for code in (400, 401, 404, 422)
}
"""The errors of every route."""


def api_router(reader: StoreReader, answers: Answers) -> APIRouter:
    """Return the routes that read."""
    router = APIRouter(prefix=PREFIX, responses=TROUBLES)
    _add_runs(router, reader)
    _add_cells(router, reader, answers)
    _add_projects(router, reader, answers)
    return router


def _add_runs(router: APIRouter, reader: StoreReader) -> None:
    @router.get("/runs", response_model=RunPage)
    def list_runs(  # noqa: PLR0913 - one for each parameter of the query
        *,
        request: Request,
        label: Label = "",
        target: TargetName = "",
        since: Moment = "",
        until: Moment = "",
        before: Place = 0,
        limit: Limit = 50,
    ) -> Response:
        """List the runs, newest first, by label, target and date."""
        numbers = runs_with(reader.store, target) if target else None
        runs = reader.runs()
        if before:
            places = [place for place, run in enumerate(runs, 1) if run.number == before]
            runs = runs[places[0] :] if places else ()
        found = [
            run
            for run in runs
            if label in ("", run.label)
            and (not since or run.started_at >= since)
            and (not until or run.started_at < until)
            and (numbers is None or run.number in numbers)
        ]
        shown = found[:limit]
        given = {"label": label, "target": target, "since": since, "until": until, "limit": limit}
        more = {**given, "before": shown[-1].number} if len(found) > limit else {}
        return answer_now(request, reader.run_page(shown, next=_next("/runs", more)))

    @router.get("/cells/{cell:path}/history", response_model=CellHistory)
    def cell_history(
        request: Request, cell: Name, before: Place = 0, limit: Limit = 100
    ) -> Response:
        """List the results of a cell in all runs, newest first."""
        results = cell_results(reader.store, cell, before=before, limit=limit + 1)
        if not results and not before:
            raise NotFoundError(f"no run has a cell {cell!r}")
        shown = results[:limit]
        more = {"before": shown[-1][0], "limit": limit} if len(results) > limit else {}
        page = CellHistory(
            cell=cell,
            results=tuple(result for _, result in shown),
            next=_next(f"/cells/{quote(cell)}/history", more),
        )
        return answer_now(request, page)


def _add_cells(router: APIRouter, reader: StoreReader, answers: Answers) -> None:
    def in_path(run: Name) -> StoredRun:
        return reader.state(run)

    def in_query(run: RunName = "latest") -> StoredRun:
        return reader.state(run)

    def as_base(base: RunName) -> StoredRun:
        return reader.state(base)

    @router.get("/runs/{run}", response_model=Run)
    async def one_run(request: Request, state: Annotated[StoredRun, Depends(in_path)]) -> Response:
        """Return a run as `run.json`. The name is an id, `latest`, `last` or `last-night`."""
        return await answers.of(request, run_document, state, "")

    @router.get("/runs/{run}/cells", response_model=CellPage)
    async def run_cells(
        request: Request,
        state: Annotated[StoredRun, Depends(in_path)],
        q: Words = "",
        after: Place = 0,
        limit: CellLimit = 200,
    ) -> Response:
        """List the cells of a run that match a query."""
        path = f"{PREFIX}/runs/{state.info.id}/cells"
        return await answers.of(request, cells_document, state, q, path, after, limit)

    @router.get("/search", response_model=CellPage)
    async def search(
        request: Request,
        state: Annotated[StoredRun, Depends(in_query)],
        q: Words = "",
        after: Place = 0,
        limit: CellLimit = 200,
    ) -> Response:
        """Search the cells of a run, the latest by default, in the query language."""
        path = f"{PREFIX}/search"
        return await answers.of(request, cells_document, state, q, path, after, limit)

    @router.get("/diff", response_model=ComparisonRecord)
    async def diff(
        request: Request,
        base: Annotated[StoredRun, Depends(as_base)],
        state: Annotated[StoredRun, Depends(in_query)],
    ) -> Response:
        """Compare a run with a base run."""
        return await answers.of(request, diff_document, base, state)


def _add_projects(router: APIRouter, reader: StoreReader, answers: Answers) -> None:
    def in_query(run: RunName = "latest") -> StoredRun:
        return reader.state(run)

    def latest() -> StoredRun:
        return reader.state("latest")

    @router.get("/projects/{project}/status.json", response_model=ProjectStatus)
    async def status(
        request: Request, project: Name, state: Annotated[StoredRun, Depends(in_query)]
    ) -> Response:
        """Return what a run says of a project."""
        return await answers.of(request, status_document, state, project)

    @router.get("/projects/{project}/badge.svg", response_class=Response, responses=_texts(SVG))
    async def draw_badge(
        request: Request, project: Name, state: Annotated[StoredRun, Depends(in_query)]
    ) -> Response:
        """Draw the standing of a project: works, fails somewhere, or unknown."""
        return await answers.of(request, badge, state, project)

    @router.get("/projects/{project}/feed.atom", response_class=Response, responses=_texts(ATOM))
    async def follow_project(
        request: Request, project: Name, state: Annotated[StoredRun, Depends(latest)]
    ) -> Response:
        """Return the changes of a project between the last runs as an Atom feed."""
        return await answers.of(request, feed, state, project, str(request.base_url))


def _texts(media: str) -> dict[int | str, dict[str, Any]]:
    return {200: {"content": {media: {"schema": {"type": "string"}}}}}


def _next(path: str, query: dict[str, Any]) -> str:
    """Return the address of the next page; empty without a query."""
    given = {key: value for key, value in query.items() if value != ""}
    return f"{PREFIX}{path}?{urlencode(given)}" if given else ""
