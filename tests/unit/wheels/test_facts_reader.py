"""Facts of wheels are read once."""

from pathlib import Path

import pytest

from harness.core.errors import WheelError
from harness.host.cache import Cache
from harness.wheels.archive.contents import read_wheel
from harness.wheels.facts_reader import KIND, WheelReader
from harness.wheels.wheel_file import wheel_file
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
