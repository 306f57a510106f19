"""Facts of wheels are read once."""

from pathlib import Path

from harness.core.subjects import WheelRef
from harness.host.cache import Cache, file_sha256
from harness.wheels.archive.contents import read_wheel
from harness.wheels.facts_reader import KIND, WheelReader
from tests.support.wheels import make_wheel


def _wheel(path: Path) -> WheelRef:
    size = path.stat().st_size
    return WheelRef(filename=path.name, sha256=file_sha256(path), size=size, path=str(path))


def test_facts_are_cached_for_all_processes(tmp_path: Path) -> None:
    """Another reader of the same cache returns the same facts without the file."""
    path = make_wheel(tmp_path, "good", "answer = 42")
    wheel, expected = _wheel(path), read_wheel(path)
    cache = Cache(tmp_path / "cache")
    assert WheelReader(cache).facts(wheel) == expected
    path.unlink()
    assert WheelReader(cache).facts(wheel) == expected


def test_malformed_wheel_is_not_cached(tmp_path: Path) -> None:
    """A malformed wheel has no facts and no cache entry."""
    path = tmp_path / "good-1.0-py3-none-any.whl"
    path.write_bytes(b"no zip")
    cache = Cache(tmp_path / "cache")
    assert WheelReader(cache).facts(_wheel(path)) is None
    assert cache.entries(KIND) == ()
