"""Keep rendered answers in memory, by the content that they were made of."""

import gzip
import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

MOST_BYTES = 64 * 1024 * 1024
"""Maximum bytes of all kept answers."""
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


class RenderCache:
    """Answers by key, the least recently used of which are dropped.

    One thread renders an answer while the others wait for it.
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most = most_bytes
        self._kept: OrderedDict[tuple[str, ...], Rendered] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()
        self._making: dict[tuple[str, ...], threading.Lock] = {}

    def get(self, key: tuple[str, ...], make: Callable[[], Rendered]) -> Rendered:
        """Return the kept answer of ``key``, or make and keep it."""
        if found := self._find(key):
            return found
        with self._lock:
            making = self._making.setdefault(key, threading.Lock())
        with making:
            if found := self._find(key):
                return found
            made = make()
            self._keep(key, made)
            return made

    def _find(self, key: tuple[str, ...]) -> Rendered | None:
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
            return found

    def _keep(self, key: tuple[str, ...], made: Rendered) -> None:
        with self._lock:
            self._making.pop(key, None)
            self._kept[key] = made
            self._size += len(made.body)
            while self._size > self._most and len(self._kept) > 1:
                _, dropped = self._kept.popitem(last=False)
                self._size -= len(dropped.body)
