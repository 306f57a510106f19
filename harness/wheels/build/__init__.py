"""Build fixture projects into correctly tagged wheels, on the host or in a builder image."""

from harness.wheels.build.builder_image import ContainerBuilder
from harness.wheels.build.headers import header_tree
from harness.wheels.build.planned import PlannedWheel, plan_wheel, planned_wheels
from harness.wheels.build.project import FixtureProject, load_project, project_names
from harness.wheels.build.wheelhouse import build_planned, build_wheel

__all__ = [
    "ContainerBuilder",
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
