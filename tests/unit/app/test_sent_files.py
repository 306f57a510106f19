"""A user's files on another machine."""

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from harness.app.sent_files import file_digests, store_files, with_paths
from harness.core.cells import Cell
from harness.core.errors import UsageError
from harness.core.subjects import DependencyOptions, FileSource
from harness.host.cache import Cache
from tests.support.cells import cells


def own_cell(folder: Path, *names: str) -> Cell:
    """Return a cell of a user's wheel, with a wheel of ``--find-links`` and a lock."""
    paths = [str(folder / name) for name in names]
    (cell,) = cells(1)
    asked = DependencyOptions(files=(paths[1],), lock=paths[2])
    source = FileSource(paths=(paths[0],))
    return replace(cell, subject=replace(cell.subject, source=source, dependencies=asked))


def test_each_file_is_stored_under_its_digest(tmp_path: Path) -> None:
    """The cell names them there, under their own names."""
    cell = own_cell(tmp_path, "a-1-py3-none-any.whl", "b-1-py3-none-any.whl", "lock.json")
    contents = {str(tmp_path / name): name.encode() for name in sorted(_names(cell))}
    for path, data in contents.items():
        Path(path).write_bytes(data)
    digests = file_digests([cell])
    assert digests == {p: hashlib.sha256(data).hexdigest() for p, data in contents.items()}

    sent = {digests[path]: data for path, data in contents.items()}
    stored = store_files(digests, sent, Cache(tmp_path / "cache"))
    (moved,) = with_paths([cell], stored.__getitem__)
    assert isinstance(moved.subject.source, FileSource)
    asked = moved.subject.dependencies
    assert asked is not None
    for path in (*moved.subject.source.paths, *asked.files, asked.lock):
        assert Path(path).is_relative_to(tmp_path / "cache")
        assert Path(path).read_bytes() == Path(path).name.encode()
    assert with_paths([moved], {b: a for a, b in stored.items()}.__getitem__) == (cell,)


def _names(cell: Cell) -> set[str]:
    return {Path(path).name for path in ("a-1-py3-none-any.whl", "b-1-py3-none-any.whl")} | {
        "lock.json" if cell.subject.dependencies else ""
    }


def test_other_bytes_and_a_missing_file_are_errors(tmp_path: Path) -> None:
    """Neither is run."""
    digest = hashlib.sha256(b"right").hexdigest()
    with pytest.raises(ValueError, match="have another digest"):
        store_files({"/x/a.whl": digest}, {digest: b"wrong"}, Cache(tmp_path))
    cell = own_cell(tmp_path, "a.whl", "b.whl", "lock.json")
    with pytest.raises(UsageError, match=r"cannot be read: No such file"):
        file_digests([cell])
    (plain,) = cells(1)
    assert file_digests([plain]) == {}
