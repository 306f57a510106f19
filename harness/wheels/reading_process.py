"""The process that reads wheels: its memory and processor time are limited.

Each request is a line of JSON, ``{"folder": …, "path": …, "listing": false}``; a relative path
begins at the folder. The answer is a letter and text: ``F`` and the facts as JSON, ``E`` and why
the file is no wheel, ``L`` if the archive's directory is too large, ``M`` if the memory was not
enough, or ``X`` and the name of another error. At the limit of time the system ends the process.
"""

import json
import os
import resource
import sys
from pathlib import Path

from harness.core.errors import WheelError
from harness.host.process import ANSWER_HEADER
from harness.wheels.archive.contents import WheelFacts, read_wheel
from harness.wheels.archive.listing import read_listing
from harness.wheels.archive.zip_reader import LargeDirectoryError

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
        data = b"F" + _read(**json.loads(line))
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


def _read(*, folder: str, path: str, listing: bool) -> bytes:
    os.chdir(folder)
    facts = _listed(Path(path)) if listing else read_wheel(Path(path))
    return json.dumps(facts, default=_fields).encode()


def _listed(path: Path) -> WheelFacts:
    with path.open("rb") as stream:
        return read_listing(path.name, stream)


def _fields(value: object) -> dict[str, object] | list[object]:
    """Return the fields of a frozen dataclass with slots, without a copy, or a sorted set."""
    if isinstance(value, frozenset):
        return sorted(value)
    return {name: getattr(value, name) for name in type(value).__slots__}  # type: ignore[attr-defined]
