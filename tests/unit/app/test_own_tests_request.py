"""Words about a project's own tests, good and bad."""

import os
import re
import zipfile
from pathlib import Path

import pytest

from harness.app.own_tests_request import MOST_FILES, OwnTestsWords, read_own_tests
from harness.core.errors import UsageError
from harness.core.own_tests import OwnTests
from harness.host.cache import Cache

DISK = 4 << 20


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "project"
    (folder / "tests" / "__pycache__").mkdir(parents=True)
    (folder / "tests" / "test_a.py").write_text("def test(): pass\n")
    (folder / "tests" / "__pycache__" / "test_a.pyc").write_text("bytecode")
    (folder / "pyproject.toml").write_text("[project]\n")
    monkeypatch.chdir(folder)
    return folder


def read(folder: Path, **words: object) -> OwnTests | None:
    request = OwnTestsWords(**words)  # type: ignore[arg-type]
    return read_own_tests(request, folder, DISK, Cache(folder.parent / "cache"))


def sent(tests: OwnTests | None) -> dict[str, zipfile.ZipInfo]:
    assert tests
    with zipfile.ZipFile(tests.archive) as archive:
        return {info.filename: info for info in archive.infolist()}


@pytest.mark.parametrize("command", ["", "  "])
def test_without_a_command_nothing_is_run(project: Path, command: str) -> None:
    """An empty --test takes back that of the configuration."""
    assert read(project, command=command, requires=("pytest",)) is None


def test_words_are_split_as_in_a_shell(project: Path) -> None:
    """The command has words, the requirements may have commas, and neither needs files."""
    tests = read(
        project,
        command="pytest -q 'my tests' -k 'a;b' \"c*\" \\$x 'ü'",
        requires=("pytest>=8,<9, hypothesis[cli,dpcontracts]==6.*", "numpy; python_version<'3.12'"),
    )
    assert tests == OwnTests(
        command=("pytest", "-q", "my tests", "-k", "a;b", "c*", "$x", "ü"),
        requires=(
            "pytest>=8,<9", "hypothesis[cli,dpcontracts]==6.*", "numpy; python_version<'3.12'",
        ),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"command": "pytest 'tests"}, "no closing quotation; write it as in a shell"),
        ({"command": "''"}, "it names no command"),
        ({"command": "pytest\0"}, "it names no command"),
        ({"command": "cd tests && pytest"}, "'&' means nothing; give one command, such as sh -c"),
        ({"command": "pytest;ls"}, "no shell reads it, so ';' means nothing"),
        ({"command": "pytest >out"}, "no shell reads it, so '>' means nothing"),
        ({"command": "pytest $HOME"}, "no shell reads it, so '$' means nothing"),
        ({"command": 'pytest "$HOME"'}, "no shell reads it, so '$' means nothing"),
        ({"command": "pytest tests/test_*.py"}, "no shell reads it, so '*' means nothing"),
        ({"command": "~/run"}, "no shell reads it, so '~' means nothing"),
        ({"command": "pytest\nls"}, "no shell reads it, so '\\n' means nothing"),
        ({"command": "A=1 pytest"}, "'A=1' means nothing; give one command, such as sh -c"),
        ({"requires": ("pytest>>8",)}, "'pytest>>8' does not parse"),
        ({"requires": ("x @ https://example.org/x.whl",)}, "names an address"),
        ({"files": (Path("nothing"),)}, "nothing: it does not exist; name one that the tests need"),
        ({"files": (Path("x" * 5000),)}, "cannot be read: File name too long"),
        ({"files": (Path("/dev/zero"),)}, "/dev/zero: it is neither a file nor a folder"),
        ({"files": (Path("odd"),)}, "'odd/\\udcff.txt': its name is not UTF-8"),
        ({"files": (Path("tests"), Path("../more/tests"))}, "has the same place there, tests/te"),
        ({"files": (Path("../file/tests"), Path("tests"))}, "has the same place there, tests;"),
        ({"files": (Path("empty"),)}, "empty: it has no file"),
    ],
)
def test_bad_words_have_a_next_step(project: Path, words: dict[str, object], said: str) -> None:
    """Each mistake is an error before anything runs."""
    for name in ("empty", "odd", "../more/tests", "../file"):
        (project / name).mkdir(parents=True)
    (project / "odd" / os.fsdecode(b"\xff.txt")).touch()
    (project / "../more/tests/test_a.py").touch()
    (project / "../file/tests").touch()
    with pytest.raises(UsageError, match=re.escape(said)):
        read(project, **{"command": "pytest", **words})


