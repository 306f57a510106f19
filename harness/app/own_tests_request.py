"""Turn the words of a command line about a project's own tests into a value of subjects."""

import hashlib
import io
import os
import re
import shlex
import stat
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.core.errors import UsageError
from harness.core.own_tests import TEST_SECONDS, OwnTests
from harness.host.cache import Cache
from harness.wheels.dependencies.requirements import UnusableRequirementError, parse_requirement

KIND = "tests"
MOST_FILES = 20_000
LEFT_OUT = frozenset(
    {".git", ".hg", ".hypothesis", ".mypy_cache", ".nox", ".pytest_cache", ".ruff_cache", ".svn"}
    | {".tox", ".venv", "__pycache__", "node_modules"}
)
"""Names of folders that no test needs."""
_SHELL = frozenset({"&", "&&", "|", "||", ";", "<", ">", ">>", "2>", "2>&1"})
_COMMA = re.compile(r",(?![^\[]*\])(?=\s*[A-Za-z0-9])")
"""Between two requirements; not in ``[a,b]``, nor before a version as in ``>=8,<9``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OwnTestsWords:
    """What a command line or a configuration says of a project's own tests."""

    command: str = ""
    """Empty: no tests are run."""
    requires: tuple[str, ...] = ()
    """Requirements; one text may have several, with commas between them."""
    files: tuple[Path, ...] = ()
    timeout: float = TEST_SECONDS


def read_own_tests(words: OwnTestsWords, folder: Path, disk: int, cache: Cache) -> OwnTests | None:
    """Return the tests that the words ask for; None if they name no command.

    Files keep their place below ``folder``, or else below the working directory. Together they may
    have a quarter of ``disk``, the bytes of a cell's disk: it holds them twice, and the wheel.
    Raises ``UsageError`` for a command, a file or a requirement that cannot be used, and
    ``CacheError``.
    """
    command = _command(words.command)
    if not command:
        return None
    data = _packed(words.files, folder, disk // 4) if words.files else b""
    sha256 = hashlib.sha256(data).hexdigest() if data else ""

    def make(path: Path) -> None:
        path.write_bytes(data)

    return OwnTests(
        command=command,
        requires=_requirements(words.requires),
        archive=str(cache.get(KIND, f"{sha256}.zip", make, sha256=sha256)) if data else "",
        sha256=sha256,
        timeout=words.timeout,
    )


def _command(text: str) -> tuple[str, ...]:
    try:
        words = tuple(shlex.split(text))
    except ValueError as error:
        raise UsageError(
            f"--test {text!r}: {str(error).lower()}; write it as in a shell: 'pytest -q tests'"
        ) from error
    if "\0" in text or any(not word for word in words[:1]):
        raise UsageError(f"--test {text!r}: it names no command; write one like 'pytest -q tests'")
    wrong = next((word for word in words if word in _SHELL), "")
    if wrong or (words and "=" in words[0]):
        raise UsageError(
            f"--test {text!r}: no shell reads it, so {wrong or words[0]!r} means nothing; give one "
            f"command, such as {shlex.join(('sh', '-c', text))}"
        )
    return words


def _requirements(texts: Sequence[str]) -> tuple[str, ...]:
    lines = [line.strip() for text in texts for line in _COMMA.split(text)]
    found = tuple(line for line in lines if line)
    for line in found:
        try:
            requirement = parse_requirement(line)
        except UnusableRequirementError as error:
            raise UsageError(
                f"--test-requires: {error}; write a project and its versions, like pytest>=8"
            ) from error
        if requirement.url:
            raise UsageError(
                f"--test-requires: {line!r} names an address; only wheels of the package index and "
                "of --find-links are installed"
            )
    return found


def _packed(files: Sequence[Path], folder: Path, most: int) -> bytes:
    """Return a zip of the files, the same bytes for the same content."""
    members: dict[str, Path] = {}
    size = 0
    for file in files:
        before, whole = len(members), _whole(file)
        for path in _regular_files(file):
            members[_place(path, (folder, Path.cwd(), whole.parent))] = path
            size += path.stat().st_size
            if size > most or len(members) > MOST_FILES:
                raise UsageError(
                    f"--test-files {file}: more than {most >> 20} MiB or {MOST_FILES} files, which "
                    "is what a cell has room for; name only the folders that the tests need, or "
                    "give cells more with --cell-disk and --cell-memory"
                )
        if len(members) == before:
            raise UsageError(f"--test-files {file}: it has no file; name one, or a folder of some")
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in sorted(members):
            info = zipfile.ZipInfo(name)
            executable = members[name].stat().st_mode & stat.S_IXUSR
            info.external_attr = (0o755 if executable else 0o644) << 16
            archive.writestr(info, _content(members[name]))
    return out.getvalue()


def _regular_files(path: Path) -> Iterator[Path]:
    """Yield a file, or the files below a folder; links to folders in it are not followed."""
    if not path.exists():
        raise UsageError(f"--test-files {path}: there is no such file or folder")
    if not path.is_dir():
        yield path
        return
    for root, folders, names in os.walk(path):
        folders[:] = sorted(set(folders) - LEFT_OUT)
        for name in sorted(names):
            found = Path(root, name)
            if found.is_file() and not name.endswith(".pyc"):
                yield found


def _place(path: Path, folders: tuple[Path, ...]) -> str:
    """Return the path below the first of ``folders`` that it is in; it is in the last."""
    whole = _whole(path)
    base = next(folder for folder in folders if whole.is_relative_to(folder))
    return whole.relative_to(base).as_posix()


def _whole(path: Path) -> Path:
    return Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow links


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"--test-files {path}: cannot be read: {error.strerror}") from error
