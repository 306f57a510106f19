"""Fixture projects made into wheels.

In: a project under ``fixtures/``, a builder's row, an arch, a Python. Out: a wheel in the
content-keyed wheelhouse, with an honest tag.
"""

from harness.builders.headers import header_tree
from harness.builders.project import FixtureProject, load_project, project_names
from harness.builders.wheelhouse import (
    PlannedWheel,
    build_planned,
    build_wheel,
    plan_wheel,
    planned_wheels,
)

__all__ = [
    "FixtureProject",
    "PlannedWheel",
    "build_planned",
    "build_wheel",
    "header_tree",
    "load_project",
    "plan_wheel",
    "planned_wheels",
    "project_names",
]
