"""Render in one other process, so that the service answers meanwhile.

Rendering a grid of 5,000 cells takes a second of one core, in which this interpreter would answer
nobody.
"""

import asyncio
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import lru_cache
from pathlib import Path
from typing import Any

from harness.serve.documents import RejectedError
from harness.serve.rendered import Rendered, Text, rendered
from harness.serve.store_reader import StoreReader

TRIES = 2


class RenderProcess:
    """The process; it is started when it is needed, and again after its death."""

    def __init__(self) -> None:
        self._pool = _new_pool()

    async def render(
        self, store: Path, view: Callable[..., Text], given: tuple[Any, ...]
    ) -> Rendered:
        """Return what ``view``, a function of a module, makes of the store and the values given.

        Raises what ``view`` raises, and ``RejectedError`` if the process dies repeatedly.
        """
        for _ in range(TRIES):
            pool = self._pool
            try:
                loop = asyncio.get_running_loop()
                return await loop.run_in_executor(pool, _render, store, view, given)
            except BrokenProcessPool:
                if pool is self._pool:
                    self._pool = _new_pool()
        raise RejectedError(503, "this cannot be rendered; try again later")

    def close(self) -> None:
        """End the process; it finishes what it renders."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def _new_pool() -> ProcessPoolExecutor:
    spawn = multiprocessing.get_context("spawn")  # a fork would inherit locks of other threads
    return ProcessPoolExecutor(max_workers=1, mp_context=spawn, initializer=_begin)


def _begin() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(0)


def _render(store: Path, view: Callable[..., Text], given: tuple[Any, ...]) -> Rendered:
    return rendered(*view(_reader(store), *given))


@lru_cache(maxsize=1)
def _reader(store: Path) -> StoreReader:
    return StoreReader(store)
