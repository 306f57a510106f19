"""``wheelgrid build``: build fixture projects into wheels."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import click

from harness.app.engine_wiring import open_container_builder
from harness.app.prober_options import ProberOptions
from harness.app.wiring import open_pinned, read_matrix
from harness.app.workspace import open_workspace
from harness.cli.command import ExplainedCommand
from harness.cli.options import matrix_option, mirror_option, registry_option
from harness.core.errors import UsageError
from harness.core.matching import did_you_mean, matching, matching_arches
from harness.core.subjects import Builder, BuilderKind
from harness.host.compiler_check import require_compiler
from harness.host.package_data import fixtures_folder
from harness.report.console import print_data, say
from harness.wheels.build import (
    ContainerBuilder,
    FixtureProject,
    PlannedWheel,
    build_planned,
    load_project,
    planned_wheels,
    project_names,
)


@click.command(cls=ExplainedCommand, example="wheelgrid build abi3 --arch s390x --python 3.11")
@click.argument("fixture", required=False)
@click.option("--arch", "arches", multiple=True, metavar="GLOB", help="Only these arches.")
@click.option("--python", "pythons", multiple=True, metavar="X.Y", help="Only these Pythons.")
@click.option(
    "--builder",
    "wanted",
    multiple=True,
    metavar="GLOB",
    help="Builder to use; by default all that need no builder image.",
)
@click.option(
    "--fixtures",
    type=click.Path(path_type=Path),
    default=fixtures_folder,
    metavar="DIR",
    help="Folder of the fixture projects.",
)
@mirror_option
@registry_option
@matrix_option
def build(  # noqa: PLR0913 -- one parameter an option
    *,
    fixture: str | None,
    arches: tuple[str, ...],
    pythons: tuple[str, ...],
    wanted: tuple[str, ...],
    fixtures: Path,
    registry: str,
    matrix: Path,
) -> None:
    """Build fixture wheels of one or all projects; print their paths."""
    builders = _builders(read_matrix(matrix).builders, wanted)
    if any(builder.kind is not BuilderKind.CONTAINER for builder in builders):
        require_compiler()
    names = _names(fixtures, fixture)
    _check_names(builders, arches, pythons)
    projects = [load_project(fixtures / name) for name in names]
    wheels = _wheels(builders, projects, arches or ("*",), pythons or ("*",))
    if not wheels:
        raise UsageError("no builder supports that arch with that Python; see matrix/builders.yaml")
    options = ProberOptions(matrix_folder=matrix, fixtures=fixtures, registry=registry)
    container_builder = _container_builder(options, builders)
    workspace = open_workspace(matrix, say)
    for wheel in wheels:
        print_data(build_planned(wheel, workspace, container_builder).path)


def _builders(builders: Sequence[Builder], patterns: Sequence[str]) -> tuple[Builder, ...]:
    """Return the builders that match. Raises ``UsageError`` for a pattern that matches none."""
    if not patterns:
        return tuple(b for b in builders if b.kind is not BuilderKind.CONTAINER)
    ids = tuple(builder.id for builder in builders)
    for pattern in patterns:
        if not matching(pattern, ids):
            raise UsageError(f"--builder {pattern}: no such builder{did_you_mean(pattern, ids)}")
    return tuple(b for b in builders if any(matching(p, (b.id,)) for p in patterns))


def _wheels(
    builders: Iterable[Builder],
    projects: Sequence[FixtureProject],
    arches: Sequence[str],
    pythons: Sequence[str],
) -> list[PlannedWheel]:
    return [
        wheel
        for builder in builders
        for project in projects
        for wheel in planned_wheels(
            project,
            builder,
            lambda python, arch: (
                any(matching(pattern, (python,)) for pattern in pythons)
                and any(matching_arches(pattern, (arch,)) for pattern in arches)
            ),
        )
    ]


def _container_builder(
    options: ProberOptions, builders: Iterable[Builder]
) -> ContainerBuilder | None:
    if all(builder.kind is not BuilderKind.CONTAINER for builder in builders):
        return None
    return open_container_builder(options, open_pinned(options, say), say)


def _names(fixtures: Path, wanted: str | None) -> tuple[str, ...]:
    names = project_names(fixtures)
    if wanted is None:
        return names
    if wanted not in names:
        raise UsageError(
            f"no fixture project {wanted!r} in {fixtures}{did_you_mean(wanted, names)}"
        )
    return (wanted,)


def _check_names(
    builders: Sequence[Builder], arches: Sequence[str], pythons: Sequence[str]
) -> None:
    """Raise ``UsageError`` for the first arch or Python that no builder supports."""
    pairs = [pair for builder in builders for pair in builder.builds]
    known = tuple(dict.fromkeys(arch for _, arch in pairs))
    for arch in arches:
        if not matching_arches(arch, known):
            raise UsageError(f"--arch {arch}: no builder builds for it{did_you_mean(arch, known)}")
    minors = tuple(dict.fromkeys(python for python, _ in pairs))
    for python in pythons:
        if not matching(python, minors):
            known_minors = " ".join(minors) or "none"
            raise UsageError(
                f"--python {python}: no builder has its headers; available: {known_minors}"
            )
