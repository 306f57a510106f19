"""The matrix files: YAML in, a checked ``Matrix`` out, or all their problems at once."""

from harness.matrix.files.load import load_expectations, load_matrix

__all__ = ["load_expectations", "load_matrix"]
