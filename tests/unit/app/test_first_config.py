"""The first configuration of a project: inferred from its wheels, and valid."""

import tomllib
from pathlib import Path

import pytest

from harness.app.first_config import globs_over, infer_config, write_config
from harness.core.errors import HarnessError, UsageError
from harness.matrix.config.config_file import find_in, read_config
from harness.matrix.config.config_rows import read_rows
from harness.matrix.files import load_matrix
from harness.report.first_config import WIDTH, FirstConfig
from tests.support.commands import ROOT
from tests.support.wheels import make_wheel

MATRIX = load_matrix(ROOT / "matrix")
GLIBC = "cp313-cp313-manylinux_2_17_x86_64.manylinux2014_x86_64"
MUSL = "cp39-cp39-musllinux_1_1_aarch64"


def infer(*wheels: Path) -> FirstConfig:
    """Return what the wheels say, on the committed matrix."""
    return infer_config([str(wheel) for wheel in wheels], MATRIX.targets)


def test_targets_and_arches_are_those_of_the_wheels(tmp_path: Path) -> None:
    """The C library counts too: a musllinux wheel is for Alpine."""
    make_wheel(tmp_path, "demo", None, tag=GLIBC, files={"demo_c/__init__.py": ""})
    make_wheel(tmp_path, "demo", "x = 1", tag=MUSL, requires=["numpy>=2; os_name == 'posix'"])
    found = infer(tmp_path)
    assert found.releases == ("demo==1.0",)
    assert found.pythons == ("cp39", "cp313")
    assert found.platforms == ("glibc", "musl")
    assert found.arches == ("x86_64", "aarch64")
    assert {"debian-13", "alpine-3.14-ga"} <= set(found.fitting)
    assert {"debian-12", "alpine-3.22"}.isdisjoint(found.fitting)
    assert sorted(found.imports) == ["demo", "demo_c"]
    assert found.requires == ("numpy",)


def test_a_pure_wheel_fits_every_target(tmp_path: Path) -> None:
    """Then no architecture is named."""
    found = infer(make_wheel(tmp_path, "demo", "x = 1"))
    assert (found.arches, found.platforms) == ((), ("any",))
    assert set(found.fitting) == {target.id for target in MATRIX.targets}


@pytest.mark.parametrize(
    ("names", "known", "globs"),
    [
        (["debian-12", "debian-13"], ["debian-12", "debian-13", "el-8"], ("debian-*",)),
        (["debian-12"], ["debian-12", "debian-13"], ("debian-12",)),
        (["el-8"], ["el-8", "debian-12"], ("el-8",)),
        (["a-1", "a-b-2", "a-b-3"], ["a-1", "a-b-2", "a-b-3"], ("a-*",)),
        (["a-1", "a-b-2", "a-b-3"], ["a-1", "a-2", "a-b-2", "a-b-3"], ("a-1", "a-b-*")),
    ],
)
def test_a_family_has_one_glob_if_all_of_it_fits(
    names: list[str], known: list[str], globs: tuple[str, ...]
) -> None:
    """So that no glob selects a target that no wheel fits."""
    assert globs_over(names, known) == globs


def uncommented(text: str) -> str:
    """Return the text with every example in force."""
    lines = [
        line.removeprefix("# ") if " = " in line.partition("`")[0] or "[[" in line else line
        for line in text.splitlines()
    ]
    return "\n".join(lines)


@pytest.mark.parametrize("tag", [GLIBC, MUSL, "py3-none-any"])
@pytest.mark.parametrize("before", [None, "[project]\nname = 'demo'"])
def test_what_is_written_is_valid_with_and_without_its_examples(
    tmp_path: Path, tag: str, before: str | None
) -> None:
    """In a file of its own, and in ``pyproject.toml``, whose other tables stay."""
    wheel = make_wheel(tmp_path, "demo", "x = 1", tag=tag)
    if before is not None:
        (tmp_path / "pyproject.toml").write_text(before)
    path = write_config(tmp_path, infer(wheel), force=False)
    assert path.name == ("wheelgrid.toml" if before is None else "pyproject.toml")
    text = path.read_text()
    if before is not None:
        assert tomllib.loads(text)["project"] == {"name": "demo"}
    for written, count in ((text, 2), (uncommented(text), 11)):
        path.write_text(written)
        config = read_config(path)
        assert len(config.values) >= count, written
        load_matrix(ROOT / "matrix", None, read_rows(config))  # raises for any problem
    assert max(map(len, text.splitlines())) <= WIDTH + 2


def test_an_existing_configuration_is_replaced_only_with_force(tmp_path: Path) -> None:
    """In ``pyproject.toml``, what stands around the table stays."""
    found = infer(make_wheel(tmp_path, "demo", "x = 1"))
    file = tmp_path / "pyproject.toml"
    file.write_text("[a]\nx = 1\n[tool.wheelgrid]\nstrict = true\n[b]\ny = 2\n")
    with pytest.raises(UsageError, match=r"pyproject.toml configures wheelgrid; --force replaces"):
        write_config(tmp_path, found, force=False)
    assert write_config(tmp_path, found, force=True) == file
    data = tomllib.loads(file.read_text())
    assert (data["a"], data["b"]) == ({"x": 1}, {"y": 2})
    assert "strict" not in data["tool"]["wheelgrid"]
    file.unlink()
    (tmp_path / "wheelgrid.toml").write_text("strict = true")
    write_config(tmp_path, found, force=True)
    written = find_in(tmp_path)
    assert written is not None
    assert "strict" not in written.values


@pytest.mark.parametrize("text", ["[project", "tool = {x = 1}\n", "tool.wheelgrid.strict = true"])
def test_a_pyproject_that_cannot_take_a_table_stays(tmp_path: Path, text: str) -> None:
    """Then the settings get a file of their own, or the user is asked to write them."""
    found = infer(make_wheel(tmp_path, "demo", "x = 1"))
    (tmp_path / "pyproject.toml").write_text(text)
    try:
        assert write_config(tmp_path, found, force=True).name == "wheelgrid.toml"
    except UsageError as error:
        assert "edit it by hand" in str(error)  # noqa: PT017 - either is right
    assert (tmp_path / "pyproject.toml").read_text() == text


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("dist", "dist: this folder has no .whl file"),
        ("demo-1.0-cp27-cp27m-win32.whl", "no target of the matrix fits these wheels"),
    ],
)
def test_without_a_fitting_wheel_there_is_nothing_to_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, message: str
) -> None:
    """The message says what is missing."""
    monkeypatch.chdir(tmp_path)
    Path("dist").mkdir()
    make_wheel(tmp_path, "demo", "x = 1", tag="cp27-cp27m-win32")
    with pytest.raises(HarnessError, match=message):
        infer(Path(name))
