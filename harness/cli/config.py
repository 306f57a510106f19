"""``wheelgrid config``: the settings that hold, and where each comes from."""

import os
from collections.abc import Iterator
from pathlib import Path

import click
from click.core import ParameterSource

from harness.cli.command import ExplainedCommand
from harness.cli.options import project_matrix
from harness.cli.settings import SETTINGS, setting_of, variables_of
from harness.core.matching import did_you_mean
from harness.matrix.config.config_file import ConfigFile
from harness.matrix.config.config_rows import read_rows
from harness.matrix.files.own_rows import OwnRows
from harness.report.config import SettingInForce, config_json, format_config, plain
from harness.report.console import print_data


@click.command(
    cls=ExplainedCommand,
    example="wheelgrid config\nwheelgrid config --json predict dist",
    context_settings={"allow_interspersed_args": False},
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.argument("words", nargs=-1, metavar="[COMMAND [ARGUMENT]...]")
@click.pass_context
def config(context: click.Context, *, as_json: bool, words: tuple[str, ...]) -> None:
    """Show the settings that hold, and where each comes from.

    They are those of COMMAND with these arguments; by default those of `check`. The whole
    configuration is checked.
    """
    name, *arguments = words or ("check",)
    with _parsed(context, name, arguments) as parsed:
        found = parsed.find_object(ConfigFile)
        folder = parsed.params.get("matrix")
        if isinstance(folder, Path):
            project_matrix(folder)
        settings = _settings(parsed, found)
    show = config_json if as_json else format_config
    print_data(show(name, settings, str(found.path) if found else ""))


def _parsed(context: click.Context, name: str, arguments: list[str]) -> click.Context:
    """Return the context of a command with these arguments, without running it."""
    group = context.find_root().command
    assert isinstance(group, click.Group)  # noqa: S101 - the root of all commands
    command = group.get_command(context, name)
    if command is None or isinstance(command, click.Group):
        known = [each for each in group.list_commands(context) if each != config.name]
        context.fail(f"no command {name!r} with settings{did_you_mean(name, known)}")
    needed = [param for param in command.params if isinstance(param, click.Argument)]
    placeholder = [param.name or "" for param in needed if param.required and param.name]
    try:
        return command.make_context(name, list(arguments), parent=context)
    except click.MissingParameter:
        return command.make_context(name, [*arguments, *placeholder], parent=context)


def _settings(parsed: click.Context, found: ConfigFile | None) -> list[SettingInForce]:
    rows = read_rows(found) if found else None
    settings = []
    params = {setting_of(param): param for param in parsed.command.params}
    for key in SETTINGS:
        if param := params.get(key):
            value = parsed.params.get(str(param.name), parsed.meta.get(str(param.name)))
            origin = _origin(parsed.get_parameter_source(str(param.name)), key, rows)
            settings.append(SettingInForce(key=key, value=plain(value), origin=origin))
    if rows:
        settings += [*_own_rows(rows)]
    return settings


def _origin(source: ParameterSource | None, key: str, rows: OwnRows | None) -> str:
    match source:
        case ParameterSource.COMMANDLINE:
            return "command line"
        case ParameterSource.ENVIRONMENT:
            found = next(name for name in variables_of(key) if os.environ.get(name))
            return f"environment {found}"
        case ParameterSource.DEFAULT_MAP if rows:
            place = rows.whole.tree.keys[key,]
            return f"{place.file}:{place.line}"
        case _:
            return "default"


def _own_rows(rows: OwnRows) -> Iterator[SettingInForce]:
    shown = {
        "own-targets": [shape.id for shape in rows.targets.shapes],
        "expectations": [
            f"{shape.target}/{shape.arch}/{shape.subject or shape.cause}:{shape.outcome.value}"
            for shape in rows.expectations.shapes
        ],
    }
    for key, values in shown.items():
        if values:
            place = rows.whole.tree.keys[key,]
            yield SettingInForce(key=key, value=values, origin=f"{place.file}:{place.line}")
