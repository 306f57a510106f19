"""Read the matrix files into a checked ``Matrix``, or report all their problems at once."""

from harness.matrix.files.load import load_expectations, load_matrix

__all__ = ["load_expectations", "load_matrix"]
