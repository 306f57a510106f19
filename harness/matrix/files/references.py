"""Check the references of the matrix files.

Report each name, glob or override that refers to nothing, and each entry with conflicting keys.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from harness.core.arches import ARCHES
from harness.core.causes import Cause
from harness.core.matching import did_you_mean, matching, matching_arches, wheel_spelling
from harness.core.problems import Problem
from harness.core.subjects import ModuleName
from harness.matrix.files.file_shapes import (
    BuilderShape,
    ExpectationShape,
    PolicyShape,
    ProfileShape,
    SubjectShape,
)
from harness.matrix.files.own_rows import OwnRows
from harness.matrix.files.section import Entry, Section
from harness.matrix.files.target_shapes import (
    InterpreterShape,
    MachineShape,
    NamingShape,
    SuiteShape,
    TargetShape,
)

_ARCHES = tuple(arch.name for arch in ARCHES)


@dataclass(frozen=True, kw_only=True, slots=True)
class Sections:
    """All matrix files, and the fixture projects that they may name."""

    targets: Section[TargetShape]
    machines: Section[MachineShape]
    suites: Section[SuiteShape]
    interpreters: Section[InterpreterShape]
    namings: Section[NamingShape]
    builders: Section[BuilderShape]
    subjects: Section[SubjectShape]
    expectations: Section[ExpectationShape]
    profiles: Section[ProfileShape]
    policies: Section[PolicyShape]
    fixtures: frozenset[str] | None = None
    """Names of the fixture projects; None if unknown."""


def check_references(sections: Sections) -> Iterator[Problem]:
    """Yield the problems of all names in the sections, file by file."""
    targets, subjects = sections.targets.names, sections.subjects.names
    machines = sections.machines.names
    for target in sections.targets.entries:
        yield from _check_ways(target)
        yield from _check_overrides(target)
        yield from _check_replicas(target, sections)
        yield from _check_machines(target, sections)
    yield from _check_machine_rows(sections)
    for builder in sections.builders.entries:
        yield from _check_builder(builder, sections)
    pythons = _pythons(sections.targets)
    for subject in sections.subjects.entries:
        yield from _check_source(subject)
        yield from _check_names(subject, "fixture", sections.fixtures, "fixture project is called")
        yield from _check_names(subject, "builder", sections.builders.names, "builder is called")
        yield from _check_names(subject, "pythons", pythons, "target has Python")
        yield from _check_places(subject, "include", targets, machines)
        yield from _check_places(subject, "exclude", targets, machines)
    for expectation in sections.expectations.entries:
        yield from _check_expectation(expectation, targets)
        yield from _check_names(expectation, "subject", subjects, "subject matches")
    for profile in sections.profiles.entries:
        yield from _check_places(profile, "targets", targets, machines)
        yield from _check_arches(profile, "arches")
        yield from _check_names(profile, "subjects", subjects, "subject matches")
    for policy in sections.policies.entries:
        yield from _check_policy(policy, sections)


def check_config(
    own: OwnRows, sections: Sections, shipped: Section[TargetShape]
) -> Iterator[Problem]:
    """Yield the problems of names in a project's configuration.

    ``sections`` has its own targets too, which must not have the id of a ``shipped`` one: what
    is recorded of that target would not hold for it.
    """
    places = {name: entry.place for entry in shipped.entries for name, _ in entry.texts("id")}
    for target in own.targets.entries:
        for name, steps in target.texts("id"):
            if name in places:
                what = f"{name!r} is the id of a target already ({places[name]}); rename this one"
                yield target.problem(what, *steps)
            places.setdefault(name, target.place)
    targets = sections.targets.names
    yield from _check_places(own.whole, "targets", targets, sections.machines.names)
    yield from _check_arches(own.whole, "arches")
    yield from _check_names(own.whole, "profile", sections.profiles.names, "profile is called")
    for expectation in own.expectations.entries:
        yield from _check_expectation(expectation, targets)


def _check_expectation(expectation: Entry, targets: frozenset[str] | None) -> Iterator[Problem]:
    yield from _check_names(expectation, "target", targets, "target matches")
    yield from _check_arches(expectation, "arch")
    yield from _check_names(expectation, "cause", _CAUSES, "cause is called")
    if expectation.keys() and not (expectation.has("subject") or expectation.has("cause")):
        yield expectation.problem("needs 'subject', 'cause' or both")


_CAUSES = frozenset(cause.value for cause in Cause)
_WAYS = {
    "registry": ("image",),
    "assembled": ("suite", "packages"),
    "replica": ("interpreter", "naming", "suite", "pip", "replicates"),
}
"""The required keys of each way to get an image."""


def _check_ways(target: Entry) -> Iterator[Problem]:
    if target.keys() and not any(target.keys(way) for way in _WAYS):
        yield target.problem("no way to get its image; add 'registry', 'assembled' or 'replica'")


def _check_overrides(target: Entry) -> Iterator[Problem]:
    arches = {wheel_spelling(arch) for arch, _ in target.texts("arches")}
    for written in target.keys("overrides"):
        arch = wheel_spelling(written)
        if arch in _ARCHES and arch not in arches:
            what = f"the target has no arch {written!r}{did_you_mean(arch, arches)}"
            yield target.problem(what, "overrides", written)
        for way, required in _WAYS.items():
            given = target.keys("overrides", written, way)
            missing = [key for key in required if key not in given]
            if given and missing and not target.has(way):
                what = f"the target has no {way!r} to merge into; add {' and '.join(missing)}"
                yield target.problem(what, "overrides", written, way)


def _check_replicas(target: Entry, sections: Sections) -> Iterator[Problem]:
    interpreters = sections.interpreters.names
    named = (
        *(("interpreter", interpreters), ("own", interpreters)),
        ("naming", sections.namings.names),
    )
    for steps in ((), *(("overrides", arch) for arch in target.keys("overrides"))):
        for key, names in named:
            for name, at in target.texts(*steps, "replica", key):
                if names is not None and name not in names:
                    what = f"no {key} is called {name!r}{did_you_mean(name, names)}"
                    yield target.problem(what, *at)


def _check_machine_rows(sections: Sections) -> Iterator[Problem]:
    for machine in sections.machines.entries:
        if machine.keys() and not (machine.has("cpu") or machine.has("page_size")):
            yield machine.problem("needs 'cpu', 'page_size' or both")


def _check_machines(target: Entry, sections: Sections) -> Iterator[Problem]:
    """Yield the machines of a target that do not exist, or not for an arch of it."""
    arches = {wheel_spelling(arch) for arch, _ in target.texts("arches")}
    known = {shape.id: shape.arches for shape in sections.machines.shapes}
    for name in target.keys("machines"):
        if sections.machines.names is not None and name not in sections.machines.names:
            what = f"no machine is called {name!r}{did_you_mean(name, sections.machines.names)}"
            yield target.problem(what, "machines", name)
            continue
        for written, at in target.texts("machines", name):
            arch = wheel_spelling(written)
            if arch in _ARCHES and arch not in arches:
                what = f"the target has no arch {written!r}{did_you_mean(arch, arches)}"
                yield target.problem(what, *at)
            elif arch in _ARCHES and arch not in known.get(name, [arch]):
                what = f"machine {name!r} is not for {arch}{did_you_mean(arch, known[name])}"
                yield target.problem(what, *at)


_KINDS = {
    "cross": ("libc", "promises", "headers"),
    "distribution": ("target",),
    "container": ("libc", "promises", "image", "pythons", "requires"),
}
"""The required keys of each kind of builder."""
_OPTIONAL = {"container": ("digests",)}
"""The optional keys of each kind of builder."""
_ALL = {key for keys in (*_KINDS.values(), *_OPTIONAL.values()) for key in keys}


def _check_builder(builder: Entry, sections: Sections) -> Iterator[Problem]:
    kind = next((kind for kind, _ in builder.texts("kind")), "")
    if kind in _KINDS:
        for key in _KINDS[kind]:
            if not builder.has(key):
                yield builder.problem(f"the key {key!r} is missing; a {kind} builder needs it")
        for key in sorted(_ALL - {*_KINDS[kind], *_OPTIONAL.get(kind, ())}):
            if builder.has(key):
                yield builder.problem(f"does not apply to a {kind} builder; remove it", key)
    namings = sections.namings.names
    names = None if namings is None else namings | {name.value for name in ModuleName}
    yield from _check_names(builder, "names", names, "naming is called")
    yield from _check_names(builder, "target", sections.targets.names, "target is called")
    yield from _check_headers_of_target(builder, sections)
    for row in builder.rows("headers"):
        yield from _check_headers(row, sections.interpreters.names)


def _check_headers_of_target(builder: Entry, sections: Sections) -> Iterator[Problem]:
    """Yield a distribution builder whose target's headers are unavailable on the host."""
    pulled = {
        name
        for target in sections.targets.entries
        if not (target.has("replica") or target.has("assembled"))
        for name, _ in target.texts("id")
    }
    for name, at in builder.texts("target"):
        if name in pulled:
            what = f"{name!r} is only pulled, so the headers of its Python are unavailable"
            next_step = "give it a 'replica', or name a target that has one"
            yield builder.problem(f"{what}; {next_step}", *at)


