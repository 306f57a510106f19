"""Wheelgrid: will this wheel import there? Observed, explained, and compared with yesterday."""

__version__ = "0.1.0"
