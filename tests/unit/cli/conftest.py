"""A small matrix on disk, and the command line in this process."""

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.cli import execute
from tests.support.cli import Said, write_matrix


@pytest.fixture
def matrix(tmp_path: Path) -> Path:
    """Write two targets on three arches, two subjects and one expectation."""
    return write_matrix(tmp_path / "matrix")


@pytest.fixture
def wheelgrid(capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """Run one command line."""

    def run(*words: object) -> Said:
        status = execute([str(word) for word in words])
        captured = capsys.readouterr()
        return Said(status=status, out=captured.out, err=captured.err)

    return run
