"""Build CPython for replicas, for a release, an arch, a libc and a naming."""

from harness.images.cpython.renamed_build import HeaderDir, interpreter_headers, interpreter_tree

__all__ = ["HeaderDir", "interpreter_headers", "interpreter_tree"]
