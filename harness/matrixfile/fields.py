"""The kinds of value that stand in the matrix files.

In: one value as the YAML has it. Out: the value, an arch in the wheel spelling, or the
sentence that says what belongs there instead.
"""

import ast
from typing import Annotated, Literal, TypeVar

from packaging.requirements import InvalidRequirement, Requirement
from pydantic import AfterValidator, BeforeValidator, Field, Strict, WithJsonSchema
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
        raise _wrong(f"{text!r} is no Python expression: {_reason(error)}") from error
    return text


def _reason(error: SyntaxError | ValueError) -> str:
    return str(error.msg if isinstance(error, SyntaxError) else error)


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
Expression = Annotated[str, AfterValidator(_expression)]
Incompatibility = Annotated[Outcome, Strict(strict=False), AfterValidator(_incompatibility)]
Link = Annotated[str, Field(pattern=LINK)]
