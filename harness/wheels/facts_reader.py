"""Read the facts of wheel files, each file once, in a process with limits."""

import contextlib
import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from pydantic import TypeAdapter

from harness.core.errors import WheelError
from harness.core.subjects import WheelRef
from harness.core.wheel_findings import FindingCode, FindingList
from harness.host.cache import Cache, CacheError, content_key
from harness.host.code_key import source_key
from harness.host.process import ProcessError, ServingProcess
from harness.wheels import reading_process
from harness.wheels.archive.contents import WheelFacts
from harness.wheels.archive.filename import parse_wheel_name
from harness.wheels.archive.partial_file import MissingRangesError, Range
from harness.wheels.archive.rewrite import WheelBytes
from harness.wheels.archive.zip_reader import MOST_DIRECTORY
from harness.wheels.reading_process import MEMORY, PROCESSOR_SECONDS, READING
from harness.wheels.wheel_file import wheel_file

MOST_WHEELS = 256
MOST_DEPENDENCY = 48 << 20
"""Bytes of a dependency that predictions read: numpy has 16 MiB, torch 800."""
MOST_FACTS = 64 << 20
"""Bytes of a wheel's facts as JSON; the largest of known wheels have 13 MB."""
TIMEOUT = 10.0 * PROCESSOR_SECONDS
"""Seconds by the clock: the disk may be slow, and the processors busy."""
KIND = "facts"
_FACTS: TypeAdapter[WheelFacts] = TypeAdapter(WheelFacts)
_PROCESS = ServingProcess(reading_process.__name__)


class ReadingStoppedError(WheelError):
    """Reading a wheel went beyond a limit; the message is a sentence without its subject."""


class WheelReader:
    """Reads each wheel once per process, or once per cache."""

    def __init__(self, cache: Cache | None = None) -> None:
        self._cache = cache
        self._read = lru_cache(maxsize=MOST_WHEELS)(self._read_once)

    def facts(self, wheel: WheelRef) -> WheelFacts | None:
        """Return the wheel's facts, or None for a file that is no wheel."""
        return self._read(wheel.path, wheel.sha256)

    def read(self, path: Path) -> WheelFacts:
        """Return the facts of the file at ``path``. Raises ``WheelError``."""
        try:
            facts = self.facts(wheel_file(path))
        except OSError:
            facts = None
        return read_limited(path) if facts is None else facts  # which raises with the reason

    def _read_once(self, path: str, sha256: str) -> WheelFacts | None:
        try:
            if self._cache is None:
                return read_limited(Path(path))
            return self._kept(self._cache, Path(path), sha256)
        except ReadingStoppedError as stopped:
            return _within_reach(Path(path), str(stopped))
        except WheelError:
            return None

    def _kept(self, cache: Cache, path: Path, sha256: str) -> WheelFacts:
        def make(entry: Path) -> None:
            entry.write_bytes(_ask(path))

        key = content_key(path.name, sha256, source_key(*READING))
        try:
            data = cache.get(KIND, f"{key}.json", make).read_bytes()
        except CacheError:  # a cache that cannot be written costs only time
            return read_limited(path)
        return _FACTS.validate_json(data)


def read_limited(path: Path) -> WheelFacts:
    """Return the facts of the wheel at ``path``, read within limits on memory and time.

    Beyond them the wheel has a finding, and its files are those of the archive's directory, or
    unknown if that is too large too. Raises ``WheelError`` for a file that is no wheel.
    """
    with contextlib.suppress(OSError):
        seen = path.stat()
        return _read_file(path, seen.st_ino, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns)
    return _read_file(path)


def read_bytes(wheel: WheelBytes) -> WheelFacts:
    """Return the facts of a wheel that is in memory, as ``read_limited`` does."""
    with tempfile.TemporaryDirectory(prefix="wheelgrid-") as folder:
        path = Path(folder, wheel.filename)
        path.write_bytes(wheel.data)
        return read_limited(path)


@lru_cache(maxsize=MOST_WHEELS)
def _read_file(path: Path, *_: int) -> WheelFacts:
    try:
        return _FACTS.validate_json(_ask(path))
    except ReadingStoppedError as stopped:
        return _within_reach(path, str(stopped))


def _within_reach(path: Path, reason: str) -> WheelFacts:
    """Return what can be known of a wheel that was not read."""
    findings = FindingList()
    findings.add(FindingCode.NOT_READ, "", f"It was not read on this machine: {reason}.")
    try:
        listed = _FACTS.validate_json(_ask(path, listing=True))
    except ReadingStoppedError:
        listed = _nothing_of(path)
    return replace(listed, findings=(*findings.found(), *listed.findings))


def _nothing_of(path: Path) -> WheelFacts:
    return WheelFacts(
        name=parse_wheel_name(path.name),
        pure=False,
        generator="",
        requires_python="",
        requires_dist=(),
        members=(),
        native=(),
        modules=(),
    )


def read_part(
    path: Path, name: str, *, native: bool, parts: Sequence[Range] | None = None
) -> WheelFacts:
    """Return the facts of a wheel of that name that need only its directory, or its native members.

    Of a file that is not there as a whole, ``parts`` are the ranges that are. Raises
    ``MissingRangesError`` if others are needed, and ``WheelError`` as ``read_limited`` does.
    """
    request = {"task": "part", **_place(path), "name": name, "native": native, "parts": parts}
    try:
        return _FACTS.validate_json(ask_reader(request, most=MOST_FACTS))
    except ReadingStoppedError as stopped:
        findings = FindingList()
        findings.add(FindingCode.NOT_READ, "", f"It was not read on this machine: {stopped}.")
        return replace(_nothing_of(Path(name)), findings=findings.found())


def _ask(path: Path, *, listing: bool = False) -> bytes:
    """Return the facts as JSON. Raises ``WheelError`` and ``ReadingStoppedError``."""
    if listing:
        part = {"task": "part", "name": path.name, "native": False, "parts": None}
        return ask_reader({**part, **_place(path)}, most=MOST_FACTS)
    return ask_reader({"task": "facts", **_place(path)}, most=MOST_FACTS)


def _place(path: Path) -> dict[str, str]:
    folder = "/" if path.is_absolute() else str(Path.cwd())
    return {"folder": folder, "path": str(path)}


def ask_reader(request: Mapping[str, object], *, most: int) -> bytes:
    """Return the answer of the process with limits, of at most so many bytes.

    Raises ``WheelError``, ``ReadingStoppedError`` and ``MissingRangesError``.
    """
    try:
        answer = _PROCESS.ask(json.dumps(request).encode(), timeout=TIMEOUT, most=most)
    except ProcessError as error:
        raise ReadingStoppedError(_words(error.reason)) from error
    match answer[:1]:
        case b"F":
            return answer[1:]
        case b"R":
            raise MissingRangesError([(start, end) for start, end in json.loads(answer[1:])])
        case b"E":
            raise WheelError(answer[1:].decode("utf-8", "replace"))
        case b"X":
            raise ReadingStoppedError(f"reading it failed ({answer[1:].decode()})")
        case b"L":
            raise ReadingStoppedError(f"its directory has more than {MOST_DIRECTORY >> 20} MiB")
        case _:
            raise ReadingStoppedError(f"reading it takes more than {MEMORY >> 20} MiB of memory")


def _words(reason: str) -> str:
    if "SIGXCPU" in reason:
        return f"reading it takes more than {PROCESSOR_SECONDS} s of a processor"
    return f"the process that read it {reason}"


IN_MEMORY = WheelReader()
