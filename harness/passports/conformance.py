"""Compare a replica's passport with the facts of the environment that it replicates."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from harness.core.arches import linux_arch
from harness.core.passport import Passport
from harness.core.targets import ReplicaField, ReplicaWay

_VERSION = re.compile(r"cpython-\d+m?")
_MINOR = re.compile(r"3\.\d+")
_UNRECORDED = {"linux", "musllinux_1_0"}
_PEP_600 = re.compile(r"manylinux_2_(\d+)")


@dataclass(frozen=True, kw_only=True, slots=True)
class EnvironmentFacts:
    """Recorded facts of a real environment on one arch."""

    name: str
    arch: str
    python: str
    """As in its source: ``3.9.13``, ``3.9.5-r2 .. 3.9.17-r0``."""
    soabi: str
    ext_suffix: str
    multiarch: str
    ext_suffixes: tuple[str, ...]
    libc: str
    """``glibc`` or ``musl``."""
    libc_version: str
    pip: str
    pip_accepts: tuple[str, ...]
    """Platform tags without their arch; ``manylinux_2_x for x<=33`` is a range."""
    available: bool
    """Whether it was ever shipped for that arch."""
    source: str = ""
    """Where it was read."""
    confidence: str = ""
    """``read in source``, ``inferred`` and the like."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FactDifference:
    """One field that differs from the recorded facts."""

    field: ReplicaField
    recorded: str
    measured: str

    def __str__(self) -> str:
        return f"{self.field}: recorded {self.recorded}, measured {self.measured}"


def differences(passport: Passport, recorded: EnvironmentFacts) -> tuple[FactDifference, ...]:
    """Return the facts that differ, in the order of ``ReplicaField``.

    Python is compared by its minor version. If that differs, names are compared with the measured
    version in place of the recorded one.
    """
    before, now = _recorded(recorded, passport.minor), _measured(passport)
    return tuple(
        FactDifference(field=field, recorded=before[field], measured=now[field])
        for field in ReplicaField
        if before[field] != now[field]
    )


def reasons_of(way: ReplicaWay, passport: Passport) -> Mapping[ReplicaField, str]:
    """Return the reasons that the matrix gives for differences of a measured replica.

    If the environment's own interpreter was available, no other one replaces it.
    """
    own = way.own and way.own.python == passport.variant
    return way.with_own.differs if own else way.differs


def unaccounted(
    found: tuple[FactDifference, ...], reasons: Mapping[ReplicaField, str]
) -> Iterator[str]:
    """Yield an error for each difference without a reason, and each reason without one."""
    for difference in found:
        if difference.field not in reasons:
            yield f"{difference}; correct the replica, or add the reason to its 'differs'"
    for field in reasons.keys() - {difference.field for difference in found}:
        yield f"{field}: is as recorded; remove it from 'differs'"


def _measured(passport: Passport) -> dict[ReplicaField, str]:
    libc, _, libc_version = passport.libc.partition(" ")
    return {
        ReplicaField.PYTHON: passport.minor,
        ReplicaField.SOABI: passport.soabi,
        ReplicaField.EXT_SUFFIX: passport.ext_suffix,
        ReplicaField.MULTIARCH: passport.multiarch,
        ReplicaField.EXT_SUFFIXES: " ".join(passport.extension_suffixes),
        ReplicaField.LIBC: libc,
        ReplicaField.LIBC_VERSION: libc_version,
        ReplicaField.PIP: passport.installer.removeprefix("pip "),
        ReplicaField.PIP_ACCEPTS: _platforms(passport.tags),
    }


def _recorded(recorded: EnvironmentFacts, minor: str) -> dict[ReplicaField, str]:
    version = f"cpython-{minor.replace('.', '')}"
    return {
        ReplicaField.PYTHON: _minor(recorded.python),
        ReplicaField.SOABI: _VERSION.sub(version, recorded.soabi),
        ReplicaField.EXT_SUFFIX: _VERSION.sub(version, recorded.ext_suffix),
        ReplicaField.MULTIARCH: recorded.multiarch,
        ReplicaField.EXT_SUFFIXES: _VERSION.sub(version, " ".join(recorded.ext_suffixes)),
        ReplicaField.LIBC: recorded.libc,
        ReplicaField.LIBC_VERSION: recorded.libc_version,
        ReplicaField.PIP: recorded.pip,
        ReplicaField.PIP_ACCEPTS: ", ".join(sorted(recorded.pip_accepts)),
    }


def _minor(python: str) -> str:
    found = _MINOR.match(python)
    return found[0] if found else python


def _platforms(tags: tuple[str, ...]) -> str:
    """Return the platforms of the tags in the recorded form: without arch, PEP 600's as a range.

    Leaves out ``linux_<arch>``, which every installer accepts, and ``musllinux_1_0``, which
    installers accept (PEP 656) but no wheel has: auditwheel begins with 1_1.
    """
    platforms = {tag.rpartition("-")[2] for tag in tags}
    names = {p.removesuffix(f"_{linux_arch(p)}") for p in platforms if linux_arch(p)} - _UNRECORDED
    minors = {int(found[1]) for name in names if (found := _PEP_600.fullmatch(name))}
    newest = {f"manylinux_2_x for x<={max(minors)}"} if minors else set()
    return ", ".join(sorted({n for n in names if not _PEP_600.fullmatch(n)} | newest))
