"""Build a ``Matrix`` from matrix files without problems.

Each arch of a target becomes one target with its overrides applied. Pairs of target and subject
without a cell are listed as excluded.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from harness.core.arches import ARCHES
from harness.core.cells import Expectation, Matrix, Profile
from harness.core.machines import Machine, MachineTarget, machine_of
from harness.core.policy import NewNames, Policy
from harness.core.subjects import (
    Builder,
    BuilderKind,
    DependencyOptions,
    FixtureSource,
    Headers,
    IndexSource,
    ModuleName,
    Subject,
)
from harness.core.targets import (
    AssembledWay,
    Interpreter,
    Naming,
    RegistryWay,
    ReplicaWay,
    Suite,
    Target,
)
from harness.matrix.files.fields import OTHERS
from harness.matrix.files.file_shapes import (
    BuilderShape,
    ExpectationShape,
    HeadersShape,
    PolicyShape,
    ProfileShape,
    SubjectShape,
)
from harness.matrix.files.references import Sections
from harness.matrix.files.section import Entry
from harness.matrix.files.target_shapes import (
    InterpreterShape,
    MachineShape,
    NamingShape,
    SuiteShape,
    TargetShape,
)
from harness.matrix.files.unused_entries import covers


def resolve(sections: Sections) -> Matrix:
    """Return the matrix that the sections describe."""
    definitions = _Definitions(
        interpreters={shape.id: _interpreter(shape) for shape in sections.interpreters.shapes},
        namings={shape.id: _naming(shape) for shape in sections.namings.shapes},
        machines={shape.id: _machine(shape) for shape in sections.machines.shapes},
    )
    targets = tuple(t for shape in sections.targets.shapes for t in _targets(shape, definitions))
    builders = tuple(_builder(shape, definitions, targets) for shape in sections.builders.shapes)
    by_id = {builder.id: builder for builder in builders}
    shapes = sections.subjects.shapes
    expected = sections.expectations
    return Matrix(
        targets=targets,
        subjects=tuple(_subject(shape) for shape in shapes),
        builders=builders,
        expectations=tuple(map(read_expectation, expected.entries, expected.shapes)),
        profiles=tuple(_profile(shape) for shape in sections.profiles.shapes),
        namings=tuple(definitions.namings.values()),
        policies=tuple(_policy(shape, definitions) for shape in sections.policies.shapes),
        suites=tuple(map(read_suite, sections.suites.shapes)),
        machines=tuple(definitions.machines.values()),
        excluded=frozenset(
            (key, shape.id)
            for shape in shapes
            for key in _excluded(shape, targets, by_id.get(shape.builder))
        ),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Definitions:
    interpreters: dict[str, Interpreter]
    namings: dict[str, Naming]
    machines: dict[str, Machine]

    def replica(self, given: dict[str, Any]) -> ReplicaWay:
        parts = {
            "interpreter": self.interpreters[given["interpreter"]],
            "naming": self.namings[given["naming"]],
            "own": self.interpreters[given["own"]] if given.get("own") else None,
        }
        return ReplicaWay(**(given | parts))


def read_suite(shape: SuiteShape) -> Suite:
    """Return the Debian release that the entry describes."""
    return Suite(id=shape.id, closed=shape.closed, rolling=shape.rolling)


def _machine(shape: MachineShape) -> Machine:
    return Machine(
        name=shape.id,
        title=shape.title,
        cpu=shape.cpu,
        page_size=shape.page_size,
        isa_level=shape.isa_level,
        has=dict(shape.has),
        lacks=dict(shape.lacks),
        source=shape.source,
    )


def _interpreter(shape: InterpreterShape) -> Interpreter:
    suite, *others = shape.suite
    return Interpreter(
        id=shape.id,
        python=shape.python,
        suite=suite,
        source=shape.source,
        other_suites=tuple(others),
    )


def _naming(shape: NamingShape) -> Naming:
    return Naming(
        id=shape.id,
        builds=_triplets(shape.builds),
        second=_triplets(shape.second),
        last=_triplets(shape.last),
    )


def _triplets(words: dict[str, str]) -> dict[str, str]:
    found = {arch.name: words.get(arch.name, words.get(OTHERS, "none")) for arch in ARCHES}
    upstream = {arch.name: {"gnu": arch.gnu_triplet, "musl": arch.musl_triplet} for arch in ARCHES}
    return {arch: upstream[arch].get(word, word) for arch, word in found.items() if word != "none"}


def _targets(shape: TargetShape, definitions: _Definitions) -> tuple[Target, ...]:
    """Return a target for each arch, followed by those on its machines."""
    found: list[Target] = []
    for arch in (arch.name for arch in ARCHES if arch.name in shape.arches):
        plain = _target(shape, arch, definitions)
        own = [definitions.machines[name] for name, on in shape.machines.items() if arch in on]
        found += [plain, *(_on_machine(plain, machine) for machine in own)]
    return tuple(found)


def _on_machine(target: Target, machine: Machine) -> MachineTarget:
    given = {each.name: getattr(target, each.name) for each in fields(target)}
    return MachineTarget(**given, machine=machine)


def _target(shape: TargetShape, arch: str, definitions: _Definitions) -> Target:
    given = shape.model_dump(exclude={"id", "arches", "overrides", "machines"})
    if arch in shape.overrides:
        given = _merged(given, shape.overrides[arch].model_dump(exclude_unset=True))
    registry, assembled, replica = (given.pop(way) for way in ("registry", "assembled", "replica"))
    return Target(
        **given,
        id=shape.id,
        arch_name=arch,
        registry=registry and RegistryWay(**_frozen(registry)),
        assembled=assembled and AssembledWay(**_frozen(assembled)),
        replica=replica and definitions.replica(replica),
    )


def _merged(base: object, changes: object) -> Any:  # noqa: ANN401  fields of any type
    """Return ``base`` with ``changes``: mappings are merged, everything else is replaced."""
    if not (isinstance(base, dict) and isinstance(changes, dict)):
        return changes
    return base | {key: _merged(base.get(key), value) for key, value in changes.items()}


def _frozen(given: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(v) if isinstance(v, list) else v for key, v in given.items()}


def _builder(
    shape: BuilderShape, definitions: _Definitions, targets: tuple[Target, ...]
) -> Builder:
    if shape.target:
        own = tuple(t for t in targets if t.id == shape.target and not machine_of(t))
        return _distribution(shape.id, own)
    return Builder(
        id=shape.id,
        kind=BuilderKind(shape.kind),
        libc=shape.libc,
        promises=dict(shape.promises),
        headers=tuple(_headers(row, definitions) for row in shape.headers),
        names=tuple(definitions.namings.get(name) or ModuleName(name) for name in shape.names),
        image=shape.image,
        digests=dict(shape.digests),
        pythons=tuple(shape.pythons),
        requires=tuple(pinned(pin) for pin in shape.requires),
    )


def _headers(shape: HeadersShape, definitions: _Definitions) -> Headers:
    interpreter = definitions.interpreters.get(shape.interpreter)
    return Headers(
        python=interpreter.python if interpreter else shape.python,
        arches=tuple(shape.arches),
        suite=shape.suite,
        interpreter=interpreter,
    )


def _distribution(builder: str, targets: tuple[Target, ...]) -> Builder:
    """Return a builder that builds like the target's own Python, for each of its arches."""
    return Builder(
        id=builder,
        kind=BuilderKind.DISTRIBUTION,
        libc=targets[0].libc,
        headers=tuple(_own_headers(target) for target in targets),
        names=(Naming(id=targets[0].id, builds={t.arch_name: _own_triplet(t) for t in targets}),),
    )


