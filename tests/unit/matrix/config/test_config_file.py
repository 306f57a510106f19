"""Finding and reading a project's configuration."""

from pathlib import Path

import pytest

from harness.core.errors import MatrixFileError
from harness.matrix.config.config_file import find_config, read_config

EMPTY = "[tool.wheelgrid]\n"


@pytest.fixture
def top(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder that is a repository, with a folder two levels below it."""
    (tmp_path / ".git").mkdir()
    (tmp_path / "a/b").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({}, None),
        ({"wheelgrid.toml": ""}, "wheelgrid.toml"),
        ({"pyproject.toml": EMPTY}, "pyproject.toml"),
        ({"pyproject.toml": "[tool.other]\n"}, None),
        ({"pyproject.toml": "# wheelgrid\n[tool.other]\n"}, None),
        ({"pyproject.toml": "[tool]\nwheelgrid.strict = true\n"}, "pyproject.toml"),
        ({"pyproject.toml": "broken"}, None),  # another tool's error to report
        ({"wheelgrid.toml": "", "a/b/pyproject.toml": EMPTY}, "a/b/pyproject.toml"),
        ({"wheelgrid.toml": "", "a/b/pyproject.toml": "[project]\n"}, "wheelgrid.toml"),
        ({"wheelgrid.toml": "", "pyproject.toml": "[project]\n"}, "wheelgrid.toml"),
    ],
)
def test_the_nearest_configuration_is_taken(
    top: Path, files: dict[str, str], found: str | None
) -> None:
    """From the folder upwards; a ``pyproject.toml`` without the table is none."""
    for name, text in files.items():
        (top / name).write_text(text)
    config = find_config(top / "a/b")
    assert (config.path if config else None) == (top / found if found else None)


def test_the_search_ends_at_the_repository(top: Path) -> None:
    """A file above it belongs to another project."""
    (top / "a/.git").write_text("gitdir: elsewhere\n")  # of a worktree, it is a file
    (top / "wheelgrid.toml").touch()
    assert find_config(top / "a/b") is None


def test_two_configurations_in_one_folder_are_an_error(top: Path) -> None:
    """The message names both."""
    (top / "wheelgrid.toml").touch()
    (top / "pyproject.toml").write_text(EMPTY)
    with pytest.raises(MatrixFileError) as caught:
        find_config(top / "a")
    what = "wheelgrid.toml and pyproject.toml: both configure wheelgrid; keep one of them"
    assert caught.value.problems == [what]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"x = \n", "w.toml:1:5: not TOML: invalid value"),
        (b"a = 1\na = 2\n", "w.toml:2:6: not TOML: cannot overwrite a value"),
        (b"a = [\n1,\n", "w.toml:3:1: not TOML: "),
        (b"a = '\xff'", "w.toml: not UTF-8: invalid start byte; save it as UTF-8"),
        (b"a = " + b"[" * 9999, "w.toml: nested too deeply"),
    ],
)
def test_what_is_no_toml_is_an_error_with_its_place(
    top: Path, content: bytes, problem: str
) -> None:
    """Line and column are those of ``tomllib``."""
    (top / "w.toml").write_bytes(content)
    with pytest.raises(MatrixFileError) as caught:
        read_config(Path("w.toml"))
    assert str(caught.value).startswith(problem)


def test_a_named_file_that_cannot_be_read_is_an_error(top: Path) -> None:
    """The message says how to name another."""
    with pytest.raises(MatrixFileError, match="No such file or directory; name a file with --con"):
        read_config(top / "none.toml")


def test_the_table_must_be_a_table(top: Path) -> None:
    """``wheelgrid = true`` is none."""
    (top / "pyproject.toml").write_text("[tool]\nwheelgrid = true\n")
    with pytest.raises(MatrixFileError, match="must be a table"):
        find_config(top)


def test_a_byte_order_mark_and_windows_line_ends_are_read(top: Path) -> None:
    """Some editors write them."""
    (top / "w.toml").write_bytes(b"\xef\xbb\xbfstrict = true\r\ncall = 'a'\r\n")
    assert read_config(top / "w.toml").values == {"strict": True, "call": "a"}


def test_the_null_device_is_an_empty_configuration() -> None:
    """``--config /dev/null`` means none."""
    assert read_config(Path("/dev/null")).values == {}
