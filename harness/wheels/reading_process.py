"""The process that reads wheels: its memory and processor time are limited.

Each request is a line of JSON, ``{"task": …, …}``, with the arguments of one of ``TASKS``. The
answer is a letter and text: ``F`` and what was read, ``E`` and why the file is no wheel, ``R`` and
the ranges that are missing in a file that is not there as a whole, ``L`` if the archive's
directory is too large, ``M`` if the memory was not enough, or ``X`` and the name of another error.
At the limit of time the system ends the process.
"""

import json
import os
import resource
import sys
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, cast

from harness.core.errors import WheelError
from harness.host.process import ANSWER_HEADER
from harness.wheels.archive.contents import WheelFacts, read_wheel
from harness.wheels.archive.listing import read_listing, read_native
from harness.wheels.archive.metadata import metadata_fields
from harness.wheels.archive.partial_file import MissingRangesError, PartialFile
from harness.wheels.archive.zip_reader import LargeDirectoryError
from harness.wheels.site_archive import site_archive

READING = ("harness.core", "harness.wheels")
"""Packages that have all the code of this process that decides what is read."""
MEMORY = 3 << 30
"""Bytes of address space: the largest native member once, its facts, and the program."""
PROCESSOR_SECONDS = 120
"""For one wheel. Unpacking 4 GiB takes about 20 s."""


def main() -> None:
    """Answer requests until the end of standard input."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for line in sys.stdin.buffer:
        _limit_time()
        _answer(line)


def _limit_time() -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = int(used.ru_utime + used.ru_stime) + PROCESSOR_SECONDS
    _, most = resource.getrlimit(resource.RLIMIT_CPU)
    wanted = seconds if most == resource.RLIM_INFINITY else min(seconds, most)
    resource.setrlimit(resource.RLIMIT_CPU, (wanted, most))


def _answer(line: bytes) -> None:
    """Write the answer to one request."""
    try:
        request = json.loads(line)
        data = b"F" + TASKS[request.pop("task")](**request)
    except MissingRangesError as missing:
        data = b"R" + json.dumps(missing.ranges).encode()
    except LargeDirectoryError:
        data = b"L"
    except WheelError as error:
        data = b"E" + str(error).encode("utf-8", "backslashreplace")
    except MemoryError:
        data = b"M"
    except Exception as error:  # noqa: BLE001 - a defect of the reader is a finding too
        data = b"X" + type(error).__name__.encode()
    sys.stdout.buffer.write(len(data).to_bytes(ANSWER_HEADER) + data)
    sys.stdout.buffer.flush()


def _facts(*, folder: str, path: str) -> bytes:
    os.chdir(folder)  # where a relative path begins
    return _dump(read_wheel(Path(path)))


def _part(
    *, folder: str, path: str, name: str, native: bool, parts: list[tuple[int, int]] | None
) -> bytes:
    """Return the facts of the directory, and of the native members if asked for.

    Of a file that is not there as a whole, ``parts`` are the ranges that are.
    """
    os.chdir(folder)
    with Path(path).open("rb") as whole:
        stream = cast("BinaryIO", PartialFile(whole, parts)) if parts is not None else whole
        require = stream.require if isinstance(stream, PartialFile) else lambda _: None
        return _dump(read_native(name, stream, require) if native else read_listing(name, stream))


def _site(*, wheels: list[tuple[str, str]], room: int) -> bytes:
    return site_archive(wheels, room)


def _requires(*, metadata: str) -> bytes:
    return json.dumps(metadata_fields(metadata)).encode()


TASKS: dict[str, Callable[..., bytes]] = {
    "facts": _facts,
    "part": _part,
    "site": _site,
    "requires": _requires,
}


def _dump(facts: WheelFacts) -> bytes:
    return json.dumps(facts, default=_fields).encode()


def _fields(value: object) -> dict[str, object] | list[object]:
    """Return the fields of a frozen dataclass with slots, without a copy, or a sorted set."""
    if isinstance(value, frozenset):
        return sorted(value)
    return {name: getattr(value, name) for name in type(value).__slots__}  # type: ignore[attr-defined]
