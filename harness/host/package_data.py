"""Locate the data of this program: the matrix with its passports, and the fixture projects.

The wheel holds them inside the package. A checkout and an editable install have them beside it.
"""

from pathlib import Path

from harness.core.errors import UsageError

_PACKAGE = Path(__file__).parents[1]
_INSTALLED = _PACKAGE / "data"
"""Made by ``sources`` of the wheel in ``pyproject.toml``."""
_FOLDER = _INSTALLED if _INSTALLED.is_dir() else _PACKAGE.parent


def matrix_folder() -> Path:
    """Return the folder of the matrix files that come with this program."""
    return _FOLDER / "matrix"


def fixtures_folder() -> Path:
    """Return the folder of the fixture projects."""
    return _FOLDER / "fixtures"


def fixture_names() -> tuple[str, ...]:
    """Return the names of the fixture projects, sorted."""
    return tuple(sorted(file.parent.name for file in fixtures_folder().glob("*/pyproject.toml")))


def require_own(folder: Path, option: str) -> None:
    """Raise ``UsageError`` for ``option`` if ``folder`` is a part of the installed package.

    An upgrade replaces the package's files, and other users may share them.
    """
    if folder.resolve().is_relative_to(_INSTALLED.resolve()):
        raise UsageError(
            f"{option}: {folder} belongs to the installed package; work on a copy: "
            f"`cp -r {folder} matrix`, and then {option} with --matrix matrix"
        )
