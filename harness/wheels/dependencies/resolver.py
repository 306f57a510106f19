"""Resolve requirements to wheels for one target (pure, apart from its catalogue).

``selection`` says which releases count; resolvelib searches for a set that fits together.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from packaging.specifiers import SpecifierSet
from packaging.version import Version
from resolvelib import (
    AbstractProvider,
    BaseReporter,
    ResolutionImpossible,
    ResolutionTooDeep,
    Resolver,
)

from harness.core.errors import PackageIndexError, WheelError
from harness.wheels.archive.metadata import accepts_python
from harness.wheels.dependencies.offers import Catalogue, OfferedProject, OfferedWheel
from harness.wheels.dependencies.requirements import (
    UnusableRequirementError,
    Wanted,
    constraints_on,
    parse_requirement,
    read_requirements,
    story,
)
from harness.wheels.dependencies.selection import TargetInstaller, fitting_wheels, why_unavailable

if TYPE_CHECKING:
    from resolvelib.structs import Matches, RequirementInformation

    Causes = Sequence[RequirementInformation[Wanted, "Installable"]]

MOST_ROUNDS = 5_000
"""Steps of the search."""
MOST_PROJECTS = 1_000
MOST_LINES = 5_000
"""Requires-Dist lines of one wheel."""
_NEAREST = 5
_ANY = SpecifierSet()

Key = tuple[str, str]
"""Project and extra."""


class DependencyRefusedError(Exception):
    """The target cannot get a dependency; one line with its name, the reason and who asks."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Installable:
    """A release that may be installed, or an extra of it."""

    project: str
    extra: str
    version: Version
    offered: OfferedWheel = field(compare=False)
    requires: tuple[str, ...] = field(compare=False)
    """Requires-Dist lines."""
    chain: tuple[str, ...] = field(compare=False)
    """Who asked for it first, and itself."""


def resolve(
    subject: Installable,
    companions: Sequence[Wanted],
    constraints: Sequence[str],
    catalogue: Catalogue,
    installer: TargetInstaller,
) -> tuple[OfferedWheel, ...]:
    """Return the wheels that an installer adds to the subject, sorted by project.

    ``companions`` are requirements besides those of the subject. Raises
    ``DependencyRefusedError``, and ``PackageIndexError`` if the index does not answer or the
    search takes more than ``MOST_ROUNDS``.
    """
    if len(subject.requires) > MOST_LINES:
        raise PackageIndexError(
            f"{subject.chain[0]} has {len(subject.requires)} lines Requires-Dist; more than "
            f"{MOST_LINES} are not resolved here; use --no-deps"
        )
    own = Wanted(project=subject.project, specifier=_ANY, text=subject.chain[0], chain=())
    try:
        provider = _Provider(subject, constraints, catalogue, installer)
        result = Resolver(provider, BaseReporter()).resolve([own, *companions], MOST_ROUNDS)
    except UnusableRequirementError as error:
        raise DependencyRefusedError(f"a constraint: {error}") from error
    except ResolutionImpossible as error:
        raise DependencyRefusedError(provider.explain(tuple(error.causes))) from error
    except ResolutionTooDeep as error:
        raise PackageIndexError(
            f"the dependencies of {subject.chain[0]} take more than {MOST_ROUNDS} steps to "
            "resolve; name versions with --with or --constraint, or use --no-deps"
        ) from error
    found = {c.project: c.offered for c in result.mapping.values() if c.project != subject.project}
    return tuple(found[name] for name in sorted(found))


