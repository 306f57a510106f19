"""Targets: a distribution's Python on an arch, and the ways to obtain its image."""

from dataclasses import dataclass, field, replace
from enum import StrEnum

from harness.core.arches import Arch, find_arch


class ImageWay(StrEnum):
    """How a target image is obtained; every result records it."""

    REGISTRY = "registry"
    ASSEMBLED = "assembled"
    REPLICA = "replica"


@dataclass(frozen=True, kw_only=True, slots=True)
class RegistryWay:
    """An image pulled from a registry and prepared once."""

    image: str
    """As ``docker pull`` takes it: ``debian:12``, optionally with ``@sha256:…``."""
    prepare: tuple[str, ...] = ()
    """Shell commands run once, in order, as root and with network."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AssembledWay:
    """A Debian root file system assembled from the distribution's binary packages."""

    suite: str
    packages: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Suite:
    """A release of the distribution."""

    id: str
    closed: bool = False
    """It gets no more updates, so its index is valid past its date."""
    rolling: bool = False
    """It changes every day, so today's index is tried before the lock."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Interpreter:
    """A CPython for replicas, built from the distribution's source package."""

    id: str
    python: str
    """Minor version: ``3.9``; ``3.13t`` is the free-threaded one (PEP 703)."""
    suite: str
    """The Debian release whose source package it is: ``bullseye``."""
    source: str
    """Name of the source package: ``python3.9``."""
    other_suites: tuple[str, ...] = ()
    """Other suites whose source package serves as well, the preferred one first."""

    @property
    def free_threaded(self) -> bool:
        return self.python.endswith("t")

    @property
    def version(self) -> str:
        """Minor version without its ABI flag: ``3.13``."""
        return self.python.removesuffix("t")


@dataclass(frozen=True, kw_only=True, slots=True)
class Naming:
    """How an interpreter names extension modules: triplets per arch."""

    id: str
    builds: dict[str, str]
    """The triplet of SOABI, EXT_SUFFIX and MULTIARCH: ``{"ppc64le": "ppc64le-linux-gnu"}``."""
    second: dict[str, str] = field(default_factory=dict)
    """A triplet imported too, right after the own one, by the table in ``dynload_shlib.c``:
    Alpine's ``gnu-fallback-soabi.patch``."""
    last: dict[str, str] = field(default_factory=dict)
    """A triplet imported too, after plain ``.so``, by importlib and not by the table: Fedora's
    patch 353."""


class ReplicaField(StrEnum):
    """Recorded facts of an environment that are compared with the passport of its replica."""

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
    """An interpreter rebuilt from CPython's source, on a base of Debian packages."""

    interpreter: Interpreter
    naming: Naming
    suite: str
    """The Debian release whose libc is the base."""
    pip: str
    """Version of pip, from the package index."""
    replicates: str
    """Name of the environment in the recorded facts."""
    differs: dict[ReplicaField, str] = field(default_factory=dict)
    """The reason for each field that differs from the facts."""
    own: Interpreter | None = None
    """The environment's own interpreter, for which ``interpreter`` stands in where the source of
    ``own`` is not available; None if they are the same."""

    @property
    def with_own(self) -> "ReplicaWay":
        """The way with the environment's own interpreter."""
        if self.own is None:
            return self
        reasons = dict(self.differs)
        reasons.pop(ReplicaField.PYTHON, None)
        return replace(self, interpreter=self.own, own=None, differs=reasons)


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """An environment that wheels are probed in: an image and its interpreter on one arch."""

    id: str
    arch_name: str
    title: str
    python: str
    """Minor version of its interpreter: ``3.11``, ``3.13t`` if free-threaded, ``pypy3.11``."""
    libc: str
    """``glibc`` or ``musl``."""
    interpreter: str
    """The command that starts it in the image: ``python3``."""
    registry: RegistryWay | None = None
    assembled: AssembledWay | None = None
    replica: ReplicaWay | None = None
    allow_failure: bool = False
    """An unexpected outcome is shown but does not fail the run."""

    @property
    def key(self) -> str:
        """``<target>/<arch>``: the unit of scheduling, one image and one session."""
        return f"{self.id}/{self.arch_name}"

    @property
    def arch(self) -> Arch:
        return find_arch(self.arch_name)

    @property
    def pythons(self) -> tuple[str, ...]:
        """Its minor version of Python, then that of its replica if it differs."""
        replica = (self.replica.interpreter.python,) if self.replica else ()
        return tuple(dict.fromkeys((self.python, *replica)))
