"""Check the values of a configuration, and read its own targets and expectations as entries."""

from pydantic import ValidationError

from harness.core.cells import Expectation
from harness.matrix.config.config_file import ConfigFile, shown_path
from harness.matrix.config.config_shape import ConfigShape
from harness.matrix.files.error_messages import problems_of
from harness.matrix.files.own_rows import OwnRows
from harness.matrix.files.resolve import read_expectation
from harness.matrix.files.section import Entry, Section
from harness.matrix.files.tomltree import toml_tree


def wrong_keys(config: ConfigFile) -> frozenset[str]:
    """Return the keys that are unknown or have a wrong value."""
    try:
        ConfigShape.model_validate(config.values)
    except ValidationError as error:
        return frozenset(str(detail["loc"][0]) for detail in error.errors() if detail["loc"])
    return frozenset()


def read_rows(config: ConfigFile) -> OwnRows:
    """Return the rows of a configuration, with its problems."""
    tree = toml_tree(shown_path(config.path), config.text, config.table)
    shape, problems = ConfigShape(), []
    try:
        shape = ConfigShape.model_validate(config.values)
    except ValidationError as error:
        problems = problems_of(error, ConfigShape, tree, ())

    def entries(key: str) -> tuple[Entry, ...]:
        rows = config.values.get(key)
        count = len(rows) if isinstance(rows, list) else 0
        return tuple(Entry(tree=tree, path=(key, at)) for at in range(count))

    return OwnRows(
        whole=Entry(tree=tree, path=()),
        targets=Section(entries=entries("own-targets"), shapes=tuple(shape.own_targets or ())),
        expectations=Section(
            entries=entries("expectations"), shapes=tuple(shape.expectations or ())
        ),
        problems=tuple(problems),
    )


def own_expectations(config: ConfigFile) -> tuple[Expectation, ...]:
    """Return the expectations of a configuration without problems."""
    rows = read_rows(config).expectations
    return tuple(map(read_expectation, rows.entries, rows.shapes))
