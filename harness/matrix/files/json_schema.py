"""Generate the JSON Schemas of the matrix files and of a project's configuration, for editors.

``python -m harness.matrix.files.json_schema [FOLDER]`` writes ``<file>.schema.json`` into the
folder, by default ``matrix/schema`` below the working directory.
"""

import json
import sys
from pathlib import Path
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from harness.matrix.config.config_shape import ConfigShape
from harness.matrix.files.corpus_file import NAME, CorpusShape
from harness.matrix.files.file_shapes import FILES
from harness.matrix.files.shape import Shape

CONFIG_SCHEMA = "wheelgrid.schema.json"
SCHEMAS: dict[str, type[Shape]] = FILES | {NAME: CorpusShape}
"""The entry shape of each file that has a schema, by the file's only key."""
_DRAFT = "https://json-schema.org/draft/2020-12/schema"
_FOLDER = Path("matrix/schema")


class _Untitled(GenerateJsonSchema):
    """Omits the titles, which only repeat the keys."""

    def field_title_should_be_set(self, schema: object) -> bool:
        del schema
        return False


def schema_text(name: str) -> str:
    """Return the JSON Schema of ``<name>.yaml``."""
    entry = SCHEMAS[name].model_json_schema(schema_generator=_Untitled)
    definitions = entry.pop("$defs", {})
    whole = {
        "$schema": _DRAFT,
        "title": f"matrix/{name}.yaml",
        "type": "object",
        "properties": {name: {"type": "array", "items": entry}},
        "required": [name],
        "additionalProperties": False,
        "$defs": definitions,
    }
    return _text(whole)


def _text(schema: dict[str, Any]) -> str:
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def config_schema() -> dict[str, Any]:
    """Return the JSON Schema of ``wheelgrid.toml`` and of ``[tool.wheelgrid]``."""
    whole = ConfigShape.model_json_schema(schema_generator=_Untitled)
    for setting in whole["properties"].values():
        setting.pop("default", None)  # that of the option, which the command line knows
    head = {"$schema": _DRAFT, "title": "wheelgrid.toml, or [tool.wheelgrid] of pyproject.toml"}
    return head | whole


def write_schemas(folder: Path) -> None:
    """Write the JSON Schema of each file into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in SCHEMAS:
        (folder / f"{name}.schema.json").write_text(schema_text(name), encoding="utf-8")
    (folder / CONFIG_SCHEMA).write_text(_text(config_schema()), encoding="utf-8")


if __name__ == "__main__":
    write_schemas(Path(sys.argv[1]) if sys.argv[1:] else _FOLDER)
