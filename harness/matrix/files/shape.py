"""The shape of each matrix file: which keys, which types, what each means.

In: plain data of one entry. Out: a checked shape. The JSON Schemas that editors complete
from are generated from the same definitions, descriptions included; ``matrix/README.md``
explains every field.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from harness.matrix.files.fields import (
    Arches,
    ByArch,
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
    Pin,
    Release,
    Suffix,
    Text,
    Triplets,
    Version,
)


class Shape(BaseModel):
    """A mapping with these keys and no other, its types taken at their word."""

    model_config = ConfigDict(
        strict=True, extra="forbid", frozen=True, use_attribute_docstrings=True
    )


# --- targets.yaml ---------------------------------------------------------------


class RegistryShape(Shape):
    """A real image, pulled, then prepared once."""

    image: Text
    """As `docker pull` takes it: `debian:12`, optionally with `@sha256:…`."""
    prepare: list[Text] = []
    """Shell commands run in it once, in order, as root and with network."""


class AssembledShape(Shape):
    """A root file system put together from Debian's binary packages."""

    suite: Package
    """Debian's name of the release: `bookworm`."""
    packages: Annotated[list[Package], Field(min_length=1)]
    """What is unpacked, with all that it depends on."""


class ReplicaShape(Shape):
    """The interpreter rebuilt from CPython's source, on a base of real Debian packages."""

    interpreter: Id
    """Id of what it is rebuilt from, in interpreters.yaml."""
    naming: Id
    """Id of how it names extension modules, in namings.yaml."""
    suite: Package
    """The Debian release whose libc is the base."""
    pip: Release
    """Version of its pip, from the package index, quoted."""
    replicates: Text
    """Name of the environment in the recorded facts that it is held against."""
    differs: Differences = {}
    """Per recorded fact that is otherwise here: the reason."""


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
    """The facts that this arch is held against."""


class TargetOverride(Shape):
    """The fields of a target that differ on one arch; what is not named stays as it is."""

    title: Text = ""
    """The title on this arch."""
    python: Minor = ""
    """The minor version on this arch."""
    libc: Libc = "glibc"
    """The C library on this arch."""
    interpreter: Text = ""
    """The command on this arch."""
    registry: RegistryOverride | None = None
    """Merged into the target's own; `null` takes this way from the arch."""
    assembled: AssembledOverride | None = None
    """Merged into the target's own; `null` takes this way from the arch."""
    replica: ReplicaOverride | None = None
    """Merged into the target's own; `null` takes this way from the arch."""
    allow_failure: bool = False
    """Allow this arch alone to fail."""


class TargetShape(Shape):
    """One environment that wheels are probed in."""

    id: Id
    """First part of the cell ids; `-k` selects by it."""
    title: Text
    """What people call it."""
    python: Minor
    """Minor version of its interpreter, quoted."""
    libc: Libc
    """Its C library."""
    interpreter: Text = "python3"
    """The command that starts the interpreter in the image."""
    arches: Arches
    """The architectures that it is probed on."""
    registry: RegistryShape | None = None
    """How to get the real image from a registry."""
    assembled: AssembledShape | None = None
    """How to put the image together from Debian's packages."""
    replica: ReplicaShape | None = None
    """How to rebuild its interpreter."""
    allow_failure: bool = False
    """Show what is unexpected here without failing the run."""
    overrides: ByArch[TargetOverride] = {}
    """Per arch: the fields that differ there."""


# --- suites.yaml ----------------------------------------------------------------


class SuiteShape(Shape):
    """A release of Debian of which more is to be known than its name."""

    id: Package
    """Debian's name of the release: `bullseye`."""
    closed: bool = False
    """Nothing is added any more, so that its index is as good after its date."""
    rolling: bool = False
    """It changes every day: the index of the day is followed, and the lock where that fails."""


# --- interpreters.yaml ----------------------------------------------------------


class InterpreterShape(Shape):
    """A CPython that replicas are made of."""

    id: Id
    """What the targets name it by."""
    python: Minor
    """Its minor version, quoted."""
    suite: Packages
    """The Debian releases whose source package serves: one, or a list, the preferred one first."""
    source: Package
    """Name of that source package: `python3.9`."""


# --- namings.yaml ---------------------------------------------------------------


class NamingShape(Shape):
    """How an interpreter names extension modules: a word for all arches, or one per arch."""

    id: Id
    """What the targets name it by."""
    builds: EveryTriplet
    """The triplet in the one name that it builds: `gnu`, `musl` or one spelled out."""
    second: Triplets = {}
    """A triplet that it reads too, right after its own; `none` where there is none."""
    last: Triplets = {}
    """A triplet that it reads too, after plain `.so`; `none` where there is none."""


# --- builders.yaml --------------------------------------------------------------


