"""Reading index wheels with range requests."""

import fnmatch
import hashlib
import io
from pathlib import Path

import pytest
from urllib3 import Retry

from harness.core.errors import PackageIndexError
from harness.core.wheel_findings import FindingCode
from harness.host.cache import Cache
from harness.host.process import ServingProcess
from harness.wheels import facts_reader
from harness.wheels.archive.contents import read_contents
from harness.wheels.archive.elf import ElfFacts, UnreadableElf
from harness.wheels.archive.listing import read_listing
from harness.wheels.index.client import ByteRange, IndexClient, IndexSettings
from harness.wheels.index.fetch import PackageIndex
from harness.wheels.index.lock import NOTHING_PINNED, LockedWheel
from harness.wheels.index.remote import SMALLEST_RANGE, Depth, RangedFile, read_remote, read_wheels
from tests.support import small_limits
from tests.support.elves import golden
from tests.support.loopback_index import LoopbackIndex
from tests.support.wheels import write_demo

GOLDEN = golden("x86_64.so")
MODULE = "demo/_core.cpython-39-x86_64-linux-gnu.so"
FILENAME = "demo-1.0-cp39-cp39-linux_x86_64.whl"


@pytest.fixture
def wheel(tmp_path: Path) -> bytes:
    """Return a wheel with an ELF file that lies between other large members."""
    noise = b"".join(hashlib.sha256(bytes([i % 256, i // 256])).digest() for i in range(20_000))
    return write_demo(
        tmp_path,
        (MODULE, GOLDEN + noise[:200_000]),
        ("demo/_a.bin", noise),
        ("demo/script.so", b"INPUT(libdemo.so.1)"),
        ("demo/z.bin", noise),
        platform="linux_x86_64",
    ).read_bytes()


def served(index: LoopbackIndex, wheel: bytes) -> LockedWheel:
    digest = hashlib.sha256(wheel).hexdigest()
    index.serve("demo", f'href="/files/{FILENAME}#sha256={digest}">{FILENAME}')
    index.pages[f"files/{FILENAME}"] = wheel
    return LockedWheel(filename=FILENAME, sha256=digest)


@pytest.fixture
def index(loopback_index: LoopbackIndex, cache: Cache, impatient: Retry) -> PackageIndex:
    """Return the loopback index, which serves byte ranges."""
    loopback_index.ranges = True
    client = IndexClient(IndexSettings(endpoint=loopback_index.endpoint), impatient)
    return PackageIndex(cache, NOTHING_PINNED, lambda _: None, client)


def files_asked(index: LoopbackIndex) -> list[str]:
    return fnmatch.filter(index.log, "files/*")


def test_only_the_end_is_read(
    loopback_index: LoopbackIndex, wheel: bytes, index: PackageIndex, cache: Cache
) -> None:
    """The end of a large wheel gives the same names as the whole wheel."""
    locked = served(loopback_index, wheel)
    found = read_remote(locked, index, cache, Depth.NAMES)
    assert found.facts == read_listing(FILENAME, io.BytesIO(wheel))
    assert (found.size, found.read) == (len(wheel), SMALLEST_RANGE)
    assert len(wheel) > 1_000_000
    assert files_asked(loopback_index) == [f"files/{FILENAME} -65536"]


def test_native_members_are_read_by_their_bytes(
    loopback_index: LoopbackIndex, wheel: bytes, index: PackageIndex, cache: Cache
) -> None:
    """Only the native members are read; a linker script is named like one."""
    locked = served(loopback_index, wheel)
    found = read_remote(locked, index, cache, Depth.NATIVE)
    assert found.facts == read_contents(FILENAME, io.BytesIO(wheel))
    elves = {native.name: native.elf for native in found.facts.native}
    assert isinstance(elves.pop("demo/script.so"), UnreadableElf)
    (elf,) = elves.values()
    assert isinstance(elf, ElfFacts)
    assert elf.soname == "libgolden.so.1"
    assert len(files_asked(loopback_index)) == 3
    assert found.size == len(wheel)
    assert 200_000 < found.read < 200_000 + len(GOLDEN) + 2 * SMALLEST_RANGE + 1000


@pytest.mark.parametrize("depth", Depth)
def test_facts_are_cached(
    loopback_index: LoopbackIndex, wheel: bytes, index: PackageIndex, cache: Cache, depth: Depth
) -> None:
    """Facts are cached by the wheel's digest, with the number of bytes read."""
    locked = served(loopback_index, wheel)
    first = read_remote(locked, index, cache, depth)
    asked = len(loopback_index.log)
    assert read_remote(locked, index, cache, depth) == first
    assert len(loopback_index.log) == asked


@pytest.mark.parametrize("depth", Depth)
def test_index_without_ranges(
    loopback_index: LoopbackIndex, wheel: bytes, index: PackageIndex, cache: Cache, depth: Depth
) -> None:
    """If the index answers a range request with the whole file, it is downloaded and checked."""
    loopback_index.ranges = False
    locked = served(loopback_index, wheel)
    found = read_remote(locked, index, cache, depth)
    assert MODULE in [native.name for native in found.facts.native]
    assert found.read == found.size == len(wheel)


@pytest.mark.parametrize("wrong", ["another start", "too little", "nothing"])
def test_wrong_range_is_refused(wheel: bytes, wrong: str) -> None:
    """Another range than requested is an error."""

    def part(first: int, last: int | None) -> ByteRange | None:
        if wrong == "nothing":
            return None
        start = first + (wrong == "another start")
        end = (last or 0) + (wrong != "too little")
        return ByteRange(first=start, data=wheel[start:end], size=len(wheel))

    end = ByteRange(first=len(wheel) - 1000, data=wheel[-1000:], size=len(wheel))
    with pytest.raises(PackageIndexError, match="another range than requested"):
        RangedFile(part, end).around(0, 10)


def test_reading_that_is_stopped_is_a_finding(
    loopback_index: LoopbackIndex,
    wheel: bytes,
    index: PackageIndex,
    cache: Cache,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Ranges are read by the process with limits, and its death says nothing of the wheel."""
    dying = ServingProcess(small_limits.__name__, small_limits.crash_at_parts.__name__)
    monkeypatch.setattr(facts_reader, "_PROCESS", dying)
    found = read_remote(served(loopback_index, wheel), index, cache, Depth.NATIVE).facts
    assert [finding.code for finding in found.findings] == [FindingCode.NOT_READ]
    assert "was ended by SIGSEGV" in found.findings[0].message
    assert found.native == ()


def test_unreadable_wheels_are_reported(
    loopback_index: LoopbackIndex, wheel: bytes, index: PackageIndex, cache: Cache
) -> None:
    """A missing and a malformed wheel do not prevent reading the others."""
    good = served(loopback_index, wheel)
    gone = LockedWheel(filename="demo-2.0-cp39-cp39-linux_x86_64.whl", sha256="0" * 64)
    failed: list[tuple[str, type[Exception]]] = []
    found = list(
        read_wheels(
            [good, gone],
            index,
            cache,
            lambda one, error: failed.append((one.filename, type(error))),
        )
    )
    assert [one.filename for one, _ in found] == [good.filename]
    assert failed == [(gone.filename, PackageIndexError)]
