"""Rows that a project's configuration adds to the matrix."""

from dataclasses import dataclass

from harness.core.problems import Problem
from harness.matrix.files.file_shapes import ExpectationShape
from harness.matrix.files.section import Entry, Section
from harness.matrix.files.target_shapes import TargetShape


@dataclass(frozen=True, kw_only=True, slots=True)
class OwnRows:
    """What a configuration adds to the matrix, and what names something of the matrix."""

    whole: Entry
    """The settings, for globs that must match something."""
    targets: Section[TargetShape]
    expectations: Section[ExpectationShape]
    problems: tuple[Problem, ...] = ()
    """Unknown keys and wrong values, those of the rows included."""
