"""Fixtures of several rooms; ``--update-golden`` rewrites the golden files."""

from pathlib import Path

import pytest

from harness.host.cache import Cache
from harness.probe.journal import Journal
from tests.support.sample_run import golden, grid
from tests.support.wide_run import wide_grid

__all__ = ["golden", "grid", "wide_grid"]


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    """Return the journal of one worker."""
    return Journal(tmp_path / "journal.jsonl", "gw0")


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    """Return an empty cache."""
    return Cache(tmp_path / "cache")
