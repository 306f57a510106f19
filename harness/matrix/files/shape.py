"""The keys, types and descriptions of each matrix file.

The JSON Schemas are generated from these definitions, descriptions included;
``matrix/README.md`` explains every field.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from harness.matrix.files.fields import (
    Arches,
    AuxiliaryMasks,
    ByArch,
    CPython,
    Differences,
    Digest,
    EveryTriplet,
    Expression,
    Id,
    Incompatibility,
    Libc,
    Link,
    Minor,
    Module,
    Package,
    Packages,
    PageSize,
    Pin,
    Release,
    Suffix,
    Text,
    Triplets,
    Version,
)


class Shape(BaseModel):
    """A mapping with exactly these keys, without type conversion."""

    model_config = ConfigDict(
        strict=True, extra="forbid", frozen=True, use_attribute_docstrings=True
    )


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
    """Id of the environment's own CPython, for which `interpreter` stands in if its source cannot
    be had."""
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


# --- builders.yaml --------------------------------------------------------------


class HeadersShape(Shape):
    """Source of headers: the Python of a Debian release, or an interpreter built here."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [{"required": ["python", "suite"]}, {"required": ["interpreter"]}]
        }
    )

    python: Minor = ""
    """Minor version of Python, quoted; an interpreter defines its own."""
    suite: Package = ""
    """The Debian release whose dev package contains the headers."""
    interpreter: Id = ""
    """Id in interpreters.yaml."""
    arches: Arches
    """The architectures to use them for."""


class BuilderShape(Shape):
    """A builder of fixture wheels."""

    id: Id
    """Id that subjects refer to."""
    kind: Literal["cross", "distribution", "container"]
    """`cross` and `distribution`: zig cc on the host; `container`: in an image."""
    libc: Libc = "glibc"
    """The C library of its wheels; for `distribution`, that of the target."""
    promises: ByArch[Version] = {}
    """Per arch: the C library version in the platform tag, quoted."""
    headers: list[HeadersShape] = []
    """For `cross`: the headers to compile against."""
    names: Annotated[list[Id], Field(min_length=1)] = ["upstream"]
    """For `cross`: `upstream`, `bare` (plain `.so`) or ids of namings.yaml."""
    target: Id = ""
    """For `distribution`: id of the target whose Python it imitates."""
    image: Text = ""
    """For `container`: the builder image, with `{arch}` for the arch."""
    digests: ByArch[Digest] = {}
    """For `container`, per arch: the image's digest; `wheelgrid pins --update` writes them."""
    pythons: list[Minor] = []
    """For `container`: the minor versions of the image to use, quoted."""
    requires: list[Pin] = []
    """For `container`: pinned releases of the build requirements."""


# --- subjects.yaml --------------------------------------------------------------


class SubjectShape(Shape):
    """One wheel under test, from a fixture project or the package index."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["fixture", "builder"]}, {"required": ["index"]}]}
    )

    id: Id
    """Last part of the cell ids."""
    group: Text
    """Heading under which the grid shows it."""
    fixture: Text = ""
    """Folder of the project under `fixtures/`."""
    builder: Text = ""
    """Id of the builder of the fixture's wheels."""
    any_python: bool = False
    """The fixture's one wheel serves every Python: limited API, a tool, pure Python."""
    index: Pin = ""
    """A pinned release of the package index: `markupsafe==3.0.2`."""
    companions: Annotated[list[Pin], Field(alias="with")] = []
    """Pinned releases that it needs to import."""
    dependencies: bool = False
    """Install what its metadata requires, as the target's installer would."""
    imports: Annotated[list[Module], Field(min_length=1)]
    """Modules to import, in order."""
    call: Expression = ""
    """Python expression over the imported modules; the wheel passes if it is true."""
    pythons: list[Minor] = []
    """Minor versions of Python to probe it on, quoted; empty means all."""
    include: list[Text] = []
    """Globs over `<target>` or `<target>/<arch>[@<machine>]` to probe it on; empty means all."""
    exclude: list[Text] = []
    """Globs over `<target>` or `<target>/<arch>[@<machine>]` to exclude."""


# --- expectations.yaml ----------------------------------------------------------


class ExpectationShape(Shape):
    """A known outcome other than a pass."""

    target: Text
    """Glob over target ids."""
    arch: Text = "*"
    """Glob over arches; `aarch64@64k` for those on a machine."""
    subject: str = ""
    """Glob over subject ids; empty means every subject that is predicted to end in `outcome`
    by `cause`."""
    outcome: Incompatibility
    """The expected outcome."""
    cause: str = ""
    """The machine-readable cause that must match too; empty means any. Needed without `subject`."""
    reason: Text
    """Why, in one sentence."""
    link: Link
    """Address of the explanation."""


# --- profiles.yaml --------------------------------------------------------------


class ProfileShape(Shape):
    """A named selection of cells."""

    name: Id
    """Name for `--profile`."""
    title: str = ""
    """Its purpose."""
    targets: list[Text] = []
    """Globs over `<target>` or `<target>/<arch>[@<machine>]`; empty means all plain targets."""
    arches: list[Text] = []
    """Globs over arches; empty means all."""
    subjects: list[Text] = []
    """Globs over subject ids; empty means all."""


# --- policies.yaml --------------------------------------------------------------


class PolicyShape(Shape):
    """A change that a distribution or CPython made or could make."""

    id: Id
    """Id for `wheelgrid policy`."""
    title: Text
    """Who changes what."""
    targets: Annotated[list[Text], Field(min_length=1)]
    """Globs over the ids of the targets whose interpreter changes."""
    arches: list[Text] = []
    """Globs over arches; empty means all."""
    naming: Id = ""
    """Id in namings.yaml: how these interpreters name modules afterwards."""
    reads: list[Suffix] = []
    """Suffixes that they also accept, after `.abi3.so`; `{gnu}` and `{musl}` are triplets."""
    builds: Literal["", "stable-triplet", "musl"] = ""
    """The suffix that builders write afterwards: `.abi3-<triplet>.so`, or musl's own."""
    verified_on: dict[Id, Id] = {}
    """Per target: another target that already behaves as it would afterwards."""
    link: Link
    """Address of the proposal or change."""


FILES: dict[str, type[Shape]] = {
    "targets": TargetShape,
    "machines": MachineShape,
    "suites": SuiteShape,
    "interpreters": InterpreterShape,
    "namings": NamingShape,
    "builders": BuilderShape,
    "subjects": SubjectShape,
    "expectations": ExpectationShape,
    "profiles": ProfileShape,
    "policies": PolicyShape,
}
"""The entry shape of each file. The file's only key is the file's name."""
