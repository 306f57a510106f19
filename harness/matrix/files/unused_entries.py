"""Check that each entry of a matrix has an effect on its cells.

Report subjects and profiles without cells, and expectations that match no cell or a cell of
another expectation.
"""

from collections.abc import Iterator
from fnmatch import fnmatchcase

from harness.core.cells import Expectation, Matrix, Profile
from harness.core.machines import machine_name, machine_of
from harness.core.matching import matching, matching_arches
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
    """Return whether the expectation applies to that cell, by its cause or at once."""
    return meets_target(expectation, target) and meets_subject(expectation, subject)


def meets_target(expectation: Expectation, target: Target) -> bool:
    """Return whether the expectation is for cells of that target."""
    arch, at, machine = expectation.arch.partition("@")
    return bool(
        matching(expectation.target, (target.id,))
        and matching_arches(arch or "*", (target.arch_name,))
        and (not at or _is_on(target, machine))
    )


def meets_subject(expectation: Expectation, subject: Subject) -> bool:
    """Return whether the expectation is for cells of that subject."""
    return not expectation.subject or bool(matching(expectation.subject, (subject.id,)))


def covers(pattern: str, target: Target) -> bool:
    """Return whether the glob over ``<target>`` or ``<target>/<arch>`` matches the target.

    With ``@<machine>`` it matches targets on machines only; without, it matches those as well.
    """
    place, at, machine = pattern.partition("@")
    name, _, arch = place.partition("/")
    return bool(
        matching(name, (target.id,))
        and matching_arches(arch or "*", (target.arch_name,))
        and (not at or _is_on(target, machine))
    )


def _is_on(target: Target, machine: str) -> bool:
    return fnmatchcase(machine_name(target), machine) and machine_of(target) is not None


def selects(profile: Profile, target: Target, subject: Subject) -> bool:
    """Return whether the profile's globs select that cell; no globs select everything."""
    arch = target.arch_name
    return all(
        not patterns or any(map(match, patterns))
        for patterns, match in (
            (profile.targets, lambda pattern: covers(pattern, target)),
            (profile.arches, lambda pattern: matching_arches(pattern, (arch,))),
            (profile.subjects, lambda pattern: matching(pattern, (subject.id,))),
        )
    )


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
    yield from _check_expectations(matrix, sections, pairs)
    for entry, profile in zip(sections.profiles.entries, matrix.profiles, strict=True):
        if not any(selects(profile, *pair) for pair in pairs):
            yield entry.problem("its globs select no cell together; widen one")


def _has_image(target: Target) -> bool:
    return any((target.registry, target.assembled, target.replica))


def _check_expectations(
    matrix: Matrix, sections: Sections, pairs: tuple[CellPair, ...]
) -> Iterator[Problem]:
    taken: dict[tuple[str, str, str], Expectation] = {}
    for entry, expected in zip(sections.expectations.entries, matrix.expectations, strict=True):
        by_cause = "" if expected.subject else f"{expected.outcome} {expected.cause}"
        targets = {t.key for t in matrix.targets if meets_target(expected, t)}
        subjects = {s.id for s in matrix.subjects if meets_subject(expected, s)}
        cells = [(t.key, s.id, by_cause) for t, s in pairs if t.key in targets and s.id in subjects]
        if not cells:
            yield entry.problem("matches no cell; correct its globs, or remove it")
        twice = [cell for cell in cells if cell in taken]
        if twice:
            cell, other = "/".join(twice[0][:2]), taken[twice[0]].where
            yield entry.problem(f"{cell} is expected at {other} already; narrow one of the two")
        taken |= dict.fromkeys(cells, expected)
