"""Keep rendered answers in memory, by what they were made of. For one event loop."""

import asyncio
import gzip
import hashlib
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass

MOST_BYTES = 64 * 1024 * 1024
"""Maximum bytes of all kept answers."""
FORMER_SECONDS = 15.0
"""How old an answer may be that is given while the next one of a run in progress is rendered."""
HTML, JSON, SVG, ATOM = (
    "text/html; charset=utf-8",
    "application/json",
    "image/svg+xml",
    "application/atom+xml",
)
Text = tuple[str, str]
"""A text and its media type."""
_WORTH_ZIPPING = 1024
_LEVEL = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Rendered:
    """The bytes of an answer, plain if they are few and compressed otherwise."""

    kind: str
    """Its media type."""
    body: bytes
    zipped: bool
    tag: str
    """Its entity tag, without quotes (RFC 9110, section 8.8.3)."""

    def plain(self) -> bytes:
        return gzip.decompress(self.body) if self.zipped else self.body


def rendered(text: str, kind: str) -> Rendered:
    """Return the answer with this text."""
    whole = text.encode()
    zipped = len(whole) > _WORTH_ZIPPING
    body = gzip.compress(whole, _LEVEL, mtime=0) if zipped else whole
    return Rendered(kind=kind, body=body, zipped=zipped, tag=hashlib.sha256(whole).hexdigest()[:32])


@dataclass(frozen=True, kw_only=True, slots=True)
class _Kept:
    version: Hashable
    answer: Rendered
    made_at: float


class RenderCache:
    """Answers by name and version, the least recently used of which are dropped.

    An answer is rendered once, however many wait for it.
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most = most_bytes
        self._kept: OrderedDict[Hashable, _Kept] = OrderedDict()
        self._size = 0
        self._making: dict[Hashable, asyncio.Task[Rendered]] = {}

    async def get(
        self,
        name: Hashable,
        version: Hashable,
        make: Callable[[], Awaitable[Rendered]],
        *,
        changing: bool = False,
    ) -> Rendered:
        """Return the kept answer, or make and keep it.

        ``changing``: the next version comes soon anyway, so that the former one is returned while
        this one is made, unless it is older than ``FORMER_SECONDS``.
        """
        kept = self._kept.get(name)
        if kept is not None:
            self._kept.move_to_end(name)
            if kept.version == version:
                return kept.answer
        making = self._making.get((name, None if changing else version))
        if making is None:
            making = asyncio.create_task(self._make(name, version, make))
            key = (name, None if changing else version)
            self._making[key] = making
            making.add_done_callback(lambda done: self._forget(key, done))
        if changing and kept and time.monotonic() - kept.made_at < FORMER_SECONDS:
            return kept.answer
        return await asyncio.shield(making)

    def _forget(self, key: Hashable, done: asyncio.Task[Rendered]) -> None:
        del self._making[key]
        if not done.cancelled():
            done.exception()  # those who wait get it; asyncio need not complain if nobody waits

    async def _make(
        self, name: Hashable, version: Hashable, make: Callable[[], Awaitable[Rendered]]
    ) -> Rendered:
        started_at = time.monotonic()
        made = await make()
        if former := self._kept.pop(name, None):
            self._size -= len(former.answer.body)
        self._kept[name] = _Kept(version=version, answer=made, made_at=started_at)
        self._size += len(made.body)
        while self._size > self._most and len(self._kept) > 1:
            _, dropped = self._kept.popitem(last=False)
            self._size -= len(dropped.answer.body)
        return made
