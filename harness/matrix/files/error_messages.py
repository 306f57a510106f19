"""Turn pydantic's errors into problems with their place in the file and a next step."""

from types import NoneType
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from harness.core.matching import did_you_mean
from harness.core.problems import DataPath, Problem
from harness.matrix.files.fields import PATTERNS
from harness.matrix.files.shape import Shape
from harness.matrix.files.yamltree import Tree

_KEY = "[key]"
"""How pydantic marks an error in the key of a mapping, not in its value."""

_WANTED = {
    "string_type": "text",
    "bool_type": "true or false",
    "float_type": "a number",
    "int_type": "a whole number",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
}


def problems_of(
    error: ValidationError, shape: type[Shape], tree: Tree, at: DataPath
) -> list[Problem]:
    """Return the problems of the entry at ``at``, in the order pydantic found them."""
    return [_problem(detail, shape, tree, at) for detail in error.errors(include_url=False)]


def _problem(detail: ErrorDetails, shape: type[Shape], tree: Tree, at: DataPath) -> Problem:
    loc = detail["loc"]
    if loc and loc[-1] == _KEY:
        path = (*at, *loc[:-1])
        return tree.key_problem(path, _sentence(detail, str(loc[-2])))
    path = (*at, *loc)
    match detail["type"]:
        case "extra_forbidden":
            known = _keys(_shape_at(shape, loc[:-1]))
            what = f"unknown key {loc[-1]!r}{did_you_mean(str(loc[-1]), known)}"
            return tree.key_problem(path, what)
        case "missing":
            return tree.problem(path[:-1], f"the key {loc[-1]!r} is missing; add it")
        case _:
            return tree.problem(path, _sentence(detail, tree.sources.get(path, "")))


def _sentence(detail: ErrorDetails, source: str) -> str:
    given, context = detail["input"], detail.get("ctx", {})
    match detail["type"]:
        case "matrix":
            what = str(context["what"])
        case "string_type" if isinstance(given, (bool, int, float)):
            what = f'{source} without quotes is {_described(given)}; quote it: "{source}"'
        case "string_pattern_mismatch":
            what = f"{given!r} is not valid here; write {PATTERNS[context['pattern']]}"
        case "string_too_short" | "too_short":
            what = "is empty; fill it in, or remove the key"
        case "literal_error" | "enum":
            known = context["expected"].replace("'", "").replace(" or ", ", ").split(", ")
            what = f"unknown value {given!r}{did_you_mean(str(given), known)}"
        case kind if kind in _WANTED:
            brackets = "; put it in brackets" * (kind == "list_type" and isinstance(given, str))
            what = f"must be {_WANTED[kind]}, not {_described(given)}{brackets}"
        case _:
            what = _bound(detail)
    return what


def _bound(detail: ErrorDetails) -> str:
    match detail["type"]:
        case "finite_number":
            return f"must be a finite number, not {detail['input']}"
        case "less_than_equal":
            return f"must be at most {detail['ctx']['le']:g}, not {detail['input']}"
        case "greater_than":
            return f"must be more than {detail['ctx']['gt']:g}, not {detail['input']}"
        case "greater_than_equal":
            return f"must be at least {detail['ctx']['ge']}, not {detail['input']}"
        case _:
            return detail["msg"]


def _described(value: object) -> str:
    match value:
        case None:
            return "nothing"
        case bool():
            return f"the boolean {str(value).lower()}"
        case int() | float():
            return f"the number {value}"
        case str():
            return f"the text {value[:40]!r}"
        case list():
            return "a list"
        case _:
            return "a mapping"


def _keys(shape: type[BaseModel]) -> list[str]:
    return list(_fields(shape))


def _fields(shape: type[BaseModel]) -> dict[str, FieldInfo]:
    """Return the fields of a shape by the key in the file."""
    return {field.alias or name: field for name, field in shape.model_fields.items()}


def _shape_at(shape: type[BaseModel], loc: tuple[str | int, ...]) -> type[BaseModel]:
    """Return the shape at ``loc``, following fields, list items and mapping values."""
    found: Any = shape
    for step in loc:
        if isinstance(found, type) and issubclass(found, BaseModel):
            found = _fields(found)[str(step)].annotation
        else:
            found = get_args(found)[-1]
        if NoneType in get_args(found):
            found = get_args(found)[0]
    return found  # type: ignore[no-any-return]