def test_same_files_have_the_same_archive(project: Path) -> None:
    """The archive follows content and modes, not times; caches of Python are left out."""
    (project / "tests" / "run.sh").write_text("#!/bin/sh\n")
    (project / "tests" / "run.sh").chmod(0o755)
    files = (project / "tests", Path("pyproject.toml"))
    first = read(project, command="pytest", files=files)
    assert {n: i.external_attr >> 16 for n, i in sent(first).items()} == {
        "pyproject.toml": 0o644, "tests/run.sh": 0o755, "tests/test_a.py": 0o644,
    }  # fmt: skip
    os.utime(project / "tests" / "test_a.py", (1, 1))
    assert read(project, command="pytest", files=files) == first
    (project / "tests" / "test_a.py").write_text("def test(): assert 0\n")
    changed = read(project, command="pytest", files=files)
    assert changed
    assert first
    assert changed.sha256 != first.sha256


def test_files_elsewhere_keep_their_name(project: Path) -> None:
    """A folder beside the project is sent under its own name, never outside of the cell's."""
    beside = project.parent / "more"
    beside.mkdir()
    (beside / "data.txt").write_text("1")
    assert list(sent(read(project, command="pytest", files=(Path("../more"),)))) == [
        "more/data.txt"
    ]


def test_file_may_be_named_twice(project: Path) -> None:
    """A file in a folder that is sent is the same file."""
    files = (Path("tests"), Path("tests/test_a.py"), project / "tests")
    assert list(sent(read(project, command="pytest", files=files))) == ["tests/test_a.py"]


def test_unreadable_folder_is_said(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its files would be missing without a word."""

    def refuse(path: str) -> None:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(UsageError, match=r"tests: cannot be read: Permission denied; give"):
        read(project, command="pytest", files=(Path("tests"),))


def test_links_and_pipes_are_not_followed(project: Path) -> None:
    """A linked file is sent as a file; a pipe, a loop and a dangling link are left out."""
    os.mkfifo(project / "tests" / "pipe")
    (project / "tests" / "loop").symlink_to("..")
    (project / "tests" / "gone").symlink_to("nowhere")
    (project / "tests" / "link.py").symlink_to("test_a.py")
    tests = read(project, command="pytest", files=(Path("tests"),))
    assert list(sent(tests)) == ["tests/link.py", "tests/test_a.py"]


def test_large_folder_is_refused(project: Path) -> None:
    """Nothing of it is read; the line says how much a cell has room for."""
    with (project / "tests" / "huge.bin").open("wb") as stream:
        stream.truncate(500 << 20)
    with pytest.raises(UsageError, match=r"more than 1 MiB or .* --cell-disk and --cell-memory"):
        read(project, command="pytest", files=(Path("tests"),))


def test_many_files_are_refused(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files without content cost a cell room, too."""
    monkeypatch.setattr("harness.app.own_tests_request.MOST_FILES", 3)
    for number in range(4):
        (project / "tests" / f"{number}").touch()
    with pytest.raises(UsageError, match="more than 1 MiB or 3 files"):
        read(project, command="pytest", files=(Path("tests"),))
    assert MOST_FILES > 1000


def test_unreadable_file_is_said(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the file."""

    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(UsageError, match=r"test_a\.py: cannot be read: Permission denied"):
        read(project, command="pytest", files=(Path("tests"),))
