"""Read the lock file of an application, whichever tool wrote it."""

from pathlib import Path

from packaging.pylock import is_valid_pylock_path

from harness.core.errors import UsageError
from harness.host.process import ProcessError, run_process
from harness.wheels.locks.application import LockedApplication
from harness.wheels.locks.pylock_file import read_pylock
from harness.wheels.locks.requirements_file import read_requirements_file

UV_SECONDS = 60.0
_UV = ("uv", "export", "--frozen", "--offline", "--no-python-downloads", "--no-dev")
_PYLOCK = ("--no-header", "--quiet", "--format", "pylock.toml")
_OTHERS = {
    "poetry.lock": "poetry export --output requirements.txt",
    "pdm.lock": "pdm export --format pylock --output pylock.toml",
    "Pipfile.lock": "pipenv requirements > requirements.txt",
}
"""Lock files that their own tools turn into one that is read here."""


def is_lock_file(word: str) -> bool:
    """Whether a word of a command line names a lock file: by its name, whether it exists or not."""
    name = Path(word).name
    return (
        name == "uv.lock"
        or name in _OTHERS
        or is_valid_pylock_path(Path(name))
        or name.endswith((".txt", ".in"))
    )


def read_lock_file(word: str) -> LockedApplication:
    """Return the dependencies of a lock file. Raises ``UsageError``."""
    path = Path(word)
    if path.name in _OTHERS:
        raise UsageError(f"{word}: not read here; write `{_OTHERS[path.name]}`, and give that file")
    if path.name == "uv.lock":
        return read_pylock(word, _export(path))
    if is_valid_pylock_path(Path(path.name)):
        return read_pylock(word, _bytes_of(path))
    return read_requirements_file(path, lambda file: file.read_text("utf-8"))


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}; name a lock file") from error


def _export(path: Path) -> bytes:
    """Return what ``uv export`` makes of a uv.lock; the project is not built."""
    _bytes_of(path)
    try:
        return run_process([*_UV, *_PYLOCK, "--project", path.resolve().parent], timeout=UV_SECONDS)
    except ProcessError as error:
        missing = isinstance(error.__cause__, FileNotFoundError)
        reason = error.tail.splitlines()[-1].strip() if error.tail else error.reason
        raise UsageError(
            f"{path}: {'uv is not installed' if missing else f'uv does not export it: {reason}'}; "
            f"{'run `pip install uv`, or ' if missing else ''}"
            "write `uv export --format pylock.toml --output-file pylock.toml`, and give that file"
        ) from error
