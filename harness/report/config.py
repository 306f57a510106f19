"""Show the settings that hold, each with where it comes from."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

Plain = str | int | float | bool | None | list[str]
"""A value as JSON has it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SettingInForce:
    """A setting of a command."""

    key: str
    value: Plain
    origin: str
    """``command line``, ``environment NAME``, ``file:line`` or ``default``."""


def plain(value: object) -> Plain:
    """Return an option's value as a file would have it."""
    match value:
        case None | bool() | int() | float():
            return value
        case list() | tuple():
            return [str(item) for item in value]
        case _:
            return str(value)


def format_config(command: str, settings: Sequence[SettingInForce], file: str) -> str:
    """Return a table of the settings of a command."""
    rows = [("setting", "from", "value")]
    rows += [(one.key, one.origin, _shown(one.value)) for one in settings]
    first, second = (max(len(row[column]) for row in rows) for column in (0, 1))
    lines = [f"{key:<{first}}  {origin:<{second}}  {value}" for key, origin, value in rows]
    where = file or "none; `wheelgrid init` writes one"
    return "\n".join([f"command: {command}", f"configuration: {where}", "", *lines])


def config_json(command: str, settings: Sequence[SettingInForce], file: str) -> str:
    """Return the settings of a command as one JSON object."""
    listed = [{"key": one.key, "value": one.value, "from": one.origin} for one in settings]
    return json.dumps({"command": command, "file": file or None, "settings": listed}, indent=2)


def _shown(value: Plain) -> str:
    match value:
        case list():
            return " ".join(value) or "-"
        case bool():
            return str(value).lower()
        case _:
            return "-" if value in (None, "") else str(value)
