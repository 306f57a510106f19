"""The lock file."""

from datetime import date
from pathlib import Path

import pytest

from harness.core.errors import MatrixFileError
from harness.core.subjects import IndexSource
from harness.wheels.index.lock import IndexLock, LockedWheel, read_lock, requirement, write_lock

A, B = "a" * 64, "b" * 64
DEMO = IndexSource(name="demo", version="1.0")
LOCK = IndexLock(
    generated=date(2026, 1, 2),
    releases={
        "other==2": (),
        "demo==1.0": (
            LockedWheel(filename="demo-1.0-py3-none-any.whl", sha256=B, yanked=True),
            LockedWheel(filename="demo-1.0-cp39-abi3-any.whl", sha256=A, requires_python=">=3.9"),
        ),
    },
)
TEXT = f"""\
{{
 "generated": "2026-01-02",
 "releases": {{
  "demo==1.0": [
   {{
    "filename": "demo-1.0-cp39-abi3-any.whl",
    "sha256": "{A}",
    "requires_python": ">=3.9"
   }},
   {{
    "filename": "demo-1.0-py3-none-any.whl",
    "sha256": "{B}",
    "yanked": true
   }}
  ],
  "other==2": []
 }}
}}
"""


def test_written(tmp_path: Path) -> None:
    """A lock is written sorted, one field a line, without default values."""
    path = tmp_path / "index.lock.json"
    write_lock(path, LOCK)
    assert path.read_text() == TEXT


def test_read(tmp_path: Path) -> None:
    """A written lock reads back; other releases are not pinned."""
    path = tmp_path / "index.lock.json"
    path.write_text(TEXT)
    lock = read_lock(path)
    found = lock.find(DEMO)
    assert found is not None
    assert set(found) == set(LOCK.releases["demo==1.0"])
    assert lock.find(IndexSource(name="demo", version="2")) is None
    assert lock.find(IndexSource(name="other", version="2")) == ()
    assert requirement(DEMO) == "demo==1.0"


def test_missing(tmp_path: Path) -> None:
    """A missing lock is an error with the command that writes it."""
    path = tmp_path / "index.lock.json"
    with pytest.raises(MatrixFileError) as caught:
        read_lock(path)
    assert str(caught.value) == (
        f"{path}: No such file or directory; run `wheelgrid lock` to write it"
    )


def test_every_problem(tmp_path: Path) -> None:
    """All problems of a lock are reported at once, each with its position and the next step."""
    path = tmp_path / "index.lock.json"
    path.write_text(TEXT.replace(A, "abc").replace('"yanked"', '"url"'))
    with pytest.raises(MatrixFileError) as caught:
        read_lock(path)
    assert caught.value.problems == [
        (
            f"{path}: releases.demo==1.0.0.sha256: String should match pattern '^[0-9a-f]{{64}}$'; "
            "run `wheelgrid lock` to write a new one"
        ),
        (
            f"{path}: releases.demo==1.0.1.url: Unexpected keyword argument; "
            "run `wheelgrid lock` to write a new one"
        ),
    ]


def test_no_json(tmp_path: Path) -> None:
    """A truncated lock is an error that says so."""
    path = tmp_path / "index.lock.json"
    path.write_text(TEXT[:40])
    with pytest.raises(MatrixFileError, match="the file: Invalid JSON: EOF while parsing"):
        read_lock(path)


def test_a_lock_that_cannot_be_written(tmp_path: Path) -> None:
    """The error names the path and the reason, and no draft is left."""
    path = tmp_path / "index.lock.json"
    path.mkdir()
    with pytest.raises(MatrixFileError, match=f"{path}: cannot be written: Is a directory; free"):
        write_lock(path, LOCK)
    assert list(tmp_path.iterdir()) == [path]
