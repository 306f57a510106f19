"""Put the service together: its routes, who may use them, and how errors are reported."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from http import HTTPStatus
from typing import Annotated

from fastapi import FastAPI, Header
from fastapi.exceptions import RequestValidationError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.types import ASGIApp, Receive, Scope, Send

import harness
from harness.core.errors import HarnessError
from harness.report.untrusted import visible
from harness.serve.access import Access
from harness.serve.api_v1 import PREFIX, Name, Place, api_router
from harness.serve.documents import NotFoundError, RejectedError
from harness.serve.intake import Intake, intake_router
from harness.serve.live import follow
from harness.serve.page_texts import axis_page, grid_page
from harness.serve.pages import page_router
from harness.serve.render_process import RenderProcess
from harness.serve.responses import Answers
from harness.serve.store_reader import StoreReader
from harness.store import StoreError

AHEAD_SECONDS = 2.0
"""How often it is asked whether there is another latest grid."""
MOST_AHEAD = 10.0
"""Seconds that the first rendering may take before the service answers without it."""
MOST_FOLLOWERS = 200
"""Maximum connections that follow runs in progress."""
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
}
_READING = {"GET", "HEAD", "OPTIONS"}


def make_application(
    reader: StoreReader,
    access: Access,
    renderer: RenderProcess,
    *,
    ready: Callable[[], None] = lambda: None,
) -> FastAPI:
    """Return the service of a store; ``ready`` is called when it is ready to answer."""
    answers = Answers(reader, renderer)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(render_latest(reader, answers), MOST_AHEAD)
        following = asyncio.create_task(_follow_latest(reader, answers))
        ready()
        yield
        following.cancel()

    app = FastAPI(
        lifespan=lifespan,
        title="Wheelgrid",
        summary="Will this wheel import there?",
        version=harness.__version__,
        docs_url=None,
        redoc_url=None,
        openapi_url=f"{PREFIX}/openapi.json",
    )
    app.include_router(api_router(reader, answers))
    app.include_router(intake_router(Intake(reader)))
    _add_events(app, reader)
    app.include_router(page_router(reader, answers))
    _add_errors(app)

    @app.middleware("http")
    async def guard(request: Request, go_on: Callable[[Request], Awaitable[Response]]) -> Response:
        reads = request.method in _READING
        allowed = access.may_read(request) if reads else access.may_push(request)
        if not allowed and request.method != "OPTIONS":
            response = _told(request, HTTPStatus.UNAUTHORIZED, "a token is needed")
            response.headers["WWW-Authenticate"] = 'Basic realm="wheelgrid", Bearer'
        else:
            response = await go_on(request)
        response.headers.update(_HEADERS)
        return response

    app.add_middleware(
        CORSMiddleware,
        allow_origins=["*"],
        allow_methods=["GET"],
        allow_headers=["Authorization"],
        expose_headers=["ETag"],
    )
    app.add_middleware(_AnswerHead)
    return app


class _AnswerHead:
    """Answer HEAD as GET (RFC 9110, 9.3.2); the server leaves out the body.

    Streams of events have no end, so that for them it stays a method that is not allowed.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope.get("method") == "HEAD" and not scope["path"].endswith("/events"):
            scope = {**scope, "method": "GET"}
        await self._app(scope, receive, send)


async def _follow_latest(reader: StoreReader, answers: Answers) -> None:
    while True:
        await asyncio.sleep(AHEAD_SECONDS)
        await render_latest(reader, answers)


async def render_latest(reader: StoreReader, answers: Answers) -> None:
    """Render the latest grid before somebody asks for it, if it has changed."""
    with contextlib.suppress(Exception):  # a request for it reports what is wrong
        state = await run_in_threadpool(reader.state, "latest")
        await answers.rendered(grid_page, state)
        await answers.rendered(axis_page, state, "projects")  # the other pages need its grid too


def _add_events(app: FastAPI, reader: StoreReader) -> None:
    followers = set[object]()

    @app.get("/runs/{run}/events", include_in_schema=False)
    @app.get(f"{PREFIX}/runs/{{run}}/events", response_class=StreamingResponse)
    def events(
        run: Name,
        after: Place = 0,
        last_event_id: Annotated[str, Header()] = "",
    ) -> Response:
        """Follow a run in progress (server-sent events): `cell`, `state`, `end`."""
        state = reader.state(run)
        if len(followers) >= MOST_FOLLOWERS:
            raise RejectedError(503, "too many follow runs now; try again later")
        start = int(last_event_id) if re.fullmatch(r"\d{1,15}", last_event_id, re.ASCII) else after
        me = object()

        async def told() -> AsyncIterator[str]:
            followers.add(me)
            try:
                async for message in follow(reader, state.info.id, after=start):
                    yield message
            finally:
                followers.discard(me)

        return StreamingResponse(
            told(), media_type="text/event-stream", headers={"Cache-Control": "no-store"}
        )


def _add_errors(app: FastAPI) -> None:
    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        response = _told(request, error.status_code, str(error.detail))
        response.headers.update(error.headers or {})
        return response

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"][1:])
        return _told(request, HTTPStatus.UNPROCESSABLE_ENTITY, f"{where}: {first['msg']}")

    @app.exception_handler(HarnessError)
    async def ours(request: Request, error: HarnessError) -> Response:
        match error:
            case RejectedError():
                return _told(request, error.status, str(error))
            case NotFoundError():
                return _told(request, HTTPStatus.NOT_FOUND, str(error))
            case StoreError():
                return _told(request, *_of_store(error))
            case _:  # a query that cannot be read
                return _told(request, HTTPStatus.BAD_REQUEST, str(error))


def _of_store(error: StoreError) -> tuple[int, str]:
    """Return status and text of an error of the store, without the path of its file."""
    _, _, what = str(error).partition(": ")
    found = what.startswith(("no run", "several runs"))
    return (HTTPStatus.NOT_FOUND if found else HTTPStatus.SERVICE_UNAVAILABLE), what


def _told(request: Request, status: int, detail: str) -> Response:
    """Return an error, as JSON to programs and as text to people."""
    shown = visible(detail)
    as_page = "text/html" in request.headers.get("accept", "")
    if as_page and not request.url.path.startswith(PREFIX):
        return PlainTextResponse(f"{status}: {shown}\n", status_code=status)
    return JSONResponse({"detail": shown}, status_code=status)
