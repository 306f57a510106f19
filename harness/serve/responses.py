"""Answer a request with something rendered: entity tags, compression, the format asked for."""

from collections.abc import Callable
from typing import TypeVarTuple, Unpack

from starlette.requests import Request
from starlette.responses import Response

from harness.serve.documents import as_json
from harness.serve.render_process import RenderProcess
from harness.serve.rendered import JSON, RenderCache, Rendered, Text, rendered
from harness.serve.store_reader import StoredRun, StoreReader

_VARY = "Accept, Accept-Encoding, Authorization"
_Given = TypeVarTuple("_Given")
View = Callable[[StoreReader, Unpack[_Given]], Text]
"""Makes a text of what a store has; a function of a module, so that another process finds it."""


class Answers:
    """Answers with what is rendered in the other process, and keeps it."""

    def __init__(self, reader: StoreReader, renderer: RenderProcess) -> None:
        self._store = reader.path
        self._renderer = renderer
        self._cache = RenderCache()

    async def of(self, request: Request, view: View[*_Given], *given: *_Given) -> Response:
        """Answer with the text that ``view`` makes of the values given."""
        return _respond(request, await self.rendered(view, *given))

    async def either(
        self, request: Request, page: View[*_Given], document: View[*_Given], *given: *_Given
    ) -> Response:
        """Answer with a page, or with JSON to who asks for it."""
        return await self.of(request, document if wants_json(request) else page, *given)

    async def rendered(self, view: View[*_Given], *given: *_Given) -> Rendered:
        """Return the text that ``view`` makes of the values given, rendered now or before."""
        runs = [each for each in given if isinstance(each, StoredRun)]
        name = tuple(each.info.id if isinstance(each, StoredRun) else each for each in given)
        return await self._cache.get(
            (view, name),
            tuple(run.tag for run in runs),
            lambda: self._renderer.render(self._store, view, given),
            changing=any(run.live for run in runs),
        )


def answer_now(request: Request, value: object) -> Response:
    """Answer with a small value as JSON."""
    return _respond(request, rendered(as_json(value), JSON))


def wants_json(request: Request) -> bool:
    """Return whether the client asks for JSON rather than a page."""
    accepted = request.headers.get("accept", "")
    return "application/json" in accepted and "text/html" not in accepted


def _respond(request: Request, answer: Rendered) -> Response:
    headers = {"ETag": f'W/"{answer.tag}"', "Vary": _VARY, "Cache-Control": "no-cache"}
    if _matches(request.headers.get("if-none-match", ""), answer.tag):
        return Response(status_code=304, headers=headers)
    if not answer.zipped:
        return Response(answer.body, media_type=answer.kind, headers=headers)
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(
            answer.body, media_type=answer.kind, headers={**headers, "Content-Encoding": "gzip"}
        )
    return Response(answer.plain(), media_type=answer.kind, headers=headers)


def _matches(header: str, tag: str) -> bool:
    """Whether If-None-Match names the tag; weak and strong ones compare alike (RFC 9110)."""
    given = {each.strip().removeprefix("W/") for each in header.split(",")}
    return f'"{tag}"' in given or "*" in given
