"""Facts of wheels are read once, in a process with limits."""

import struct
import zipfile
from pathlib import Path

import pytest

from harness.core.cells import Outcome
from harness.core.errors import WheelError
from harness.core.wheel_findings import FindingCode
from harness.host.cache import Cache
from harness.host.process import ServingProcess
from harness.probe.journal import Journal
from harness.wheels import facts_reader
from harness.wheels.archive import zip_reader
from harness.wheels.archive.contents import read_wheel
from harness.wheels.archive.rewrite import WheelBytes
from harness.wheels.archive.zip_reader import MOST_DIRECTORY
from harness.wheels.facts_reader import (
    KIND,
    WheelReader,
    ask_reader,
    read_bytes,
    read_limited,
    read_part,
)
from harness.wheels.install_layout import companion_archive
from harness.wheels.wheel_file import wheel_file
from tests.support import small_limits
from tests.support.elves import library
from tests.support.local_prober import local_cell, local_prober
from tests.support.wheels import make_wheel


def test_facts_are_cached_for_all_processes(tmp_path: Path) -> None:
    """Another reader of the same cache returns the same facts without the file."""
    path = make_wheel(tmp_path, "good", "answer = 42")
    wheel, expected = wheel_file(path), read_wheel(path)
    cache = Cache(tmp_path / "cache")
    assert WheelReader(cache).facts(wheel) == expected
    path.unlink()
    assert WheelReader(cache).facts(wheel) == expected


def test_reader_of_a_path_shares_the_facts(tmp_path: Path) -> None:
    """A wheel that was read by its path is not read again by its reference."""
    path = make_wheel(tmp_path, "good", "answer = 42")
    reader, wheel = WheelReader(), wheel_file(path)
    facts = reader.read(path)
    path.write_bytes(b"no zip")
    assert reader.facts(wheel) is facts
    with pytest.raises(WheelError, match="good-1"):
        reader.read(path)
    with pytest.raises(WheelError):
        reader.read(tmp_path / "missing-1.0-py3-none-any.whl")


def test_malformed_wheel_is_not_cached(tmp_path: Path) -> None:
    """A malformed wheel has no facts and no cache entry."""
    path = tmp_path / "good-1.0-py3-none-any.whl"
    path.write_bytes(b"no zip")
    cache = Cache(tmp_path / "cache")
    assert WheelReader(cache).facts(wheel_file(path)) is None
    assert cache.entries(KIND) == ()


def test_relative_paths_begin_at_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also if it changes while the process runs."""
    for folder in (tmp_path / "a", tmp_path / "b"):
        folder.mkdir()
        path = make_wheel(folder, "good", f"where = {folder.name!r}")
        monkeypatch.chdir(folder)
        assert read_limited(Path(path.name)) == read_wheel(path)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a wheel of a few KiB with a library of 700,000 symbols, each of the same name."""
    symbol = struct.pack("<IBBHQQ", 1, 0x12, 0, 1, 0, 0)
    elf = library(bytes(24) + symbol * 700_000, b"\0" + b"name\0")
    folder = tmp_path_factory.mktemp("large")
    path = make_wheel(folder, "large", "answer = 42", files={"large_libs/lib.so": elf})
    assert path.stat().st_size < 100_000
    return path


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (small_limits.little_memory, "takes more than 3072 MiB of memory"),
        (small_limits.little_time, "takes more than 120 s of a processor"),
        (small_limits.crash, "was ended by SIGSEGV"),
    ],
)
def test_death_of_the_reading_process_is_a_finding(
    limits: object, words: str, large: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The wheel is known by its directory, is not cached, and is probed; others are read."""
    name = limits.__name__  # type: ignore[attr-defined]
    monkeypatch.setattr(facts_reader, "_PROCESS", ServingProcess(small_limits.__name__, name))
    facts_reader._read_file.cache_clear()
    cache = Cache(tmp_path / "cache")
    reader = WheelReader(cache)
    facts = reader.facts(wheel_file(large))
    assert facts is not None
    assert facts.unread
    assert facts.modules == ("large", "large_libs")
    assert [finding.code for finding in facts.findings] == [FindingCode.NOT_READ]
    assert words in facts.findings[0].message
    assert cache.entries(KIND) == ()
    path = make_wheel(tmp_path, "good", "answer = 42")
    assert reader.facts(wheel_file(path)) == read_wheel(path)
    facts_reader._read_file.cache_clear()


def test_unread_wheel_is_probed(
    large: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The installer decides: it passes with a finding and without a prediction."""
    monkeypatch.setattr(facts_reader, "_PROCESS", ServingProcess(small_limits.__name__, "crash"))
    with local_prober({"large": "answer = 42"}, Journal(tmp_path / "journal.jsonl")) as prober:
        seen = prober.observe(local_cell("large"))
    assert seen.outcome is Outcome.PASS, seen
    assert seen.prediction is None
    assert [finding.code for finding in seen.findings] == [FindingCode.NOT_READ]
    assert large.exists()


def test_limits_suffice_for_the_largest_symbol_tables(large: Path) -> None:
    """Without a finding, as far as the limit of its symbols."""
    facts = read_limited(large)
    assert facts.findings == ()
    (native,) = facts.native
    assert len(native.elf.exported) == 700_000  # type: ignore[union-attr]


def test_large_directory_is_a_finding(tmp_path: Path) -> None:
    """An archive whose directory is larger than what is read; nothing of it is known."""
    path = tmp_path / "large-1.0-py3-none-any.whl"
    entry = zipfile.ZipInfo("x" * 60_000)
    entry.comment = b"y" * 60_000
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(entry, b"")
        archive.filelist.extend([entry] * (MOST_DIRECTORY // 120_000))
    with pytest.raises(zip_reader.LargeDirectoryError):
        read_wheel(path)
    facts = read_limited(path)
    assert (facts.unread, facts.members, facts.name.distribution) == (True, (), "large")
    assert "its directory has more than 16 MiB" in facts.findings[0].message


def test_other_reading_stops_at_the_same_limits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Companions are left to the installer; a metadata file and a listing are not believed."""
    path = make_wheel(tmp_path, "demo", "", requires=("numpy",))
    wheel = wheel_file(path)
    fields = {"task": "requires", "metadata": "Requires-Dist: numpy\n"}
    assert companion_archive((wheel,))
    assert ask_reader(fields, most=100) == b'["", ["numpy"]]'
    dying = ServingProcess(small_limits.__name__, small_limits.crash_at_parts.__name__)
    monkeypatch.setattr(facts_reader, "_PROCESS", dying)
    other = wheel_file(make_wheel(tmp_path, "other", ""))
    assert companion_archive((other,)) == b""
    with pytest.raises(WheelError, match="was ended by SIGSEGV"):
        ask_reader(fields, most=100)
    assert read_part(path, path.name, native=False).unread


def test_rewritten_wheels_are_read_with_limits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A remedy's bytes go through the process too."""
    path = make_wheel(tmp_path, "large", "")
    held = WheelBytes(filename=path.name, data=path.read_bytes())
    assert read_bytes(held) == read_wheel(path)
    monkeypatch.setattr(facts_reader, "_PROCESS", ServingProcess(small_limits.__name__, "crash"))
    assert read_bytes(held).unread
