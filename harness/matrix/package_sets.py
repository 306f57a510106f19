"""What a matrix takes from the distribution: its rows in, package sets and sources out (pure)."""

from collections.abc import Iterator

from harness.core.cells import Matrix
from harness.core.subjects import Builder
from harness.images import assembled, replica
from harness.images.debian import PackageSet, SourceChoice
from harness.wheels.build.headers import header_packages


def package_sets(matrix: Matrix) -> tuple[PackageSet, ...]:
    """Return every set of binary packages that an image or a builder of the matrix takes."""
    found = [
        recipe.wanted
        for target in matrix.targets
        for recipe in (
            *(assembled.recipes(target) if target.assembled else ()),
            *((replica.recipe(target),) if target.replica else ()),
        )
    ]
    found += (wanted for builder in matrix.builders for wanted in _headers(builder))
    return tuple(dict.fromkeys(found))


def source_packages(matrix: Matrix) -> tuple[SourceChoice, ...]:
    """Return every source package that an interpreter of the matrix is compiled from."""
    ways = (target.replica for target in matrix.targets if target.replica)
    return tuple(dict.fromkeys(c for way in ways for c in replica.source_choices(way)))


def _headers(builder: Builder) -> Iterator[PackageSet]:
    suites = dict.fromkeys(row.suite for row in builder.headers if row.suite)
    return (header_packages(builder, suite) for suite in suites)
