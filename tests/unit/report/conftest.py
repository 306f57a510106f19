"""``pytest tests/unit/report --update-golden`` writes the golden files anew."""

from tests.support.sample_run import golden, grid

__all__ = ["golden", "grid"]
