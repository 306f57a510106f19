"""Files of which only some ranges are there."""

import io
import zipfile
from pathlib import Path
from typing import BinaryIO, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.wheels.archive.partial_file import MissingRangesError, PartialFile
from tests.support.wheels import make_wheel


@given(
    data=st.binary(min_size=1, max_size=300),
    parts=st.lists(st.tuples(st.integers(0, 300), st.integers(0, 300)), max_size=4),
    reads=st.lists(st.tuples(st.integers(0, 320), st.integers(-1, 320)), max_size=6),
)
def test_it_reads_as_the_file_where_it_is_there(
    data: bytes, parts: list[tuple[int, int]], reads: list[tuple[int, int]]
) -> None:
    """A read outside of the parts names what is missing; with that part it succeeds."""
    plain = io.BytesIO(data)
    for at, size in reads:
        partial = PartialFile(io.BytesIO(data), parts)
        assert partial.seek(at) == plain.seek(at)
        try:
            found = partial.read(size)
        except MissingRangesError as missing:
            ((start, end),) = missing.ranges
            assert not any(first <= start and end <= after for first, after in parts)
            assert (start, end) == (at, len(data) if size < 0 else min(at + size, len(data)))
            again = PartialFile(io.BytesIO(data), missing.ranges)
            again.seek(at)
            found = again.read(size)
        assert found == plain.read(size)


def test_zip_archives_are_read_through_it(tmp_path: Path) -> None:
    """A zip reader finds every member as soon as it has what it asks for."""
    wheel = make_wheel(tmp_path, "demo", "answer = 42\n" * 1000).read_bytes()
    parts: list[tuple[int, int]] = []
    asked = 0
    while asked < 50:
        try:
            stream = cast("BinaryIO", PartialFile(io.BytesIO(wheel), parts))
            with zipfile.ZipFile(stream) as archive:
                assert archive.testzip() is None
                break
        except MissingRangesError as missing:
            parts += missing.ranges
            asked += 1
    assert 3 < asked < 50


def test_all_missing_ranges_are_named_at_once() -> None:
    with pytest.raises(MissingRangesError) as caught:
        PartialFile(io.BytesIO(bytes(100)), [(0, 10), (50, 60)]).require(
            [(0, 10), (5, 15), (20, 30), (51, 59)]
        )
    assert caught.value.ranges == [(5, 15), (20, 30)]
