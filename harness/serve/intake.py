"""Take runs that are pushed: ``POST /api/v1/runs``, then their parts, then their ending.

Everything is checked before it is stored, and a part is stored whole or not at all. Whatever is
sent again is recognized.
"""

import asyncio
import threading
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Path
from pydantic import TypeAdapter, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from harness.matrix.cell_list import load_cells
from harness.serve.api_v1 import PREFIX, TROUBLES
from harness.serve.documents import RejectedError
from harness.serve.store_reader import StoreReader
from harness.serve.transfer import (
    MOST_CELLS,
    Received,
    RunAnnouncement,
    RunEnding,
    RunPart,
    content_digest,
)
from harness.store.rows import Measured, RunInfo
from harness.store.run_store import Store, open_store

MOST_BYTES = 64 * 1024 * 1024
"""Maximum bytes of a request."""
BODY_SECONDS = 60.0
"""Maximum seconds of sending a request's body."""

_Value = TypeVar("_Value")
RunId = Annotated[str, Path(pattern=r"^\d{8}T\d{6}-[0-9a-f]{8}$")]


class Intake:
    """Stores pushed runs, one request at a time."""

    def __init__(self, reader: StoreReader) -> None:
        self._path = reader.path
        self._lock = threading.Lock()

    def announce(self, run: RunAnnouncement) -> Received:
        """Begin a run, or say how much of it is there."""
        try:
            cells = load_cells(run.cells.encode())
        except (ValidationError, LookupError, UnicodeError) as error:
            raise RejectedError(422, "cells: not a list of cells") from error
        if not 0 < len(cells) <= MOST_CELLS:
            raise RejectedError(422, f"cells: give between 1 and {MOST_CELLS}")
        with self._lock, open_store(self._path, write=True) as store:
            known = _find(store, run.id)
            if known is None:
                known = store.begin(
                    cells,
                    label=run.label,
                    shard=run.shard,
                    started_at=run.started_at,
                    run_id=run.id,
                    harness=run.harness,
                )
            elif (known.started_at, known.label) != (run.started_at, run.label) or (
                store.cells(known) != cells
            ):
                raise RejectedError(409, f"another run has the id {run.id}")
            return _received(store, known)

    def add(self, run_id: str, part: RunPart) -> Received:
        """Store the observations that are not there yet."""
        with self._lock, open_store(self._path, write=True) as store:
            run = _open_run(store, run_id)
            planned = {cell.id for cell in store.cells(run)}
            if any(seen.cell not in planned for seen in part.observations):
                raise RejectedError(422, "observations: of a cell that the run does not plan")
            known = store.count_rows(run)
            if part.after > known:
                raise RejectedError(409, f"{known} observations are there; send from that one on")
            passports = [
                Measured(id=each.id, environment="", passport=each.passport)
                for each in part.passports
            ]
            store.add(run, part.observations[known - part.after :], passports)
            return _received(store, run)

    def end(self, run_id: str, ending: RunEnding) -> Received:
        """Close a run, if all of it is there."""
        with self._lock, open_store(self._path, write=True) as store:
            run = _find(store, run_id)
            if run is None:
                raise RejectedError(404, f"no run {run_id}; announce it first")
            known = store.count_rows(run)
            if known != ending.observations:
                raise RejectedError(409, f"{known} of {ending.observations} observations are there")
            if run.exit_code is None:
                store.end(run, ending.circumstances, ending.exit_code)
            return Received(id=run.id, observations=known, complete=True)


def intake_router(intake: Intake) -> APIRouter:
    """Return the routes that write."""
    router = APIRouter(prefix=PREFIX, responses=TROUBLES)

    @router.post("/runs", openapi_extra=_body(RunAnnouncement))
    async def announce(request: Request) -> Received:
        """Announce a run; the answer says from which observation on to send it."""
        return await _take(request, RunAnnouncement, intake.announce)

    @router.post("/runs/{run}/observations", openapi_extra=_body(RunPart))
    async def add(request: Request, run: RunId) -> Received:
        """Send a part of a run."""
        return await _take(request, RunPart, lambda part: intake.add(run, part))

    @router.post("/runs/{run}/ending", openapi_extra=_body(RunEnding))
    async def end(request: Request, run: RunId) -> Received:
        """Close a run; it must be there as a whole."""
        return await _take(request, RunEnding, lambda ending: intake.end(run, ending))

    return router


async def _take(
    request: Request, kind: type[_Value], work: Callable[[_Value], Received]
) -> Received:
    body = await read_body(request)
    if (digest := request.headers.get("content-digest")) and digest != content_digest(body):
        raise RejectedError(400, "the body is not what Content-Digest says; send it again")

    def taken() -> Received:
        adapter = TypeAdapter(kind)
        try:
            value = adapter.validate_json(body)
            adapter.validate_json(adapter.dump_json(value))  # infinity cannot be read back
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            where = ".".join(map(str, first["loc"])) or "body"
            raise RejectedError(422, f"{where}: {first['msg']}") from error
        return work(value)

    return await run_in_threadpool(taken)


async def read_body(request: Request) -> bytes:
    """Return the body of a request. Raises ``RejectedError`` if it is too large or too slow."""
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for part in request.stream():
                size += len(part)
                if size > MOST_BYTES:
                    raise RejectedError(413, f"a request may have {MOST_BYTES} bytes")
                parts.append(part)
    except TimeoutError as error:
        raise RejectedError(408, f"the body took longer than {BODY_SECONDS:.0f} s") from error
    return b"".join(parts)


def _find(store: Store, run_id: str) -> RunInfo | None:
    return next((run for run in store.runs() if run.id == run_id), None)


def _open_run(store: Store, run_id: str) -> RunInfo:
    run = _find(store, run_id)
    if run is None:
        raise RejectedError(404, f"no run {run_id}; announce it first")
    if run.exit_code is not None:
        raise RejectedError(409, f"run {run_id} is complete")
    return run


def _received(store: Store, run: RunInfo) -> Received:
    return Received(
        id=run.id, observations=store.count_rows(run), complete=run.exit_code is not None
    )


def _body(kind: type) -> dict[str, Any]:
    schema = TypeAdapter(kind).json_schema(ref_template="#/components/schemas/{model}")
    schema.pop("$defs", None)
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}
