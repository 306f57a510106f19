"""The render process: it dies, it reports errors, it ends with the service; what is kept of it."""

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest

from harness.serve import rendered as rendering
from harness.serve.documents import NotFoundError, RejectedError
from harness.serve.json_texts import run_document, status_document
from harness.serve.render_process import RenderProcess
from harness.serve.rendered import RenderCache, Rendered, Text, rendered
from harness.serve.store_reader import StoreReader


def own_id(_: StoreReader) -> Text:
    return str(os.getpid()), "text/plain"


def die(_: StoreReader) -> Text:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def test_views_run_elsewhere(store: Path, renderer: RenderProcess) -> None:
    """A second one runs in the same process."""
    ids = {asyncio.run(renderer.render(store, own_id, ())).body for _ in range(2)}
    assert len(ids) == 1
    assert ids != {str(os.getpid()).encode()}


def test_a_dead_process_is_started_again(store: Path) -> None:
    """A view that kills it is refused, and the next one is answered."""
    process = RenderProcess()

    async def both() -> Rendered:
        with pytest.raises(RejectedError, match="try again later") as refused:
            await process.render(store, die, ())
        assert refused.value.status == 503
        return await process.render(store, own_id, ())

    try:
        other = int(asyncio.run(both()).body)
        os.kill(other, signal.SIGKILL)
        assert int(asyncio.run(process.render(store, own_id, ())).body) != other
    finally:
        process.close()


def test_errors_come_across(store: Path, renderer: RenderProcess) -> None:
    """As the errors that they are, with their words."""
    state = StoreReader(store).state("latest")
    with pytest.raises(NotFoundError, match="has no project 'nope'"):
        asyncio.run(renderer.render(store, status_document, (state, "nope")))


def answer(text: str) -> Callable[[], Awaitable[Rendered]]:
    async def make() -> Rendered:
        return rendered(text, "text/plain")

    return make


def test_one_rendering_for_all_who_wait() -> None:
    """They ask at once; it is made once."""
    made: list[int] = []

    async def make() -> Rendered:
        made.append(1)
        await asyncio.sleep(0)
        return rendered("x", "text/plain")

    async def ask() -> None:
        cache = RenderCache()
        await asyncio.gather(*(cache.get("a", 1, make) for _ in range(20)))
        await cache.get("a", 1, make)
        assert made == [1]
        await cache.get("a", 2, make)
        assert made == [1, 1]

    asyncio.run(ask())


def test_a_failed_rendering_is_tried_again() -> None:
    """Who asks later is not told the old failure."""

    async def fail() -> Rendered:
        raise BrokenProcessPool

    async def ask() -> bytes:
        cache = RenderCache()
        with pytest.raises(BrokenProcessPool):
            await cache.get("a", 1, fail)
        return (await cache.get("a", 1, answer("right"))).body

    assert asyncio.run(ask()) == b"right"


@pytest.mark.parametrize(
    ("changing", "age", "first"), [(True, 60.0, b"old"), (True, 0.0, b"new"), (False, 60.0, b"new")]
)
def test_the_former_page_of_a_run_in_progress(
    monkeypatch: pytest.MonkeyPatch, changing: bool, age: float, first: bytes
) -> None:
    """It is given while the next one is made, unless it is too old or the run has ended."""
    monkeypatch.setattr(rendering, "FORMER_SECONDS", age)

    async def ask() -> tuple[bytes, bytes]:
        cache = RenderCache()
        await cache.get("a", 1, answer("old"), changing=True)
        now = await cache.get("a", 2, answer("new"), changing=changing)
        await asyncio.sleep(0)  # the rendering ends
        return now.body, (await cache.get("a", 2, answer("never"), changing=changing)).body

    assert asyncio.run(ask()) == (first, b"new")


def test_memory_is_bounded() -> None:
    """The least recently used goes first."""

    async def ask() -> None:
        cache = RenderCache(most_bytes=25)
        for name in "abc":
            await cache.get(name, 1, answer(name * 10))
        assert (await cache.get("c", 1, answer("again"))).body == b"c" * 10
        assert (await cache.get("a", 1, answer("again"))).body == b"again"

    asyncio.run(ask())


def test_stars_of_a_query_take_no_time(store: Path) -> None:
    """With ``.*`` for each star this one would take years."""
    reader = StoreReader(store)
    start = time.process_time()
    stars = "*?" * 300
    run_document(reader, reader.state("latest"), f"subject:{stars}x group:{stars}x")
    assert time.process_time() - start < 5
