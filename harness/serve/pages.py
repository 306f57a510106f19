"""The addresses of the pages: grid, runs, targets, projects, cells, comparison.

The same address answers with JSON to who asks for it. An address without a run shows the latest.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import StringConstraints
from starlette.requests import Request
from starlette.responses import Response

from harness.serve.api_v1 import MOST_WORDS, Name, Words, readable
from harness.serve.documents import RunPage
from harness.serve.json_texts import (
    AXES,
    axis_document,
    cell_document,
    diff_document,
    matching_document,
    one_document,
    run_document,
)
from harness.serve.page_texts import (
    axis_page,
    cell_page,
    cells_page,
    compare_page,
    grid_page,
    one_page,
    runs_page,
)
from harness.serve.responses import Answers, answer_now, wants_json
from harness.serve.store_reader import StoredRun, StoreReader

LIST_RUNS = 200
AnyRun = Annotated[str, StringConstraints(max_length=100)]
"""FastAPI takes it from the path of an address that has one, and from its query otherwise."""

PageWords = Annotated[str, StringConstraints(max_length=MOST_WORDS)]


def page_router(reader: StoreReader, answers: Answers) -> APIRouter:
    """Return the routes of the pages; they are not part of the API's description."""
    router = APIRouter(include_in_schema=False)
    _add_runs(router, reader, answers)
    for axis in AXES:
        _add_axis(router, reader, answers, axis)
    _add_cells(router, reader, answers)
    _add_comparison(router, reader, answers)
    return router


def _run_of(reader: StoreReader) -> Any:  # noqa: ANN401 - FastAPI's
    def stored(run: AnyRun = "latest") -> StoredRun:
        return reader.state(run)

    return Depends(stored)


def _add_runs(router: APIRouter, reader: StoreReader, answers: Answers) -> None:
    def newest_runs() -> RunPage:
        return reader.run_page(reader.runs()[:LIST_RUNS])

    @router.get("/runs")
    async def runs(request: Request, page: Annotated[RunPage, Depends(newest_runs)]) -> Response:
        if wants_json(request):
            return answer_now(request, page)
        return await answers.of(request, runs_page, page)

    @router.get("/")
    @router.get("/runs/{run}")
    async def grid(
        request: Request, state: Annotated[StoredRun, _run_of(reader)], q: PageWords = ""
    ) -> Response:
        if wants_json(request):
            return await answers.of(request, run_document, state, readable(q))
        # The page's script reads the query, and reports what is wrong with it.
        return await answers.of(request, grid_page, state)


def _add_comparison(router: APIRouter, reader: StoreReader, answers: Answers) -> None:
    def stored_base(base: AnyRun) -> StoredRun:
        return reader.state(base)

    @router.get("/compare")
    async def compare(
        request: Request,
        base: Annotated[StoredRun, Depends(stored_base)],
        state: Annotated[StoredRun, _run_of(reader)],
    ) -> Response:
        return await answers.either(request, compare_page, diff_document, base, state)


def _add_axis(router: APIRouter, reader: StoreReader, answers: Answers, axis: str) -> None:
    @router.get(f"/{axis}")
    @router.get(f"/runs/{{run}}/{axis}")
    async def whole(request: Request, state: Annotated[StoredRun, _run_of(reader)]) -> Response:
        return await answers.either(request, axis_page, axis_document, state, axis)

    @router.get(f"/{axis}/{{one:path}}")
    @router.get(f"/runs/{{run}}/{axis}/{{one:path}}")
    async def one_of(
        request: Request, state: Annotated[StoredRun, _run_of(reader)], one: Name
    ) -> Response:
        return await answers.either(request, one_page, one_document, state, axis, one)


def _add_cells(router: APIRouter, reader: StoreReader, answers: Answers) -> None:
    def newest(cell: Name) -> int:
        return reader.newest_result(cell)

    @router.get("/cells")
    @router.get("/runs/{run}/cells")
    async def cells(
        request: Request, state: Annotated[StoredRun, _run_of(reader)], q: Words = ""
    ) -> Response:
        return await answers.either(request, cells_page, matching_document, state, q)

    @router.get("/cells/{cell:path}")
    @router.get("/runs/{run}/cells/{cell:path}")
    async def one_cell(
        request: Request,
        state: Annotated[StoredRun, _run_of(reader)],
        cell: Name,
        last: Annotated[int, Depends(newest)],
    ) -> Response:
        return await answers.either(request, cell_page, cell_document, state, cell, last)