class _Provider(AbstractProvider[Wanted, Installable, Key]):
    """Answers resolvelib's questions."""

    def __init__(
        self,
        subject: Installable,
        constraints: Sequence[str],
        catalogue: Catalogue,
        installer: TargetInstaller,
    ) -> None:
        self._subject = subject
        self._catalogue = catalogue
        self._installer = installer
        self._constraints = constraints_on(constraints, installer.environment)
        self._order: dict[Key, int] = {}
        self._refused = ""
        """Why the first requirement without any candidate has none."""

    def identify(self, requirement_or_candidate: Wanted | Installable) -> Key:
        return requirement_or_candidate.project, requirement_or_candidate.extra

    def get_preference(
        self,
        identifier: Key,
        resolutions: Mapping[Key, Installable],  # noqa: ARG002 - resolvelib's
        candidates: Mapping[Key, Iterator[Installable]],  # noqa: ARG002 - resolvelib's
        information: "Mapping[Key, Iterator[RequirementInformation[Wanted, Installable]]]",
        backtrack_causes: "Causes",
    ) -> tuple[bool, bool, bool, int]:
        """Order as pip does: what conflicts, what is pinned, what is bounded, what came first."""
        operators = {
            each.operator for wanted, _ in information[identifier] for each in wanted.specifier
        }
        conflicts = any(
            identifier == self.identify(wanted) or (parent and identifier == self.identify(parent))
            for wanted, parent in backtrack_causes
        )
        pinned = not operators.isdisjoint({"==", "==="})
        bounded = not operators.isdisjoint({"<", "<=", "~="})
        return not conflicts, not pinned, not bounded, self._order[identifier]

    def find_matches(
        self,
        identifier: Key,
        requirements: Mapping[Key, Iterator[Wanted]],
        incompatibilities: Mapping[Key, Iterator[Installable]],
    ) -> "Matches[Installable]":
        project, extra = identifier
        self._order.setdefault(identifier, len(self._order))
        if len(self._order) > MOST_PROJECTS:
            raise PackageIndexError(
                f"{self._subject.chain[0]} depends on more than {MOST_PROJECTS} projects and "
                "extras, which are not resolved here; use --no-deps"
            )
        wanted = list(requirements[identifier])
        excluded = set(incompatibilities[identifier])
        return lambda: self._matches(project, extra, wanted, excluded)

    def is_satisfied_by(self, requirement: Wanted, candidate: Installable) -> bool:
        return requirement.specifier.contains(candidate.version, prereleases=True)

    def get_dependencies(self, candidate: Installable) -> Iterable[Wanted]:
        try:
            asked = read_requirements(
                candidate.requires,
                self._installer.environment,
                candidate.chain,
                extra=candidate.extra,
            )
        except UnusableRequirementError as error:
            raise DependencyRefusedError(f"{story(candidate.chain)}: {error}") from error
        self._catalogue.expect({each.project for each in asked} - {self._subject.project})
        if not candidate.extra:
            return asked
        itself = Wanted(
            project=candidate.project,
            specifier=SpecifierSet(f"=={candidate.version}"),
            text=f"{candidate.project}=={candidate.version}",
            chain=candidate.chain,
        )
        return (itself, *asked)

    def explain(self, causes: "Causes") -> str:
        """Return why there is no solution, in one line."""
        if self._refused:
            return self._refused
        words = list(dict.fromkeys(wanted.story for wanted, _ in causes))
        project = causes[0].requirement.project if causes else "?"
        return f"no release of {project} fits all of: {'; '.join(words[:_NEAREST])}"

    def _matches(
        self, project: str, extra: str, wanted: Sequence[Wanted], excluded: set[Installable]
    ) -> Iterator[Installable]:
        if project == self._subject.project:
            itself = replace(self._subject, extra=extra)
            if itself not in excluded and all(self.is_satisfied_by(w, itself) for w in wanted):
                yield itself
            return
        offered = self._catalogue.project(project)
        limit, _ = self._constraints.get(project, (_ANY, ""))
        specifier = limit
        for each in wanted:
            specifier &= each.specifier
        chain = min((each.chain for each in wanted), key=len)
        found = False
        for version, wheel in self._wheels(offered, specifier) if offered else ():
            candidate = self._candidate(project, extra, version, wheel, chain)
            found = found or candidate is not None
            if candidate is not None and candidate not in excluded:
                yield candidate
        if not found and not self._refused:
            self._refused = self._why_none(project, wanted, offered)

    def _wheels(
        self, offered: OfferedProject, specifier: SpecifierSet
    ) -> Iterator[tuple[Version, OfferedWheel]]:
        return fitting_wheels(offered, specifier, self._installer)

    def _candidate(
        self,
        project: str,
        extra: str,
        version: Version,
        wheel: OfferedWheel,
        chain: tuple[str, ...],
    ) -> Installable | None:
        """Return the candidate; None if its metadata makes the installer pass it over."""
        try:
            requires_python, requires = self._catalogue.metadata(wheel)
            if self._installer.strict:
                for line in requires[:MOST_LINES]:
                    parse_requirement(line, strict=True)
        except (WheelError, UnusableRequirementError):
            return None
        usable = accepts_python(requires_python, self._installer.python)
        if not usable or len(requires) > MOST_LINES:
            return None
        return Installable(
            project=project,
            extra=extra,
            version=version,
            offered=wheel,
            requires=requires,
            chain=(*chain, f"{project} {version}"),
        )

    def _why_none(
        self, project: str, wanted: Sequence[Wanted], offered: OfferedProject | None
    ) -> str:
        """Return why a project has no candidate; empty if its requirements contradict."""
        if offered is None:
            return f"{self._catalogue.name} has no project {project} ({wanted[0].story})"
        limit, constraint = self._constraints.get(project, (_ANY, ""))
        for each in wanted:
            if not any(self._wheels(offered, each.specifier)):
                reason = self._why_unavailable(project, offered, each.specifier)
                return f"{reason} ({each.story})"
            if constraint and not any(self._wheels(offered, each.specifier & limit)):
                both = each.specifier & limit
                reason = self._why_unavailable(project, offered, both)
                return f"{reason} ({each.story}; the constraint is {constraint})"
        together = limit
        for each in wanted:
            together &= each.specifier
        if any(self._wheels(offered, together)):
            what = f"no release of {project} that fits has metadata that can be used"
            return f"{what} ({wanted[0].story})"
        return ""

    def _why_unavailable(
        self, project: str, offered: OfferedProject, specifier: SpecifierSet
    ) -> str:
        return why_unavailable(project, offered, specifier, self._installer, self._catalogue.name)
