"""What a wheel holds is read once."""

from pathlib import Path

from harness.core.subjects import WheelRef
from harness.host.cache import Cache, file_sha256
from harness.wheels.archive.contents import read_wheel
from harness.wheels.facts_reader import KIND, WheelReader
from tests.support.wheels import make_wheel


def _wheel(path: Path) -> WheelRef:
    size = path.stat().st_size
    return WheelRef(filename=path.name, sha256=file_sha256(path), size=size, path=str(path))


def test_what_was_read_is_kept_for_all_processes(tmp_path: Path) -> None:
    """Another reader of the same cache needs the file no more, and says the same."""
    path = make_wheel(tmp_path, "good", "answer = 42")
    wheel, expected = _wheel(path), read_wheel(path)
    cache = Cache(tmp_path / "cache")
    assert WheelReader(cache).facts(wheel) == expected
    path.unlink()
    assert WheelReader(cache).facts(wheel) == expected


def test_no_wheel_has_no_facts_and_leaves_nothing(tmp_path: Path) -> None:
    """A file that is none is looked at again by the next process, and says nothing here."""
    path = tmp_path / "good-1.0-py3-none-any.whl"
    path.write_bytes(b"no zip")
    cache = Cache(tmp_path / "cache")
    assert WheelReader(cache).facts(_wheel(path)) is None
    assert cache.entries(KIND) == ()
