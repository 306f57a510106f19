"""Lock files by their names, pylock.toml and uv.lock as tools wrote them."""

import sys
from pathlib import Path

import pytest

from harness.core.errors import UsageError
from harness.wheels.dependencies.marker_environment import marker_environment
from harness.wheels.locks.application import LockedApplication, LockedDependency
from harness.wheels.locks.lock_files import is_lock_file, read_lock_file
from harness.wheels.locks.pylock_file import read_pylock
from tests.support.passports import make_passport

WRITTEN = Path(__file__).parents[3] / "data" / "locks"
HERE = marker_environment(make_passport(python="3.11.2", implementation="CPython"))
PACKAGE = """
[[packages]]
name = "a"
version = "1"
sdist = {name = "a-1.tar.gz", url = "https://example.org/a-1.tar.gz", hashes = {sha256 = "00"}}
"""
LOCK = 'lock-version = "1.0"\ncreated-by = "x"\n'


def titles(found: LockedApplication) -> list[str]:
    return [each.title for each in found.dependencies if found.needs(each, HERE)]


@pytest.mark.parametrize(
    ("word", "locks"),
    [
        ("requirements.txt", True),
        ("there/requirements/base.in", True),
        ("pylock.toml", True),
        ("pylock.web.toml", True),
        ("uv.lock", True),
        ("poetry.lock", True),
        ("dist", False),
        ("numpy==2.0", False),
        ("numpy-2.0-py3-none-any.whl", False),
        ("pyproject.toml", False),
    ],
)
def test_lock_file_by_name(word: str, locks: bool) -> None:
    """The name decides, so that a missing file is reported as missing."""
    assert is_lock_file(word) is locks


@pytest.mark.parametrize(
    ("name", "needed", "left_out"),
    [
        ("pylock.uv.toml", ["docopt 0.6.2", "psutil 7.2.2"], ()),
        ("pylock.pip.toml", ["docopt 0.6.2", "psutil 7.2.2"], ("shop: a folder",)),
    ],
)
def test_pylock_that_tools_wrote(name: str, needed: list[str], left_out: tuple[str, ...]) -> None:
    """Markers and default groups decide what is needed; digests are those of wheels and sdist."""
    found = read_lock_file(str(WRITTEN / name))
    assert [title for title in titles(found) if "iniconfig" not in title] == needed
    assert [text.split(": ", 1)[1][: len("shop: a folder")] for text in found.left_out] == [
        *left_out
    ]
    assert all(each.sha256 for each in found.dependencies)


def test_uv_lock_is_exported(monkeypatch: pytest.MonkeyPatch) -> None:
    """The real uv exports a lock that it wrote, offline and without the project's development."""
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:/usr/bin:/bin")
    found = read_lock_file(str(WRITTEN / "project" / "uv.lock"))
    assert titles(found) == ["docopt 0.6.2", "psutil 7.2.2"]
    assert found.requires_python == ">=3.10"


def test_uv_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """One line says what to install, and what to run instead."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError) as raised:
        read_lock_file(str(WRITTEN / "project" / "uv.lock"))
    (line,) = str(raised.value).splitlines()
    assert "uv is not installed; run `pip install uv`, or write `uv export --format" in line


def test_uv_fails(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The last line that uv says is the reason."""
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:/usr/bin:/bin")
    (tmp_path / "uv.lock").write_text("version = 1")
    with pytest.raises(UsageError, match=r"uv does not export it: .{10,}; write `uv"):
        read_lock_file(str(tmp_path / "uv.lock"))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a = [", "no pylock.toml as in PEP 751: Invalid value"),
        ('lock-version = "1.0"', "Missing required value"),
        (LOCK + '[[packages]]\nname = "A b"\n', "packages[0]"),
        (LOCK.replace("1.0", "2.0") + "packages = []\n", "2.0"),
        ("\x00", "no pylock.toml"),
    ],
)
def test_malformed_pylock(tmp_path: Path, text: str, told: str) -> None:
    """The reason in one line, and how to write it again."""
    path = tmp_path / "pylock.toml"
    path.write_text(text)
    with pytest.raises(UsageError) as raised:
        read_lock_file(str(path))
    (line,) = str(raised.value).splitlines()
    assert told in line
    assert "write it again with `uv export --format pylock.toml`" in line


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("poetry.lock", "poetry export --output requirements.txt"),
        ("pdm.lock", "pdm export --format pylock --output pylock.toml"),
        ("Pipfile.lock", "pipenv requirements > requirements.txt"),
        ("pylock.toml", "cannot be read: No such file or directory"),
        ("uv.lock", "cannot be read: No such file or directory"),
    ],
)
def test_file_that_is_not_read(tmp_path: Path, name: str, told: str) -> None:
    """The next step is a command, or another name."""
    with pytest.raises(UsageError, match=r".*") as raised:
        read_lock_file(str(tmp_path / name))
    assert told in str(raised.value)


@pytest.mark.parametrize(
    ("markers", "needed"),
    [
        ((), True),
        (('sys_platform == "win32"',), False),
        (('sys_platform == "win32"', 'os_name == "posix"'), True),
        (('"dev" in dependency_groups',), False),
        (('"web" in dependency_groups',), True),
        (('"fast" in extras',), False),
        (('extra == "fast"',), False),
        (('python_full_version < "3.11"',), False),
    ],
)
def test_needed_dependencies(markers: tuple[str, ...], needed: bool) -> None:
    """Markers have the target's values, no extra, and the default groups."""
    lines = "".join(PACKAGE + f"marker = '{marker}'\n" for marker in markers) or PACKAGE
    groups = 'dependency-groups = ["dev", "web"]\ndefault-groups = ["web"]\n'
    found = read_pylock("pylock.toml", (LOCK + groups + lines).encode())
    assert [found.needs(each, HERE) for each in found.dependencies] == [needed]


def test_marker_without_a_value_is_true() -> None:
    """Nobody can say more: a comparison that is not defined."""
    always = LockedDependency(name="a", version="1", markers=("sys_platform ~= 'linux'",))
    application = LockedApplication(path="r.txt", dependencies=(always,))
    assert application.needs(always, HERE)


@pytest.mark.parametrize(
    ("place", "told"),
    [
        ('vcs = {type = "git", url = "https://example.org/a", commit-id = "00"}', "a checkout"),
        ('archive = {url = "https://example.org/a.zip", hashes = {sha256 = "00"}}', "an archive"),
        ('directory = {path = "."}', "a folder"),
    ],
)
def test_place_in_a_pylock_is_left_out(place: str, told: str) -> None:
    """It is named with its kind."""
    text = f'{LOCK}[[packages]]\nname = "a"\n{place}\n'
    found = read_pylock("pylock.toml", text.encode())
    assert found.dependencies == ()
    assert [told in line for line in found.left_out] == [True]


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ('requires-python = ">=3.12"\n', "the lock file is for Python >=3.12; this is 3.11.2"),
        ('requires-python = ">=3.10"\n', ""),
        (
            "environments = [\"sys_platform == 'win32'\"]\n",
            "the lock file is for other environments",
        ),
        ("environments = [\"sys_platform == 'linux'\"]\n", ""),
    ],
)
def test_lock_that_is_not_for_a_target(tmp_path: Path, more: str, told: str) -> None:
    """Its Python and its environments are for the whole file."""
    path = tmp_path / "pylock.toml"
    path.write_text(LOCK + more + "packages = []\n")
    assert read_lock_file(str(path)).refusal(HERE) == told
