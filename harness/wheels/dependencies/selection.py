"""Choose the releases of a project that a target's installer would choose, or say why none (pure).

The order is pip's: the newest release that fits, and its best wheel. Yanked releases count only if
a requirement pins them (PEP 592), pre-releases only if there is no other or if a requirement names
one (PEP 440). Unlike with pip, a release without a wheel for the target is no candidate: nothing is
compiled here.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from harness.wheels.archive.metadata import accepts_python
from harness.wheels.dependencies.offers import OfferedProject, OfferedWheel
from harness.wheels.index.choose import choose_wheel, nearest_refusal

_NEAREST = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class TargetInstaller:
    """What decides about dependencies on a target."""

    environment: Mapping[str, str]
    """See ``marker_environment``."""
    tags: tuple[str, ...]
    """Those that its installer accepts, best first."""
    python: str
    """Full version."""
    strict: bool = False
    """Its installer refuses metadata that does not parse: pip from 24.1 on."""


def fitting_wheels(
    offered: OfferedProject, specifier: SpecifierSet, installer: TargetInstaller
) -> Iterator[tuple[Version, OfferedWheel]]:
    """Yield the releases that fit and the best wheel of each, newest first."""
    versions = [v for v in offered.versions if specifier.contains(v, prereleases=True)]
    final = [v for v in versions if not v.is_prerelease]
    others = [v for v in versions if v.is_prerelease]
    stages = [versions] if specifier.prereleases else [final, others]
    for yanked in (False, True) if _pins(specifier) else (False,):
        for stage in stages:
            found = False
            for version in stage:
                if wheel := _best(offered.wheels(version), installer, yanked=yanked):
                    found = True
                    yield version, wheel
            if found:
                return


def why_unavailable(
    project: str,
    offered: OfferedProject,
    specifier: SpecifierSet,
    installer: TargetInstaller,
    catalogue: str = "the package index",
) -> str:
    """Return why ``fitting_wheels`` yields nothing, and what users would do."""
    fits = [v for v in offered.versions if specifier.contains(v, prereleases=True)]
    if not fits:
        known = ", ".join(map(str, reversed(offered.versions[:_NEAREST]))) or "none at all"
        return f"no release of {project} fits {specifier}; {catalogue} has {known}"
    version = min(fits, key=lambda v: (not _is_for(installer, offered, v), v.is_prerelease))
    wheels = tuple(each.wheel for each in offered.wheels(version))
    if choose_wheel(wheels, installer.tags, installer.python):
        return f"{project} {version} is yanked; a requirement must pin it"
    if not wheels:
        reason = f"{project} {version} has no wheel for Linux"
    else:
        reason = nearest_refusal(wheels, installer.tags, installer.python)
    if not _is_for(installer, offered, version):
        return reason
    would = "would compile it" if offered.has_source(version) else "cannot install it"
    return f"{reason}; users {would}"


def _best(
    wheels: Sequence[OfferedWheel], installer: TargetInstaller, *, yanked: bool
) -> OfferedWheel | None:
    by_file = {each.wheel: each for each in wheels if each.wheel.yanked is yanked}
    best = choose_wheel(tuple(by_file), installer.tags, installer.python)
    return by_file[best] if best else None


def _is_for(installer: TargetInstaller, offered: OfferedProject, version: Version) -> bool:
    """Whether a release is for the target's Python, as far as its wheels say."""
    wheels = offered.wheels(version)
    python = installer.python
    return not wheels or any(accepts_python(w.wheel.requires_python, python) for w in wheels)


def _pins(specifier: SpecifierSet) -> bool:
    """Whether it names one release, as pip does for yanked ones (PEP 592)."""
    return any(
        each.operator == "===" or (each.operator == "==" and not each.version.endswith(".*"))
        for each in specifier
    )
