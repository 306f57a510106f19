"""Types of the values in the matrix files, with the messages for wrong values.

Arches are normalized to the wheel spelling.
"""

import ast
import re
from typing import Annotated, Literal, TypeVar

from packaging.requirements import InvalidRequirement, Requirement
from pydantic import AfterValidator, BeforeValidator, Field, Strict, WithJsonSchema
from pydantic_core import PydanticCustomError

from harness.core.arches import ARCHES, find_arch
from harness.core.cells import Outcome
from harness.core.matching import did_you_mean, wheel_spelling
from harness.core.targets import ReplicaField

ID = r"^[a-z0-9][a-z0-9._-]*$"
MINOR = r"^(3\.[0-9]+t?|pypy3\.[0-9]+)$"
CPYTHON = r"^3\.[0-9]+t?$"
VERSION = r"^[0-9]+\.[0-9]+$"
MODULE = r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$"
PACKAGE = r"^[a-z0-9][a-z0-9+.-]*$"
RELEASE = r"^[0-9]+(\.[0-9]+)+$"
LINK = r"^https?://[^ ]+$"
AUXILIARY = r"^hwcap2?$"
DIGEST = r"^sha256:[0-9a-f]{64}$"
SHA256 = r"^[0-9a-f]{64}$"
SUFFIX = r"^\.([a-z0-9-]|\{gnu\}|\{musl\})+\.so$"

LEAST_PAGE = 4096
"""Bytes of the smallest page of these architectures."""

PATTERNS = {
    ID: "lower-case letters, digits, '.', '_' and '-', as `-k` can select it",
    MINOR: 'a minor version of Python, such as "3.11", "3.13t" or "pypy3.11"',
    CPYTHON: 'a minor version of CPython, such as "3.11" or "3.13t"',
    VERSION: 'a version of two numbers, such as "2.17"',
    MODULE: "the name of a module, such as package.module",
    PACKAGE: "a name of lower-case letters, digits, '+', '.' and '-'",
    RELEASE: 'a released version, such as "22.0.4"',
    AUXILIARY: "hwcap or hwcap2",
    LINK: "a link, https://…",
    DIGEST: "the digest of an image, sha256: and 64 hexadecimal digits",
    SHA256: "the digest of a file, 64 hexadecimal digits",
    SUFFIX: "the suffix of a module, such as .abi3-{gnu}.so",
}
"""A description of each pattern, for messages."""


def _arch(spelling: str) -> str:
    try:
        return find_arch(spelling).name
    except KeyError as error:
        raise _wrong(error.args[0]) from error


OTHERS = "others"
"""Key for all arches that a mapping does not list."""
TRIPLET = r"[a-z0-9_]+-linux-[a-z0-9]+"
TRIPLET_WORDS = ("gnu", "musl", "none")
"""Upstream's triplet for that libc, from the table of architectures, or no triplet."""


def _arch_or_others(spelling: str) -> str:
    return spelling if spelling == OTHERS else _arch(spelling)


def _triplet(text: str) -> str:
    if text in TRIPLET_WORDS or re.fullmatch(TRIPLET, text):
        return text
    hint = did_you_mean(text, TRIPLET_WORDS)
    raise _wrong(
        f"{text!r} is neither a triplet such as ppc64le-linux-gnu nor gnu, musl or none{hint}"
    )


def _for_every_arch(value: object) -> object:
    return {OTHERS: _triplet(value)} if isinstance(value, str) else value


def _complete(triplets: dict[str, str]) -> dict[str, str]:
    """Reject triplets that leave an arch without one; every interpreter builds some name."""
    missing = [a.name for a in ARCHES if triplets.get(a.name, triplets.get(OTHERS)) in _NO_TRIPLET]
    if missing:
        raise _wrong(f"no triplet for {', '.join(missing)}; add one for {OTHERS!r}")
    return triplets


_NO_TRIPLET = (None, "none")


def _each_arch_once(value: object) -> object:
    """Reject two spellings of one arch; the second would silently win."""
    if isinstance(value, (list, dict)):
        spellings = [item for item in value if isinstance(item, str)]
        names = [wheel_spelling(item) for item in spellings]
        for at, name in enumerate(names):
            if name in names[:at]:
                first = spellings[names.index(name)]
                raise _wrong(f"{spellings[at]!r} and {first!r} are the same arch; remove one")
    return value


