"""Turn the words of a command line about a project's own tests into a value of subjects."""

import hashlib
import io
import os
import re
import shlex
import stat
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import NoReturn

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
_QUOTED = re.compile(r"\\.|'[^']*'|\"(?:[^\"\\$`]|\\.)*\"", re.DOTALL)
_SHELL = re.compile(r"[&|;<>()$`*?\n]|(?<!\S)~")
"""What a shell would read outside of quotation marks."""
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
    wrong = [found.group() for found in _SHELL.finditer(_QUOTED.sub("_", text.strip()))]
    wrong += [word for word in words[:1] if "=" in word]
    if wrong:
        raise UsageError(
            f"--test {text!r}: no shell reads it, so {wrong[0]!r} means nothing; give one command, "
            f"such as {shlex.join(('sh', '-c', text))}, or quote it"
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
        found = 0
        for path in _regular_files(file):
            found += 1
            place = _place(path, (folder, Path.cwd(), _whole(file).parent))
            _assert_free(place, path, members)
            members[place] = path
            size += path.stat().st_size
            if size > most or len(members) > MOST_FILES:
                raise UsageError(
                    f"--test-files {file}: more than {most >> 20} MiB or {MOST_FILES} files, which "
                    "is what a cell has room for; name only the folders that the tests need, or "
                    "give cells more with --cell-disk and --cell-memory"
                )
        if not found:
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
    try:
        if path.is_file():
            yield path
            return
        if not path.is_dir():
            kind = "is neither a file nor a folder" if path.exists() else "does not exist"
            raise UsageError(f"--test-files {path}: it {kind}; name one that the tests need")
    except OSError as error:
        raise _unreadable(error) from error
    for root, folders, names in os.walk(path, onerror=_raise):
        folders[:] = sorted(set(folders) - LEFT_OUT)
        for name in sorted(names):
            found = Path(root, name)
            if found.is_file() and not name.endswith(".pyc"):
                yield found


def _assert_free(place: str, path: Path, members: Mapping[str, Path]) -> None:
    """Raise ``UsageError`` if another file has that place in the archive, or one above it."""
    for each in (place, *map(str, PurePosixPath(place).parents)):
        other = members.get(each)
        if other and not other.samefile(path):
            raise UsageError(
                f"--test-files {path}: {other} has the same place there, {each}; name a folder "
                "above both, or rename one"
            )


def _raise(error: OSError) -> NoReturn:
    raise _unreadable(error) from error


def _unreadable(error: OSError) -> UsageError:
    return UsageError(
        f"--test-files {error.filename}: cannot be read: {error.strerror}; give the tests' files "
        "to this user, or name other ones"
    )


def _place(path: Path, folders: tuple[Path, ...]) -> str:
    """Return the path below the first of ``folders`` that it is in; it is in the last."""
    whole = _whole(path)
    base = next(folder for folder in folders if whole.is_relative_to(folder))
    place = whole.relative_to(base).as_posix()
    if not place.isprintable():
        raise UsageError(
            f"--test-files {place!r}: its name is not UTF-8 or has control characters; rename it, "
            "or name only what the tests need"
        )
    return place


def _whole(path: Path) -> Path:
    return Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow links


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _unreadable(error) from error