def _check_headers(row: Entry, interpreters: frozenset[str] | None) -> Iterator[Problem]:
    if row.has("suite") == row.has("interpreter"):
        yield row.problem("needs exactly one of 'suite' and 'interpreter'")
    elif row.has("suite") and not row.has("python"):
        yield row.problem("the key 'python' is missing; a suite has several")
    elif row.has("interpreter") and row.has("python"):
        yield row.problem("an interpreter defines its own; remove it", "python")
    yield from _check_names(row, "interpreter", interpreters, "interpreter is called")


def _check_source(subject: Entry) -> Iterator[Problem]:
    fixture, index = subject.has("fixture"), subject.has("index")
    if subject.keys() and fixture == index:
        yield subject.problem("needs exactly one of 'fixture' and 'index'")
    elif fixture and not subject.has("builder"):
        yield subject.problem("the key 'builder' is missing; add it")
    elif index:
        for key in ("builder", "any_python"):
            if subject.has(key):
                yield subject.problem("applies only to a fixture subject; remove it here", key)


def _check_policy(policy: Entry, sections: Sections) -> Iterator[Problem]:
    targets = sections.targets.names
    yield from _check_names(policy, "targets", targets, "target matches")
    yield from _check_arches(policy, "arches")
    yield from _check_names(policy, "naming", sections.namings.names, "naming is called")
    for before in policy.keys("verified_on"):
        for name, steps in ((before, ()), *policy.texts("verified_on", before)):
            if targets is not None and name not in targets:
                what = f"no target is called {name!r}{did_you_mean(name, targets)}"
                yield policy.problem(what, *(steps or ("verified_on", before)))
    if not any(policy.has(key) for key in ("naming", "reads", "builds")):
        yield policy.problem("changes nothing; add 'naming', 'reads' or 'builds'")


