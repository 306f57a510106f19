"""Wheelgrid: will this wheel import there?"""

__version__ = "0.1.0"
