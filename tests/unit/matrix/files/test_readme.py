"""The matrix's README documents every field."""

import re
from pathlib import Path
from types import NoneType
from typing import get_args

import pytest

from harness.matrix.files import load_matrix
from harness.matrix.files.file_shapes import FILES
from harness.matrix.files.json_schema import SCHEMAS
from harness.matrix.files.shape import Shape

MATRIX = Path(__file__).parents[4] / "matrix"
README = (MATRIX / "README.md").read_text()


def field_names(shape: type[Shape]) -> set[str]:
    """Return the keys of a shape; nested keys as ``outer.inner``."""
    names = set()
    for name, field in shape.model_fields.items():
        key = field.alias or name
        names.add(key)
        inner = [a for a in (field.annotation, *get_args(field.annotation)) if a is not NoneType]
        if key != "overrides":  # the same fields again
            nested = (a for a in inner if isinstance(a, type) and issubclass(a, Shape))
            names |= {f"{key}.{within}" for found in nested for within in field_names(found)}
    return names


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_field_is_documented_and_no_other(name: str) -> None:
    """The table of a file has one row per field of its shape."""
    section = README.split(f"## `{name}.yaml`")[1].split("\n## ")[0]
    documented = re.findall(r"^\| `([a-z0-9_.]+)` \|", section, flags=re.MULTILINE)
    assert sorted(documented) == sorted(field_names(SCHEMAS[name]))


def test_the_example_of_an_expectation_is_well_formed(tmp_path: Path) -> None:
    """The example can be pasted; only its names are from another matrix."""
    example = README.split("```yaml\nexpectations:")[1].split("```")[0]
    for name in set(FILES) - {"expectations", "profiles"}:
        (tmp_path / f"{name}.yaml").write_text((MATRIX / f"{name}.yaml").read_text())
    text = f"expectations:{example}".replace("some-wheel", "plain")
    (tmp_path / "expectations.yaml").write_text(text)
    assert load_matrix(tmp_path).expectations[0].cause == "undefined-symbol"
