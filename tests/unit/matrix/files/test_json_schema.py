"""The committed JSON Schemas match the shapes and agree with the loader."""

import json
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from harness.matrix.config.config_shape import ConfigShape
from harness.matrix.files.json_schema import (
    CONFIG_SCHEMA,
    SCHEMAS,
    config_schema,
    schema_text,
    write_schemas,
)

MATRIX = Path(__file__).parents[4] / "matrix"


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_committed_schema_is_current(name: str) -> None:
    """``python -m harness.matrix.files.json_schema`` changes nothing."""
    committed = (MATRIX / "schema" / f"{name}.schema.json").read_text()
    assert committed == schema_text(name)


@pytest.mark.parametrize("name", SCHEMAS)
def test_each_file_names_its_schema_in_its_first_line(name: str) -> None:
    """Editors find the schema by that line."""
    first = (MATRIX / f"{name}.yaml").read_text().splitlines()[0]
    assert first == f"# yaml-language-server: $schema=schema/{name}.schema.json"


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_committed_file_fits_its_schema(name: str) -> None:
    """An editor shows no error in the committed files."""
    schema = json.loads(schema_text(name))
    Draft202012Validator.check_schema(schema)
    data = yaml.safe_load((MATRIX / f"{name}.yaml").read_text())
    assert [e.message for e in Draft202012Validator(schema).iter_errors(data)] == []


def test_the_schema_knows_fields_arches_and_the_choice_of_a_source() -> None:
    """An editor marks an unknown key, an unknown arch, and a subject with two sources."""
    target = {"id": "a", "title": "A", "python": "3.9", "libc": "musl", "arches": ["s390"], "x": 1}
    subject = {"id": "a", "group": "g", "imports": ["a"], "index": "a==1", "fixture": "a"}
    found = [
        error.validator
        for name, entry in (("targets", target), ("subjects", subject | {"builder": "b"}))
        for error in Draft202012Validator(json.loads(schema_text(name))).iter_errors(
            {name: [entry]}
        )
    ]
    assert sorted(map(str, found)) == ["additionalProperties", "enum", "oneOf"]


def test_a_schema_is_written_per_matrix_file(tmp_path: Path) -> None:
    """The folder is created."""
    write_schemas(tmp_path / "schema")
    written = sorted(path.name for path in (tmp_path / "schema").iterdir())
    assert written == sorted([CONFIG_SCHEMA, *(f"{name}.schema.json" for name in SCHEMAS)])


def test_the_committed_schema_of_the_configuration_is_current() -> None:
    """``python -m harness.matrix.files.json_schema`` changes nothing."""
    schema = config_schema()
    Draft202012Validator.check_schema(schema)
    assert json.loads((MATRIX / "schema" / CONFIG_SCHEMA).read_text()) == schema


def test_the_schema_of_the_configuration_agrees_with_the_loader() -> None:
    """An editor accepts the example of each setting, and marks what the loader rejects."""
    validator = Draft202012Validator(config_schema())
    settings = config_schema()["properties"]
    examples = {key: each["examples"][0] for key, each in settings.items() if "examples" in each}
    ConfigShape.model_validate(examples)
    assert list(validator.iter_errors(examples)) == []
    for wrong in ({"x": 1}, {"strict": "yes"}, {"images": "locl"}, {"own-targets": [{"id": "a"}]}):
        assert list(validator.iter_errors(wrong)) != []
