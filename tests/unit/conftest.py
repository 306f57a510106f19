"""Fixtures of several rooms; ``--update-golden`` rewrites the golden files."""

from pathlib import Path

import pytest

from harness.host.cache import Cache
from tests.support.sample_run import golden, grid
from tests.support.wide_run import wide_grid

__all__ = ["golden", "grid", "wide_grid"]


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    """Return an empty cache."""
    return Cache(tmp_path / "cache")
