"""The grid and the golden files that reports are held against."""

from tests.support.sample_run import golden, grid

__all__ = ["golden", "grid"]