def _own_headers(target: Target) -> Headers:
    arches = (target.arch_name,)
    if target.replica:
        interpreter = target.replica.interpreter
        return Headers(python=interpreter.python, arches=arches, interpreter=interpreter)
    suite = target.assembled.suite if target.assembled else ""
    return Headers(python=target.python, arches=arches, suite=suite)


def _own_triplet(target: Target) -> str:
    # Debian's Pythons, which have no replica, use upstream's names.
    naming = target.replica.naming.builds if target.replica else {}
    return naming.get(target.arch_name, target.arch.gnu_triplet)


def _subject(shape: SubjectShape) -> Subject:
    return Subject(
        id=shape.id,
        group=shape.group,
        source=pinned(shape.index)
        if shape.index
        else FixtureSource(project=shape.fixture, builder=shape.builder),
        imports=tuple(shape.imports),
        call=shape.call,
        companions=tuple(pinned(pin) for pin in shape.companions),
        dependencies=DependencyOptions(locked=True) if shape.dependencies else None,
    )


def pinned(pin: str) -> IndexSource:
    """Return the release of a pin: ``numpy==2.4.6``."""
    requirement = Requirement(pin)
    (specifier,) = requirement.specifier
    return IndexSource(name=canonicalize_name(requirement.name), version=specifier.version)


def read_expectation(entry: Entry, shape: ExpectationShape) -> Expectation:
    """Return the expectation of the entry, with its place in the file."""
    return Expectation(
        target=shape.target,
        arch=shape.arch,
        subject=shape.subject,
        outcome=shape.outcome,
        reason=shape.reason,
        link=shape.link,
        cause=shape.cause,
        where=f"{entry.place.file}:{entry.place.line}",
    )


def _profile(shape: ProfileShape) -> Profile:
    return Profile(
        name=shape.name,
        title=shape.title,
        targets=tuple(shape.targets),
        arches=tuple(shape.arches),
        subjects=tuple(shape.subjects),
    )


def _policy(shape: PolicyShape, definitions: _Definitions) -> Policy:
    return Policy(
        id=shape.id,
        title=shape.title,
        link=shape.link,
        targets=tuple(shape.targets),
        arches=tuple(shape.arches),
        naming=definitions.namings.get(shape.naming),
        reads=tuple(shape.reads),
        builds=NewNames(shape.builds) if shape.builds else None,
        verified_on=dict(shape.verified_on),
    )


def _excluded(
    shape: SubjectShape, targets: Sequence[Target], builder: Builder | None
) -> Iterator[str]:
    """Yield the keys of the targets without a cell of the subject."""
    pythons, builds = set(shape.pythons), builder.builds if builder else ()
    for target in targets:
        included = not shape.include or any(covers(pattern, target) for pattern in shape.include)
        built = builder is None or (
            builder.libc == target.libc
            and any(
                arch == target.arch_name and (shape.any_python or python in target.pythons)
                for python, arch in builds
            )
        )
        if not (
            included
            and built
            and (not pythons or not pythons.isdisjoint(target.pythons))
            and not any(covers(pattern, target) for pattern in shape.exclude)
        ):
            yield target.key
