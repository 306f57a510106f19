"""Find and read a project's configuration: ``wheelgrid.toml``, or a table of ``pyproject.toml``.

Only ``tomllib`` is needed for that; ``config_rows`` checks the values.
"""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.core.errors import MatrixFileError
from harness.core.problems import Position, Problem

NAME = "wheelgrid.toml"
PYPROJECT = "pyproject.toml"
TABLE = ("tool", "wheelgrid")
"""Where ``pyproject.toml`` has the settings; ``wheelgrid.toml`` has them at its top."""

_PLACE = re.compile(r" \((?:at line (\d+), column (\d+)|at end of document)\)$")
"""How ``tomllib`` ends its messages."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ConfigFile:
    """A project's configuration, as written."""

    path: Path
    text: str
    table: tuple[str, ...]
    """Names of the table that has the settings; empty for the top of the file."""
    values: dict[str, Any]
    """The settings by key, not checked yet."""

    @property
    def folder(self) -> Path:
        """The folder that its relative paths begin in."""
        return self.path.absolute().parent


def find_config(folder: Path) -> ConfigFile | None:
    """Return the configuration of the project that ``folder`` is in, or None.

    Looks in the folder and its parents, up to the first with a configuration or with ``.git``.
    Raises ``MatrixFileError`` for a folder with both files, and for a file that is no TOML.
    """
    whole = folder.absolute()
    for place in (whole, *whole.parents):
        if found := find_in(place):
            return found
        if (place / ".git").exists():
            return None
    return None


def find_in(folder: Path) -> ConfigFile | None:
    """Return the configuration in that folder, or None. Raises as ``find_config`` does."""
    found = [one for name in (NAME, PYPROJECT) if (one := _read(folder / name))]
    if len(found) > 1:
        both = " and ".join(shown_path(one.path) for one in found)
        raise MatrixFileError([f"{both}: both configure wheelgrid; keep one of them"])
    return found[0] if found else None


def read_config(path: Path) -> ConfigFile:
    """Return the configuration in that file. Raises ``MatrixFileError``."""
    try:
        content = path.read_bytes()
    except OSError as error:
        what = f"cannot be read: {error.strerror}; name a file with --config"
        raise MatrixFileError([f"{shown_path(path)}: {what}"]) from error
    return _config(path, content)


def _read(path: Path) -> ConfigFile | None:
    """Return the configuration in that file; None if there is none."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    if path.name == PYPROJECT and TABLE[-1].encode() not in content:
        return None  # whatever else is wrong with it
    config = _config(path, content)
    return config if config.values or path.name == NAME or _has_table(config) else None


def _config(path: Path, content: bytes) -> ConfigFile:
    file = shown_path(path)
    try:
        text = content.decode().removeprefix("\ufeff").replace("\r\n", "\n")
        values: Any = tomllib.loads(text)
    except UnicodeDecodeError as error:
        raise MatrixFileError([f"{file}: not UTF-8: {error.reason}; save it as UTF-8"]) from error
    except tomllib.TOMLDecodeError as error:
        raise MatrixFileError([str(_not_toml(file, str(error), content))]) from error
    except RecursionError as error:
        what = "nested too deeply; a configuration needs no more than a few levels"
        raise MatrixFileError([f"{file}: {what}"]) from error
    table = TABLE if path.name == PYPROJECT else ()
    for name in table:
        values = values.get(name, {}) if isinstance(values, dict) else {}
    if not isinstance(values, dict):
        raise MatrixFileError([f"{file}: tool.wheelgrid must be a table: [tool.wheelgrid]"])
    return ConfigFile(path=path, text=text, table=table, values=values)


def _has_table(config: ConfigFile) -> bool:
    """Whether ``pyproject.toml`` has the table, which may be empty."""
    tool = tomllib.loads(config.text).get(TABLE[0])
    return isinstance(tool, dict) and TABLE[1] in tool


def _not_toml(file: str, message: str, content: bytes) -> Problem:
    match = _PLACE.search(message)
    line, column = (int(part or 0) for part in match.groups()) if match else (0, 0)
    if match and not line:
        line, column = content.count(b"\n") + 1, 1
    what = _PLACE.sub("", message)
    return Problem(
        place=Position(file=file, line=line, column=column),
        what=f"not TOML: {what[:1].lower()}{what[1:]}",
    )


def shown_path(path: Path) -> str:
    """Return the path for messages: relative if it is below the working directory."""
    here = Path.cwd()
    whole = path.resolve()
    return str(whole.relative_to(here)) if whole.is_relative_to(here) else str(path)
