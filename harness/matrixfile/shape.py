"""The shape of each matrix file: which keys, which types, what each means.

In: plain data of one entry. Out: a checked shape, with arches in the wheel spelling.
The JSON Schemas that editors complete from are generated from the same definitions,
descriptions included; ``matrix/README.md`` explains every field.
"""

import ast
from typing import Annotated, Literal, TypeVar

from packaging.requirements import InvalidRequirement, Requirement
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    Strict,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from harness.arches import ARCHES, find_arch
from harness.model import Outcome
from harness.spelling import wheel_spelling

ID = r"^[a-z0-9][a-z0-9._-]*$"
MINOR = r"^3\.[0-9]+$"
VERSION = r"^[0-9]+\.[0-9]+$"
MODULE = r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$"
PACKAGE = r"^[a-z0-9][a-z0-9+.-]*$"
LINK = r"^https?://[^ ]+$"

PATTERNS = {
    ID: "lower-case letters, digits, '.', '_' and '-', as `-k` can select it",
    MINOR: 'a minor version of Python, such as "3.11"',
    VERSION: 'a version of two numbers, such as "2.17"',
    MODULE: "the name of a module, such as package.module",
    PACKAGE: "a name of lower-case letters, digits, '+', '.' and '-'",
    LINK: "a link, https://…",
}
"""What each pattern stands for, in the words of the messages."""


def _arch(spelling: str) -> str:
    try:
        return find_arch(spelling).name
    except KeyError as error:
        raise _wrong(error.args[0]) from error


def _each_arch_once(value: object) -> object:
    """Refuse two spellings of one arch; the second would silently win."""
    if isinstance(value, (list, dict)):
        spellings = [item for item in value if isinstance(item, str)]
        names = [wheel_spelling(item) for item in spellings]
        for at, name in enumerate(names):
            if name in names[:at]:
                first = spellings[names.index(name)]
                raise _wrong(f"{spellings[at]!r} and {first!r} are one arch; remove one")
    return value


def _pin(text: str) -> str:
    try:
        requirement = Requirement(text)
    except InvalidRequirement:
        requirement = None
    if requirement is None or text != f"{requirement.name}=={_exact_version(requirement)}":
        raise _wrong(f"{text!r} pins no release; write name==version")
    return text


def _exact_version(requirement: Requirement) -> str:
    versions = [s.version for s in requirement.specifier if s.operator == "=="]
    return versions[0] if len(versions) == 1 and "*" not in versions[0] else ""


def _expression(text: str) -> str:
    try:
        ast.parse(text, mode="eval")
    except (SyntaxError, ValueError) as error:
        raise _wrong(f"{text!r} is no Python expression: {error}") from error
    return text


def _incompatibility(outcome: Outcome) -> Outcome:
    if outcome in (Outcome.PASS, Outcome.MISS):
        raise _wrong(f"{outcome.value!r} is no incompatibility; remove the entry")
    return outcome


def _wrong(what: str) -> PydanticCustomError:
    return PydanticCustomError("matrix", "{what}", {"what": what})


T = TypeVar("T")
_SPELLINGS = {"enum": [name for arch in ARCHES for name in (arch.name, *arch.aliases)]}

Text = Annotated[str, Field(min_length=1)]
Id = Annotated[str, Field(pattern=ID)]
Minor = Annotated[str, Field(pattern=MINOR)]
Version = Annotated[str, Field(pattern=VERSION)]
Module = Annotated[str, Field(pattern=MODULE)]
Package = Annotated[str, Field(pattern=PACKAGE)]
Pin = Annotated[str, AfterValidator(_pin)]
Libc = Literal["glibc", "musl"]
ArchName = Annotated[str, AfterValidator(_arch), WithJsonSchema(_SPELLINGS)]
Arches = Annotated[list[ArchName], Field(min_length=1), BeforeValidator(_each_arch_once)]
ByArch = Annotated[
    dict[ArchName, T],
    Field(json_schema_extra={"propertyNames": _SPELLINGS}),
    BeforeValidator(_each_arch_once),
]


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
    allow_failure: bool = False
    """Show what is unexpected here without failing the run."""
    overrides: ByArch[TargetOverride] = {}
    """Per arch: the fields that differ there."""


# --- builders.yaml --------------------------------------------------------------


class HeadersShape(Shape):
    """Where the headers of one minor version of Python come from."""

    suite: Package
    """The Debian release whose dev package has them."""
    arches: Arches
    """The architectures for which it has them."""


class BuilderShape(Shape):
    """What builds fixture wheels."""

    id: Id
    """What the subjects name it by."""
    kind: Literal["cross"]
    """`cross`: zig cc on the host."""
    libc: Libc
    """The C library that its wheels are linked against."""
    glibc: ByArch[Version]
    """Per arch: the glibc that the platform tag promises, quoted."""
    headers: dict[Minor, HeadersShape]
    """Per minor version of Python: where its headers come from."""


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
    index: Annotated[str, Field(json_schema_extra={"pattern": "=="}), AfterValidator(_pin)] = ""
    """A pinned release of the package index: `markupsafe==3.0.2`."""
    companions: Annotated[list[Pin], Field(alias="with")] = []
    """Pinned releases installed beside it, without which it does not import."""
    imports: Annotated[list[Module], Field(min_length=1)]
    """Modules to import, in order."""
    call: Annotated[str, AfterValidator(_expression)] = ""
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
    outcome: Annotated[Outcome, Strict(strict=False), AfterValidator(_incompatibility)]
    """What is seen there."""
    cause: str = ""
    """The machine-readable cause that must be seen too; none means any."""
    reason: Text
    """Why, in one sentence."""
    link: Annotated[str, Field(pattern=LINK)]
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


FILES: dict[str, type[Shape]] = {
    "targets": TargetShape,
    "builders": BuilderShape,
    "subjects": SubjectShape,
    "expectations": ExpectationShape,
    "profiles": ProfileShape,
}
"""Per file: what its entries are. The file's one key has the file's name."""
