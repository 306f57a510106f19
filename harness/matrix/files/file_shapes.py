"""The matrix files, and the keys, types and descriptions of those about wheels and cells.

The JSON Schemas are generated from these definitions, descriptions included;
``matrix/README.md`` explains every field.
"""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from harness.matrix.files.fields import (
    Arches,
    ByArch,
    Digest,
    Expression,
    Id,
    Incompatibility,
    Libc,
    Link,
    Minor,
    Module,
    Package,
    Pin,
    Suffix,
    Text,
    Version,
)
from harness.matrix.files.shape import Shape
from harness.matrix.files.target_shapes import (
    InterpreterShape,
    MachineShape,
    NamingShape,
    SuiteShape,
    TargetShape,
)

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