def _pythons(targets: Section[TargetShape]) -> frozenset[str] | None:
    if targets.names is None:
        return None
    return frozenset(
        python
        for target in targets.entries
        for steps in ((), *(("overrides", arch) for arch in target.keys("overrides")))
        for python, _ in target.texts(*steps, "python")
    )


def _check_places(
    entry: Entry, key: str, targets: frozenset[str] | None, machines: frozenset[str] | None
) -> Iterator[Problem]:
    """Yield the problems of globs over ``<target>`` or ``<target>/<arch>[@<machine>]``."""
    for pattern, steps in entry.texts(key):
        place, at, machine = pattern.partition("@")
        target, slash, arch = place.partition("/")
        if at and machines is not None and not matching(machine, tuple(machines)):
            what = f"no machine matches {machine!r}{did_you_mean(machine, machines)}"
            yield entry.problem(what, *steps)
        if targets is not None and not matching(target, tuple(targets)):
            what = f"no target matches {target!r}{did_you_mean(target, targets)}"
            yield entry.problem(what, *steps)
        if slash and not matching_arches(arch, _ARCHES):
            what = f"no arch matches {arch!r}{did_you_mean(arch, _ARCHES)}"
            yield entry.problem(what, *steps)


def _check_names(
    entry: Entry, key: str, names: frozenset[str] | None, relation: str
) -> Iterator[Problem]:
    """Yield the globs at ``key`` that match none of ``names``; None skips the check."""
    for pattern, steps in entry.texts(key):
        if names is not None and not matching(pattern, tuple(names)):
            what = f"no {relation} {pattern!r}{did_you_mean(pattern, names)}"
            yield entry.problem(what, *steps)


def _check_arches(entry: Entry, key: str) -> Iterator[Problem]:
    for written, steps in entry.texts(key):
        pattern = written.partition("@")[0] or "*"
        if not matching_arches(pattern, _ARCHES):
            what = f"no arch matches {pattern!r}{did_you_mean(pattern, _ARCHES)}"
            yield entry.problem(what, *steps)
