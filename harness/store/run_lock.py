"""Lock a run of a store, so that one process at a time writes it.

A small file beside the store has one byte per run. The system locks a byte for one process and
releases it however that process ends, ``kill -9`` included.
"""

import contextlib
import fcntl
import os
import struct
from collections.abc import Iterator
from pathlib import Path

from harness.store.database import StoreError, sql_errors
from harness.store.rows import RunInfo

_FLOCK = "hhqqi"
"""``struct flock`` of fcntl(2) on 64-bit Linux: type, whence, start, length, process."""


@contextlib.contextmanager
def hold_run(store: Path, run: RunInfo) -> Iterator[None]:
    """Hold the lock of ``run`` in the store at that path.

    Raises ``StoreError`` if another process holds it. A process holds one run at a time.
    """
    with sql_errors(store):
        byte = os.open(store.with_name(f"{store.name}-writers"), os.O_RDWR | os.O_CREAT, 0o644)
    try:
        with sql_errors(store):
            _take(byte, store, run)
        yield
    finally:
        os.close(byte)


def is_held(store: Path, run: RunInfo) -> bool:
    """Return whether another process holds the lock of ``run``: it is writing the run.

    It asks without taking the lock. A process that holds a run itself must not ask: closing the
    file would release its own lock.
    """
    try:
        byte = os.open(store.with_name(f"{store.name}-writers"), os.O_RDWR)
    except OSError:
        return False
    try:
        asked = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, run.number, 1, 0)
        kind, *_ = struct.unpack(_FLOCK, fcntl.fcntl(byte, fcntl.F_GETLK, asked))
        return bool(kind != fcntl.F_UNLCK)
    finally:
        os.close(byte)


def _take(byte: int, store: Path, run: RunInfo) -> None:
    try:
        fcntl.lockf(byte, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, run.number)
    except (BlockingIOError, PermissionError) as error:  # POSIX allows either
        raise StoreError(
            f"{store}: run {run.id} is still being written by another process; "
            "resume it when that process has ended"
        ) from error
