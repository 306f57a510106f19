"""Answer a request with something rendered: entity tags, compression, the format asked for."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter
from starlette.requests import Request
from starlette.responses import Response

from harness.serve.rendered import RenderCache, Rendered, rendered

HTML, JSON, SVG, ATOM = (
    "text/html; charset=utf-8",
    "application/json",
    "image/svg+xml",
    "application/atom+xml",
)
_VARY = "Accept, Accept-Encoding, Authorization"
_ADAPTERS: dict[type, TypeAdapter[Any]] = {}


@dataclass(frozen=True, kw_only=True, slots=True)
class Answers:
    """Makes answers, and keeps what was rendered."""

    cache: RenderCache

    def json(self, request: Request, key: tuple[str, ...], make: Callable[[], object]) -> Response:
        """Answer with a value as JSON; ``key``: what it depends on."""
        return self.text(request, ("json", *key), lambda: (as_json(make()), JSON))

    def text(
        self, request: Request, key: tuple[str, ...], make: Callable[[], tuple[str, str]]
    ) -> Response:
        """Answer with a text of a media type."""
        return _respond(request, self.cache.get(key, lambda: rendered(*make())))


def wants_json(request: Request) -> bool:
    """Return whether the client asks for JSON rather than a page."""
    accepted = request.headers.get("accept", "")
    return "application/json" in accepted and "text/html" not in accepted


def as_json(value: object) -> str:
    """Return a dataclass as JSON."""
    kind = type(value)
    adapter = _ADAPTERS.setdefault(kind, TypeAdapter(kind))
    return adapter.dump_json(value).decode() + "\n"


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
