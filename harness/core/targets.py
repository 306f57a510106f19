"""Targets: a distribution's Python on an arch, and the ways to get an image of it."""

from dataclasses import dataclass, field
from enum import StrEnum

from harness.core.arches import Arch, find_arch


class ImageWay(StrEnum):
    """Where a target image comes from; every result says which."""

    REGISTRY = "registry"
    ASSEMBLED = "assembled"
    REPLICA = "replica"


@dataclass(frozen=True, kw_only=True, slots=True)
class RegistryWay:
    """A real image, pulled, then prepared once."""

    image: str
    """As ``docker pull`` takes it: ``debian:12``, optionally with ``@sha256:…``."""
    prepare: tuple[str, ...] = ()
    """Shell commands run once, in order, as root and with network."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AssembledWay:
    """A Debian root file system put together from the distribution's binary packages."""

    suite: str
    packages: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Suite:
    """What is known of a release of the distribution."""

    id: str
    closed: bool = False
    """Nothing is added any more: its index is as good after its date."""
    rolling: bool = False
    """It changes every day: the index of the day comes before the lock."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Interpreter:
    """A CPython that replicas are made of, built from the distribution's source package."""

    id: str
    python: str
    """Minor version: ``3.9``."""
    suite: str
    """The Debian release whose source package it is: ``bullseye``."""
    source: str
    """Name of the source package: ``python3.9``."""
    other_suites: tuple[str, ...] = ()
    """Those whose source package serves as well, the preferred one first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Naming:
    """How an interpreter names extension modules: triplets per arch, none where there is none."""

    id: str
    builds: dict[str, str]
    """The triplet of SOABI, EXT_SUFFIX and MULTIARCH: ``{"ppc64le": "ppc64le-linux-gnu"}``."""
    second: dict[str, str] = field(default_factory=dict)
    """A triplet that is read too, right after its own, by the table compiled into
    ``dynload_shlib.c``: Alpine's ``gnu-fallback-soabi.patch``."""
    last: dict[str, str] = field(default_factory=dict)
    """A triplet that is read too, after plain ``.so``, by importlib and not by the table:
    Fedora's patch 353."""


class ReplicaField(StrEnum):
    """What is recorded of an environment, and held against the passport of its replica."""

    PYTHON = "python"
    SOABI = "soabi"
    EXT_SUFFIX = "ext_suffix"
    MULTIARCH = "multiarch"
    EXT_SUFFIXES = "ext_suffixes"
    LIBC = "libc"
    LIBC_VERSION = "libc_version"
    PIP = "pip"
    PIP_ACCEPTS = "pip_accepts"


@dataclass(frozen=True, kw_only=True, slots=True)
class ReplicaWay:
    """The interpreter rebuilt from CPython's source, on a base of real Debian packages."""

    interpreter: Interpreter
    naming: Naming
    suite: str
    """The Debian release whose libc is the base."""
    pip: str
    """Version of pip, from the package index."""
    replicates: str
    """Name of the environment in the recorded facts."""
    differs: dict[ReplicaField, str] = field(default_factory=dict)
    """Per field of the facts that is not as there: the reason."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """One environment that wheels are probed in: an image and its interpreter, on one arch."""

    id: str
    arch_name: str
    title: str
    python: str
    """Minor version of its interpreter: ``3.11``."""
    libc: str
    """``glibc`` or ``musl``."""
    interpreter: str
    """The command that starts it in the image: ``python3``."""
    registry: RegistryWay | None = None
    assembled: AssembledWay | None = None
    replica: ReplicaWay | None = None
    allow_failure: bool = False
    """An unexpected outcome here is shown and does not fail the run."""

    @property
    def key(self) -> str:
        """``<target>/<arch>``: the unit of scheduling, one image and one session."""
        return f"{self.id}/{self.arch_name}"

    @property
    def arch(self) -> Arch:
        return find_arch(self.arch_name)

    @property
    def pythons(self) -> tuple[str, ...]:
        """Its minor version of Python, then that of a replica in which another stands in."""
        replica = (self.replica.interpreter.python,) if self.replica else ()
        return tuple(dict.fromkeys((self.python, *replica)))
