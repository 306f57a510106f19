"""Send the events of a run in progress (server-sent events, HTML standard, section 9.2).

``cell``: a cell that has finished, with the number of its row as the event's id. ``state``: how
many are done, and what the workers do. ``end``: the run is not written any more. A client that was
cut off names the last id that it has, and gets what came after it.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

from starlette.concurrency import run_in_threadpool

from harness.core.cells import Cell
from harness.report.untrusted import visible
from harness.results.grid import build_grid
from harness.serve.documents import as_json, cell_line
from harness.serve.store_reader import StoredRun, StoreReader

PAUSE = 0.5
"""Seconds between two looks into the store."""
HEARTBEAT = 15.0
"""Seconds of silence after which a comment is sent, so that no proxy closes the connection."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _News:
    """What is new of a run."""

    messages: tuple[str, ...]
    last: int
    state: str
    ended: bool


async def follow(reader: StoreReader, run: str, *, after: int) -> AsyncIterator[str]:
    """Yield the events of the run with that id from the row ``after`` on, until it ends."""
    planned = await run_in_threadpool(_planned, reader, run)
    said, heard = "", time.monotonic()
    while True:
        news = await run_in_threadpool(_news, reader, run, planned, after)
        after = news.last
        messages = [*news.messages]
        if news.state != said:
            said = news.state
            messages.append(f"event: state\ndata: {said}\n\n")
        if news.ended:
            messages.append("event: end\ndata: {}\n\n")
        if not messages and time.monotonic() - heard > HEARTBEAT:
            messages.append(": still there\n\n")
        if messages:
            heard = time.monotonic()
            yield "".join(messages)
        if news.ended:
            return
        await asyncio.sleep(PAUSE)


def _planned(reader: StoreReader, run: str) -> dict[str, Cell]:
    store = reader.store
    return {cell.id: cell for cell in store.cells(store.find(run))}


def _news(reader: StoreReader, run: str, planned: dict[str, Cell], after: int) -> _News:
    # The state is read first: what is stored after the run's end is never missed.
    state = reader.state(run)
    found = reader.store.numbered(state.info, after=after)
    messages = []
    for number, seen in found:
        (judged,) = build_grid([planned[seen.cell]], [seen]).cells
        data = as_json(cell_line(judged)).strip()
        messages.append(f"id: {number}\nevent: cell\ndata: {data}\n\n")
    return _News(
        messages=tuple(messages),
        last=found[-1][0] if found else after,
        state=_progress(reader, state),
        ended=not state.live,
    )


def _progress(reader: StoreReader, state: StoredRun) -> str:
    doing = reader.store.activities(state.info)
    return json.dumps(
        {
            "done": reader.store.count_seen(state.info),
            "total": state.info.cells,
            "doing": [visible(f"{worker} {what}") for worker, what in doing.items()],
        }
    )
