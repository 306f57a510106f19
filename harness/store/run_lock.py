"""Who is writing a run: a store and a run in, this process its only writer while it is held.

One small file beside the store has a byte for each run; the system gives a byte to one process at
a time, and takes it back however that process ends, ``kill -9`` included.
"""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from harness.store.database import StoreError, telling
from harness.store.rows import RunInfo


@contextlib.contextmanager
def hold_run(store: Path, run: RunInfo) -> Iterator[None]:
    """Be the one that writes ``run`` of the store at that path.

    Raises ``StoreError`` where another process is. One process holds one run at a time.
    """
    with telling(store):
        byte = os.open(store.with_name(f"{store.name}-writers"), os.O_RDWR | os.O_CREAT, 0o644)
    try:
        with telling(store):
            _take(byte, store, run)
        yield
    finally:
        os.close(byte)


def _take(byte: int, store: Path, run: RunInfo) -> None:
    try:
        fcntl.lockf(byte, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, run.number)
    except (BlockingIOError, PermissionError) as error:  # POSIX allows either
        raise StoreError(
            f"{store}: run {run.id} is still being written by another process; "
            "go on with it when that has ended, or end that one first"
        ) from error
