"""Releases on a loopback index."""

from pathlib import Path

import pytest

from tests.support.loopback_index import LoopbackIndex, impatient, loopback_index
from tests.support.released import Releases

__all__ = ["impatient", "loopback_index"]


@pytest.fixture
def releases(loopback_index: LoopbackIndex, tmp_path: Path) -> Releases:
    folder = tmp_path / "served"
    folder.mkdir()
    return Releases(loopback_index, folder)
