"""The sample grid and the golden files."""

from tests.support.sample_run import golden, grid

__all__ = ["golden", "grid"]
