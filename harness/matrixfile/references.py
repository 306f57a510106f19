"""Whether what the matrix files name is there.

In: the sections of all files. Out: a problem for each name, glob or override that
points at nothing, and for each entry whose parts do not go together.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from harness.arches import ARCHES
from harness.matrixfile.problems import Problem
from harness.matrixfile.section import Entry, Section
from harness.matrixfile.shape import (
    BuilderShape,
    ExpectationShape,
    ProfileShape,
    Shape,
    SubjectShape,
    TargetOverride,
    TargetShape,
)
from harness.spelling import did_you_mean, matching, matching_arches, wheel_spelling

_ARCHES = tuple(arch.name for arch in ARCHES)


@dataclass(frozen=True, kw_only=True, slots=True)
class Sections:
    """All the files."""

    targets: Section[TargetShape]
    builders: Section[BuilderShape]
    subjects: Section[SubjectShape]
    expectations: Section[ExpectationShape]
    profiles: Section[ProfileShape]


def check_references(sections: Sections) -> Iterator[Problem]:
    """Yield what is wrong with the names in the sections, file by file."""
    for target in sections.targets.entries:
        yield from _check_ways(target)
        yield from _check_overrides(target)
    for subject in sections.subjects.entries:
        yield from _check_source(subject, sections.builders)
        yield from _check_pythons(subject, sections.targets)
        yield from _check_places(subject, sections.targets)
    for expectation in sections.expectations.entries:
        shape = expectation.shape
        yield from _check_globs(expectation, "target", (shape.target,), sections.targets.names)
        yield from _check_arches(expectation, "arch", (shape.arch,))
        yield from _check_globs(expectation, "subject", (shape.subject,), sections.subjects.names)
    for profile in sections.profiles.entries:
        selection = profile.shape
        yield from _check_globs(profile, "targets", selection.targets, sections.targets.names)
        yield from _check_arches(profile, "arches", selection.arches)
        yield from _check_globs(profile, "subjects", selection.subjects, sections.subjects.names)


def _check_ways(target: Entry[TargetShape]) -> Iterator[Problem]:
    if target.shape.registry is None and target.shape.assembled is None:
        yield target.problem("no way to get its image; add 'registry' or 'assembled'")


def _check_overrides(target: Entry[TargetShape]) -> Iterator[Problem]:
    for written in target.keys("overrides"):
        arch = wheel_spelling(written)
        if arch not in target.shape.arches:
            hint = did_you_mean(arch, target.shape.arches)
            what = f"the target has no arch {written!r}{hint}"
            yield target.problem(what, "overrides", written)
            continue
        yield from _check_merge(target, written, target.shape.overrides[arch])


def _check_merge(
    target: Entry[TargetShape], arch: str, override: TargetOverride
) -> Iterator[Problem]:
    """Yield what an override leaves out of a way that the target itself has not."""
    required = {"registry": ("image",), "assembled": ("suite", "packages")}
    for way, keys in required.items():
        changed: Shape | None = getattr(override, way)
        if changed is None or getattr(target.shape, way) is not None:
            continue
        for key in keys:
            if key not in changed.model_fields_set:
                what = f"the target has no {way!r} to merge into; add the key {key!r}"
                yield target.problem(what, "overrides", arch, way)


def _check_source(
    subject: Entry[SubjectShape], builders: Section[BuilderShape]
) -> Iterator[Problem]:
    shape = subject.shape
    if bool(shape.fixture) == bool(shape.index):
        yield subject.problem("wants either 'fixture' or 'index', one of the two")
    elif shape.index:
        for key in shape.model_fields_set & {"builder", "any_python"}:
            what = "belongs to a fixture's subject; remove it here"
            yield subject.problem(what, key)
    elif not shape.builder:
        yield subject.problem("the key 'builder' is missing; add it")
    elif shape.builder not in builders.names:
        what = f"unknown builder {shape.builder!r}{did_you_mean(shape.builder, builders.names)}"
        yield subject.problem(what, "builder")


def _check_pythons(
    subject: Entry[SubjectShape], targets: Section[TargetShape]
) -> Iterator[Problem]:
    if targets.problems:
        return  # a target that could not be read may have it
    known = {
        python
        for target in targets.entries
        for python in (
            target.shape.python,
            *(o.python for o in target.shape.overrides.values() if o.python),
        )
    }
    for at, python in enumerate(subject.shape.pythons):
        if python not in known:
            what = f"no target has Python {python!r}{did_you_mean(python, known)}"
            yield subject.problem(what, "pythons", at)


def _check_places(subject: Entry[SubjectShape], targets: Section[TargetShape]) -> Iterator[Problem]:
    shape = subject.shape
    for key, patterns in (("include", shape.include), ("exclude", shape.exclude)):
        halves = [pattern.partition("/") for pattern in patterns]
        yield from _check_globs(subject, key, [target for target, _, _ in halves], targets.names)
        yield from _check_arches(subject, key, [arch or "*" for _, _, arch in halves])


def _check_globs(
    entry: Entry[Any], key: str, patterns: Sequence[str], names: frozenset[str]
) -> Iterator[Problem]:
    """Yield the globs that match none of ``names``; where there are none, that file is at fault."""
    noun = "subject" if key.startswith("subject") else "target"
    for at, pattern in enumerate(patterns):
        if names and not matching(pattern, tuple(names)):
            what = f"no {noun} matches {pattern!r}{did_you_mean(pattern, names)}"
            yield entry.problem(what, key, at)


def _check_arches(entry: Entry[Any], key: str, patterns: Sequence[str]) -> Iterator[Problem]:
    for at, pattern in enumerate(patterns):
        if not matching_arches(pattern, _ARCHES):
            what = f"no arch matches {pattern!r}{did_you_mean(pattern, _ARCHES)}"
            yield entry.problem(what, key, at)
