"""Check that each entry of a matrix has an effect on its cells.

Report subjects and profiles without cells, and expectations that match no cell or a cell of
another expectation.
"""

from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from functools import cache
from itertools import product

from harness.core.cells import Expectation, Matrix, Profile
from harness.core.machines import machine_name, machine_of
from harness.core.matching import matching, matching_arches, wheel_spelling
from harness.core.problems import Problem
from harness.core.subjects import Subject
from harness.core.targets import Target
from harness.matrix.files.references import Sections

CellPair = tuple[Target, Subject]


def cell_pairs(matrix: Matrix) -> Iterator[CellPair]:
    """Yield the target and subject of each cell, in the order of the matrix."""
    for target in matrix.targets:
        for subject in matrix.subjects:
            if (target.key, subject.id) not in matrix.excluded:
                yield target, subject


def meets(expectation: Expectation, target: Target, subject: Subject) -> bool:
    """Return whether the expectation applies to that cell, by its cause or without one."""
    return meets_target(expectation, target) and meets_subject(expectation, subject)


def meets_target(expectation: Expectation, target: Target) -> bool:
    """Return whether the expectation is for cells of that target."""
    return covers(f"{expectation.target}/{expectation.arch}", target)


def meets_subject(expectation: Expectation, subject: Subject) -> bool:
    """Return whether the expectation is for cells of that subject."""
    return not expectation.subject or bool(matching(expectation.subject, (subject.id,)))


def covers(pattern: str, target: Target) -> bool:
    """Return whether the glob over ``<target>`` or ``<target>/<arch>`` matches the target.

    With ``@<machine>`` it matches targets on machines only; without, it matches those as well.
    """
    name, arch, machine = _globs(pattern)
    return (
        fnmatchcase(target.id, name)
        and fnmatchcase(target.arch_name, arch)
        and (machine is None or _is_on(target, machine))
    )


@cache
def _globs(pattern: str) -> tuple[str, str, str | None]:
    """Return the globs over a target, its arch and its machine; the last is None for any."""
    place, at, machine = pattern.partition("@")
    name, _, arch = place.partition("/")
    return name, wheel_spelling(arch or "*"), machine if at else None


def _is_on(target: Target, machine: str) -> bool:
    return fnmatchcase(machine_name(target), machine) and machine_of(target) is not None


def selector(profile: Profile) -> Callable[[Target, Subject], bool]:
    """Return a function that says whether a cell is selected by the profile's globs.

    No globs select everything. Each target and each subject is matched once.
    """
    targets: dict[str, bool] = {}
    subjects: dict[str, bool] = {}

    def selects(target: Target, subject: Subject) -> bool:
        if (key := target.key) not in targets:
            targets[key] = _of_target(profile, target)
        if (name := subject.id) not in subjects:
            subjects[name] = _of_subject(profile, name)
        return targets[key] and subjects[name]

    return selects


def _of_target(profile: Profile, target: Target) -> bool:
    arch = (target.arch_name,)
    return (
        not profile.targets or any(covers(pattern, target) for pattern in profile.targets)
    ) and (not profile.arches or any(matching_arches(pattern, arch) for pattern in profile.arches))


def _of_subject(profile: Profile, name: str) -> bool:
    return not profile.subjects or any(matching(glob, (name,)) for glob in profile.subjects)


def check_coverage(matrix: Matrix, sections: Sections) -> Iterator[Problem]:
    """Yield a problem for each entry that has no effect or conflicts with another."""
    pairs = tuple(cell_pairs(matrix))
    probed = {subject.id for _, subject in pairs}
    for entry, subject in zip(sections.subjects.entries, matrix.subjects, strict=True):
        if subject.id not in probed:
            what = "it fits no target; widen pythons, include, exclude or the builder"
            yield entry.problem(what)
    for entry, shape in zip(sections.targets.entries, sections.targets.shapes, strict=True):
        bare = [t.arch_name for t in matrix.targets if t.id == shape.id and not _has_image(t)]
        if bare:
            what = f"no way to get its image on {', '.join(bare)}; keep one"
            yield entry.problem(what, "overrides")
    yield from _check_expectations(matrix, sections)
    for entry, profile in zip(sections.profiles.entries, matrix.profiles, strict=True):
        selects = selector(profile)
        if not any(selects(*pair) for pair in pairs):
            yield entry.problem("its globs select no cell together; widen one")


def _has_image(target: Target) -> bool:
    return any((target.registry, target.assembled, target.replica))


def _check_expectations(matrix: Matrix, sections: Sections) -> Iterator[Problem]:
    taken: dict[tuple[str, str, str], Expectation] = {}
    for entry, expected in zip(sections.expectations.entries, matrix.expectations, strict=True):
        by_cause = "" if expected.subject else f"{expected.outcome} {expected.cause}"
        targets = [t.key for t in matrix.targets if meets_target(expected, t)]
        subjects = [s.id for s in matrix.subjects if meets_subject(expected, s)]
        named = product(targets, subjects)
        cells = [(*pair, by_cause) for pair in named if pair not in matrix.excluded]
        if not cells:
            yield entry.problem("matches no cell; correct its globs, or remove it")
        twice = [cell for cell in cells if cell in taken]
        if twice:
            cell, other = "/".join(twice[0][:2]), taken[twice[0]].where
            yield entry.problem(f"{cell} is expected at {other} already; narrow one of the two")
        taken |= dict.fromkeys(cells, expected)
