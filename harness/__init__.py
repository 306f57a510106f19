"""Wheelgrid: will this wheel import there? Observed, explained, and compared with yesterday."""

__version__ = "0.1.0"
"""The one place of the version; pyproject.toml reads it."""
DISTRIBUTION = "wheelgrid"
"""Distinguishes this package from others that are called ``harness``; see ``console_script.py``."""