def _pin(text: str) -> str:
    try:
        requirement = Requirement(text)
    except InvalidRequirement:
        requirement = None
    if requirement is None or text != f"{requirement.name}=={_exact_version(requirement)}":
        raise _wrong(f"{text!r} does not pin a release; write name==version")
    return text


def _exact_version(requirement: Requirement) -> str:
    versions = [s.version for s in requirement.specifier if s.operator == "=="]
    return versions[0] if len(versions) == 1 and "*" not in versions[0] else ""


def _expression(text: str) -> str:
    try:
        ast.parse(text, mode="eval")
    except (SyntaxError, ValueError) as error:
        raise _wrong(f"{text!r} is not a Python expression: {_reason(error)}") from error
    return text


def _reason(error: SyntaxError | ValueError) -> str:
    return str(error.msg if isinstance(error, SyntaxError) else error)


def _page_size(size: int) -> int:
    if size < LEAST_PAGE or size & (size - 1):
        raise _wrong(f"{size} is no page size; write a power of two of at least {LEAST_PAGE}")
    return size


def _incompatibility(outcome: Outcome) -> Outcome:
    if outcome in (Outcome.PASS, Outcome.MISS):
        raise _wrong(f"{outcome.value!r} is not an incompatibility; remove the entry")
    return outcome


def _wrong(what: str) -> PydanticCustomError:
    return PydanticCustomError("matrix", "{what}", {"what": what})


T = TypeVar("T")
_SPELLINGS = {"enum": [name for arch in ARCHES for name in (arch.name, *arch.aliases)]}

Text = Annotated[str, Field(min_length=1)]
Id = Annotated[str, Field(pattern=ID)]
Minor = Annotated[str, Field(pattern=MINOR)]
CPython = Annotated[str, Field(pattern=CPYTHON)]
Version = Annotated[str, Field(pattern=VERSION)]
Module = Annotated[str, Field(pattern=MODULE)]
Package = Annotated[str, Field(pattern=PACKAGE)]
Packages = Annotated[
    list[Package],
    Field(min_length=1),
    BeforeValidator(lambda value: [value] if isinstance(value, str) else value),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": PACKAGE},
                {"type": "array", "items": {"type": "string", "pattern": PACKAGE}, "minItems": 1},
            ]
        }
    ),
]
Pin = Annotated[str, AfterValidator(_pin)]
Release = Annotated[str, Field(pattern=RELEASE)]
Libc = Literal["glibc", "musl"]
ArchName = Annotated[str, AfterValidator(_arch), WithJsonSchema(_SPELLINGS)]
Arches = Annotated[list[ArchName], Field(min_length=1), BeforeValidator(_each_arch_once)]
ByArch = Annotated[
    dict[ArchName, T],
    Field(json_schema_extra={"propertyNames": _SPELLINGS}),
    BeforeValidator(_each_arch_once),
]
_TRIPLET_SCHEMA = {"anyOf": [{"enum": list(TRIPLET_WORDS)}, {"pattern": f"^{TRIPLET}$"}]}
_ARCH_OR_OTHERS = {"enum": [*_SPELLINGS["enum"], OTHERS]}
Triplets = Annotated[
    dict[Annotated[str, AfterValidator(_arch_or_others)], Annotated[str, AfterValidator(_triplet)]],
    BeforeValidator(_each_arch_once),
    BeforeValidator(_for_every_arch),
    WithJsonSchema(
        {
            "anyOf": [
                _TRIPLET_SCHEMA,
                {
                    "type": "object",
                    "propertyNames": _ARCH_OR_OTHERS,
                    "additionalProperties": _TRIPLET_SCHEMA,
                },
            ]
        }
    ),
]
EveryTriplet = Annotated[Triplets, AfterValidator(_complete)]
Differences = dict[Annotated[ReplicaField, Strict(strict=False)], Text]
PageSize = Annotated[int, AfterValidator(_page_size)]
AuxiliaryMasks = dict[Annotated[str, Field(pattern=AUXILIARY)], Annotated[int, Field(ge=1)]]
Expression = Annotated[str, AfterValidator(_expression)]
Incompatibility = Annotated[Outcome, Strict(strict=False), AfterValidator(_incompatibility)]
Link = Annotated[str, Field(pattern=LINK)]
Digest = Annotated[str, Field(pattern=DIGEST)]
Sha256 = Annotated[str, Field(pattern=SHA256)]
Suffix = Annotated[str, Field(pattern=SUFFIX)]
