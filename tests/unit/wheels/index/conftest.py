"""A package index on loopback."""

from tests.support.loopback_index import impatient, loopback_index

__all__ = ["impatient", "loopback_index"]