class HeadersShape(Shape):
    """Where headers come from: of a Debian release's Python, or of an interpreter built here."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [{"required": ["python", "suite"]}, {"required": ["interpreter"]}],
        }
    )

    python: Minor = ""
    """Minor version of Python, quoted; an interpreter has its own."""
    suite: Package = ""
    """The Debian release whose dev package has them."""
    interpreter: Id = ""
    """Id in interpreters.yaml."""
    arches: Arches
    """The architectures that they are taken for."""


class BuilderShape(Shape):
    """What builds fixture wheels."""

    id: Id
    """What the subjects name it by."""
    kind: Literal["cross", "distribution", "container"]
    """`cross` and `distribution`: zig cc on the host; `container`: in an image."""
    libc: Libc = "glibc"
    """The C library that its wheels are linked against; of `distribution`, the target's."""
    promises: ByArch[Version] = {}
    """Per arch: the version of that C library that the platform tag promises, quoted."""
    headers: list[HeadersShape] = []
    """For `cross`: what is compiled against."""
    names: Annotated[list[Id], Field(min_length=1)] = ["upstream"]
    """For `cross`: `upstream`, `bare` (plain `.so`) or ids of namings.yaml."""
    target: Id = ""
    """For `distribution`: id of the target whose Python it builds as."""
    image: Text = ""
    """For `container`: the builder image, with `{arch}` for the arch."""
    digests: ByArch[Digest] = {}
    """For `container`, per arch: the image's digest; `wheelgrid pins --update` writes them."""
    pythons: list[Minor] = []
    """For `container`: the minor versions that are used of the image's, quoted."""
    requires: list[Pin] = []
    """For `container`: pinned releases that the fixture projects are built with."""


# --- subjects.yaml --------------------------------------------------------------


class SubjectShape(Shape):
    """One wheel under test: either of a fixture project or of the package index."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [{"required": ["fixture", "builder"]}, {"required": ["index"]}],
        }
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
    """Pinned releases installed beside it, without which it does not import."""
    imports: Annotated[list[Module], Field(min_length=1)]
    """Modules to import, in order."""
    call: Expression = ""
    """Python expression over the imported modules; the wheel passes when it is true."""
    pythons: list[Minor] = []
    """Minor versions of Python that it is probed on, quoted; none means all."""
    include: list[Text] = []
    """Globs over `<target>` or `<target>/<arch>` that it is limited to; none means all."""
    exclude: list[Text] = []
    """Globs over `<target>` or `<target>/<arch>` that it is not probed on."""


# --- expectations.yaml ----------------------------------------------------------


class ExpectationShape(Shape):
    """A known outcome other than a pass."""

    target: Text
    """Glob over target ids."""
    arch: Text = "*"
    """Glob over arches."""
    subject: Text
    """Glob over subject ids."""
    outcome: Incompatibility
    """What is seen there."""
    cause: str = ""
    """The machine-readable cause that must be seen too; none means any."""
    reason: Text
    """Why, in one sentence."""
    link: Link
    """Where the story can be read."""


# --- profiles.yaml --------------------------------------------------------------


class ProfileShape(Shape):
    """A named selection of cells."""

    name: Id
    """What `--profile` takes."""
    title: str = ""
    """What it is for."""
    targets: list[Text] = []
    """Globs over target ids; none means all."""
    arches: list[Text] = []
    """Globs over arches; none means all."""
    subjects: list[Text] = []
    """Globs over subject ids; none means all."""


# --- policies.yaml --------------------------------------------------------------


class PolicyShape(Shape):
    """A change that a distribution or CPython made, or was asked to make."""

    id: Id
    """What `wheelgrid policy` takes."""
    title: Text
    """Who changes what."""
    targets: Annotated[list[Text], Field(min_length=1)]
    """Globs over the ids of the targets whose interpreter changes."""
    arches: list[Text] = []
    """Globs over arches; none means all."""
    naming: Id = ""
    """Id in namings.yaml: how these interpreters name modules afterwards."""
    reads: list[Suffix] = []
    """Endings that they read too, after `.abi3.so`; `{gnu}` and `{musl}` are triplets."""
    builds: Literal["", "stable-triplet", "musl"] = ""
    """What builders write from then on: `.abi3-<triplet>.so`, or musl's name for musl."""
    verified_on: dict[Id, Id] = {}
    """Per target: the one that is as this one would be afterwards."""
    link: Link
    """Where it was proposed or done."""


FILES: dict[str, type[Shape]] = {
    "targets": TargetShape,
    "suites": SuiteShape,
    "interpreters": InterpreterShape,
    "namings": NamingShape,
    "builders": BuilderShape,
    "subjects": SubjectShape,
    "expectations": ExpectationShape,
    "profiles": ProfileShape,
    "policies": PolicyShape,
}
"""Per file: what its entries are. The file's one key has the file's name."""
