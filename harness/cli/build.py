"""``wheelgrid build``: fixture projects made into wheels."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from harness.arches import find_arch
from harness.builders import (
    PlannedWheel,
    build_planned,
    load_project,
    plan_wheel,
    project_names,
)
from harness.cache import Cache, default_cache_root
from harness.cli.command import Command
from harness.cli.options import matrix_option
from harness.errors import UsageError
from harness.model import Builder
from harness.spelling import did_you_mean, matching, matching_arches
from harness.wiring import ROOT, read_matrix


@click.command(cls=Command, example="wheelgrid build abi3 --arch s390x --python 3.11")
@click.argument("fixture", required=False)
@click.option("--arch", "arches", multiple=True, metavar="GLOB", help="Arches; all by default.")
@click.option("--python", "pythons", multiple=True, metavar="X.Y", help="Minor versions.")
@click.option(
    "--fixtures",
    type=click.Path(path_type=Path),
    default=ROOT / "fixtures",
    metavar="DIR",
    help="Folder of the fixture projects.",
)
@matrix_option
def build(
    *,
    fixture: str | None,
    arches: tuple[str, ...],
    pythons: tuple[str, ...],
    fixtures: Path,
    matrix: Path,
) -> None:
    """Build fixture wheels, all or those of one project, and print their paths."""
    builders = read_matrix(matrix).builders
    cache = Cache(default_cache_root())
    names = _names(fixtures, fixture)
    _check_names(builders, arches, pythons)
    rows = [row for builder in builders for row in _rows(builder, arches or ("*",), pythons)]
    if not rows:
        raise UsageError("no builder builds that pair of arch and Python; see matrix/builders.yaml")
    wheels: dict[str, PlannedWheel] = {}
    for name in names:
        project = load_project(fixtures / name)
        for builder, arch, python in rows:
            wheel = plan_wheel(project, builder, find_arch(arch), python)
            wheels.setdefault(wheel.name.filename, wheel)
    for wheel in wheels.values():
        ref = build_planned(wheel, cache=cache, announce=lambda line: click.echo(line, err=True))
        click.echo(ref.path)


def _rows(
    builder: Builder, arches: Sequence[str], pythons: Sequence[str]
) -> Iterator[tuple[Builder, str, str]]:
    for python, buildable in builder.header_arches.items():
        for arch in buildable:
            chosen = any(matching_arches(pattern, (arch,)) for pattern in arches)
            if chosen and (not pythons or any(matching(p, (python,)) for p in pythons)):
                yield builder, arch, python


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
    """Raise ``UsageError`` for the first arch or Python that no builder has."""
    known = tuple(dict.fromkeys(arch for builder in builders for arch in builder.glibc))
    for arch in arches:
        if not matching_arches(arch, known):
            raise UsageError(f"--arch {arch}: no builder builds for it{did_you_mean(arch, known)}")
    minors = tuple(dict.fromkeys(minor for builder in builders for minor in builder.headers))
    for python in pythons:
        if not matching(python, minors):
            known_minors = " ".join(minors) or "none"
            raise UsageError(
                f"--python {python}: no builder has its headers; known: {known_minors}"
            )
