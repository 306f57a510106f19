"""The Debian package sets and source packages that a matrix needs. Pure."""

from collections.abc import Mapping

from harness.core.cells import Matrix
from harness.core.subjects import Builder
from harness.core.targets import Target
from harness.images import assembled, replica
from harness.images.cpython.build import source_choice
from harness.images.debian import PackageSet, SourceChoice
from harness.images.debian.package_lock import SuiteLock
from harness.images.debian.upstream import DEBS, cached_name
from harness.wheels.build.headers import KIND as TREES
from harness.wheels.build.headers import header_packages


def package_sets(matrix: Matrix) -> tuple[PackageSet, ...]:
    """Return every set of binary packages that an image or a builder of the matrix takes."""
    found = [one for target in matrix.targets for one in target_sets(target)]
    found += (wanted for builder in matrix.builders for wanted in builder_sets(builder))
    return tuple(dict.fromkeys(found))


def source_packages(matrix: Matrix) -> tuple[SourceChoice, ...]:
    """Return every source package that an interpreter of the matrix is compiled from."""
    return tuple(dict.fromkeys(c for target in matrix.targets for c in target_sources(target)))


def target_sets(target: Target) -> tuple[PackageSet, ...]:
    """Return the package sets of a target's image, for each of its ways."""
    bases = (replica.recipe(target),) if target.replica else ()
    own = assembled.recipes(target) if target.assembled else ()
    return tuple(recipe.wanted for recipe in (*own, *bases))


def target_sources(target: Target) -> tuple[SourceChoice, ...]:
    """Return the source packages that a target's interpreter is compiled from."""
    way = target.replica
    own = (source_choice(way.own),) if way and way.own else ()
    return (*replica.source_choices(way.interpreter), *own) if way else ()


def builder_sets(builder: Builder) -> tuple[PackageSet, ...]:
    """Return the sets that a builder's wheels are compiled against."""
    suites = dict.fromkeys(row.suite for row in builder.headers if row.suite)
    return tuple(header_packages(builder, suite) for suite in suites)


def builder_sources(builder: Builder) -> tuple[SourceChoice, ...]:
    """Return the source packages of the interpreters whose headers a builder takes."""
    interpreters = (row.interpreter for row in builder.headers if row.interpreter)
    return tuple(choice for one in interpreters for choice in replica.source_choices(one))


def header_entries(matrix: Matrix, locks: Mapping[str, SuiteLock]) -> frozenset[str]:
    """Return globs over the cache entries of the headers of the matrix's builders."""
    sets = (one for builder in matrix.builders for one in builder_sets(builder))
    found = (locks[one.suite].find(one) or () for one in sets if one.suite in locks)
    debs = (f"{DEBS}/{cached_name(package)}" for packages in found for package in packages)
    return frozenset((f"{TREES}/*", *debs))
