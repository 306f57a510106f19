"""``pytest tests/unit/report --update-golden`` rewrites the golden files."""

from tests.support.sample_run import golden, grid

__all__ = ["golden", "grid"]
