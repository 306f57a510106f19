"""Fixture projects made into wheels.

In: a project under ``fixtures/``, a builder's row, an arch, a Python. Out: a wheel in the
content-keyed wheelhouse, with an honest tag: compiled on the host, or in a builder image.
"""

from harness.builders.container import Foundry
from harness.builders.headers import header_tree
from harness.builders.planned import PlannedWheel, plan_wheel, planned_wheels
from harness.builders.project import FixtureProject, load_project, project_names
from harness.builders.wheelhouse import build_planned, build_wheel

__all__ = [
    "FixtureProject",
    "Foundry",
    "PlannedWheel",
    "build_planned",
    "build_wheel",
    "header_tree",
    "load_project",
    "plan_wheel",
    "planned_wheels",
    "project_names",
]
