"""The keys, types and descriptions of the files about interpreters: targets and what they use."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from harness.matrix.files.fields import (
    Arches,
    AuxiliaryMasks,
    ByArch,
    CPython,
    Differences,
    EveryTriplet,
    Id,
    Libc,
    Link,
    Minor,
    Package,
    Packages,
    PageSize,
    Release,
    Text,
    Triplets,
)
from harness.matrix.files.shape import Shape

# --- targets.yaml ---------------------------------------------------------------


class RegistryShape(Shape):
    """A real image, pulled and prepared once."""

    image: Text
    """As `docker pull` takes it: `debian:12`, optionally with `@sha256:…`."""
    prepare: list[Text] = []
    """Shell commands to run once in the image, in order, as root and with network."""


class AssembledShape(Shape):
    """A root file system assembled from Debian's binary packages."""

    suite: Package
    """Debian's name of the release: `bookworm`."""
    packages: Annotated[list[Package], Field(min_length=1)]
    """Packages to unpack, with their dependencies."""


class ReplicaShape(Shape):
    """The interpreter rebuilt from CPython's source, on a base of real Debian packages."""

    interpreter: Id
    """Id of the CPython to build, in interpreters.yaml."""
    own: Id | None = None
    """Id of the environment's own CPython, for which `interpreter` stands in if its source is
    not available."""
    naming: Id
    """Id of its extension module naming, in namings.yaml."""
    suite: Package
    """The Debian release whose libc is the base."""
    pip: Release
    """Version of its pip, from the package index, quoted."""
    replicates: Text
    """Name of the recorded environment that it is compared with."""
    differs: Differences = {}
    """Per recorded fact that differs here: the reason."""


class RegistryOverride(RegistryShape):
    """The parts of `registry` that differ on one arch."""

    image: Text = ""
    """The image of this arch."""


class AssembledOverride(AssembledShape):
    """The parts of `assembled` that differ on one arch."""

    suite: Package = ""
    """The release of this arch."""
    packages: Annotated[list[Package], Field(min_length=1)] = []
    """The packages of this arch, instead of the target's."""


class ReplicaOverride(ReplicaShape):
    """The parts of `replica` that differ on one arch."""

    interpreter: Id = ""
    """The interpreter on this arch."""
    naming: Id = ""
    """The naming on this arch."""
    suite: Package = ""
    """The base of this arch."""
    pip: Release = ""
    """The pip of this arch."""
    replicates: Text = ""
    """The recorded environment of this arch."""


class TargetOverride(Shape):
    """The fields of a target that differ on one arch."""

    title: Text = ""
    """The title on this arch."""
    python: Minor = ""
    """The minor version on this arch."""
    libc: Libc = "glibc"
    """The C library on this arch."""
    interpreter: Text = ""
    """The command on this arch."""
    registry: RegistryOverride | None = None
    """Merged into the target's own; `null` removes this way on the arch."""
    assembled: AssembledOverride | None = None
    """Merged into the target's own; `null` removes this way on the arch."""
    replica: ReplicaOverride | None = None
    """Merged into the target's own; `null` removes this way on the arch."""
    allow_failure: bool = False
    """Allow this arch alone to fail."""


class TargetShape(Shape):
    """One environment that wheels are probed in."""

    id: Id
    """First part of the cell ids; `-k` selects by it."""
    title: Text
    """Name shown to people."""
    python: Minor
    """Minor version of its interpreter, quoted; `3.13t` is free-threaded, `pypy3.11` is PyPy."""
    libc: Libc
    """Its C library."""
    interpreter: Text = "python3"
    """The command that starts the interpreter in the image."""
    arches: Arches
    """The architectures that it is probed on."""
    registry: RegistryShape | None = None
    """How to get the real image from a registry."""
    assembled: AssembledShape | None = None
    """How to assemble the image from Debian's packages."""
    replica: ReplicaShape | None = None
    """How to rebuild its interpreter."""
    machines: dict[Id, Arches] = {}
    """Machines of machines.yaml that it is probed on too, each with the arches."""
    allow_failure: bool = False
    """Show unexpected results here without failing the run."""
    overrides: ByArch[TargetOverride] = {}
    """Per arch: the fields that differ there."""


# --- machines.yaml --------------------------------------------------------------


class MachineShape(Shape):
    """A CPU model of QEMU, a page size, or both."""

    model_config = ConfigDict(
        json_schema_extra={"anyOf": [{"required": ["cpu"]}, {"required": ["page_size"]}]}
    )

    id: Id
    """Part of the cell ids, after `@`; `--machine` selects by it."""
    title: Text
    """What it stands for."""
    arches: Arches
    """The architectures that it exists for."""
    cpu: Text = ""
    """QEMU's name of the CPU model, with its options: `rv64,v=true`."""
    page_size: PageSize = 0
    """Bytes of a page."""
    isa_level: Literal[0, 1, 2, 3, 4] = 0
    """The x86-64 level of the CPU; 0 for other architectures."""
    has: AuxiliaryMasks = {}
    """Bits of `hwcap` and `hwcap2` that programs must find there."""
    lacks: AuxiliaryMasks = {}
    """Bits of `hwcap` and `hwcap2` that programs must not find there."""
    source: Link
    """Why this model stands for this baseline."""


# --- suites.yaml ----------------------------------------------------------------


class SuiteShape(Shape):
    """Properties of a Debian release."""

    id: Package
    """Debian's name of the release: `bullseye`."""
    closed: bool = False
    """The release gets no more packages, so its index stays valid after its expiry date."""
    rolling: bool = False
    """The release changes daily: today's index is used, or the lock if that fails."""


# --- interpreters.yaml ----------------------------------------------------------


class InterpreterShape(Shape):
    """A CPython source that replicas are built from."""

    id: Id
    """Id that targets refer to."""
    python: CPython
    """Its minor version, quoted; `3.13t` is the free-threaded build of 3.13."""
    suite: Packages
    """The Debian releases with its source package: one, or a list in order of preference."""
    source: Package
    """Name of that source package: `python3.9`."""


# --- namings.yaml ---------------------------------------------------------------


class NamingShape(Shape):
    """How an interpreter names extension modules: a word for all arches, or one per arch."""

    id: Id
    """Id that targets refer to."""
    builds: EveryTriplet
    """The triplet in the suffix that it builds: `gnu`, `musl` or a literal triplet."""
    second: Triplets = {}
    """A triplet that it also accepts, right after its own; `none` for no triplet."""
    last: Triplets = {}
    """A triplet that it also accepts, after plain `.so`; `none` for no triplet."""
