"""All problems of a configuration at once, each with its place; its own targets in the matrix."""

from pathlib import Path

import pytest

from harness.core.cells import Matrix
from harness.core.errors import MatrixFileError
from harness.matrix.config.config_file import read_config
from harness.matrix.config.config_rows import own_expectations, read_rows
from harness.matrix.files import load_matrix
from harness.matrix.plan import Selection, or_default_profile, selected_targets
from tests.support.cli import FILES, write_matrix

TARGET = """\
[[own-targets]]
id = "mine"
title = "Mine"
python = "3.12"
libc = "musl"
arches = ["x86_64", "arm64"]
registry = {image = "mine:1"}
"""
EXPECTATION = """\
[[expectations]]
target = "mine"
subject = "mypkg-*"
outcome = "import-failed"
reason = "It is known."
link = "https://example.org/1"
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the current folder, with a matrix of two targets."""
    monkeypatch.chdir(tmp_path)
    write_matrix(tmp_path / "matrix", FILES | {"profiles": PROFILES})
    return tmp_path


PROFILES = 'profiles: [{name: default, targets: [debian-13]}, {name: old, targets: ["*-12"]}]\n'


def load(text: str) -> Matrix:
    """Return the matrix with the rows of a configuration."""
    Path("wheelgrid.toml").write_text(text)
    return load_matrix(Path("matrix"), None, read_rows(read_config(Path("wheelgrid.toml"))))


def problems(text: str) -> list[str]:
    """Return the problems of a configuration, without the name of its file."""
    with pytest.raises(MatrixFileError) as caught:
        load(text)
    return [problem.removeprefix("wheelgrid.toml:") for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('targts = ["a"]', "1:1: unknown key 'targts'; did you mean 'targets'?"),
        ("own_pip = true", "1:1: unknown key 'own_pip'; did you mean 'own-pip'?"),
        ('arches = "x86_64"', "1:10: arches: must be a list, not the text 'x86_64'; put it in b"),
        ("strict = 'yes'", "1:10: strict: must be true or false, not the text 'yes'"),
        ("timeout = 0", "1:11: timeout: must be more than 0, not 0"),
        ("timeout = nan", "1:11: timeout: must be a finite number, not nan"),
        ("test-timeout = 1e300", "1:16: test-timeout: must be at most 604800, not 1e+300"),
        ("timeout = 'x'", "1:11: timeout: must be a number, not the text 'x'"),
        ("cell-memory = 3", "1:15: cell-memory: must be at least 64, not 3"),
        ("cell-disk = 1.5", "1:13: cell-disk: must be a whole number, not the number 1.5"),
        ('images = "locl"', "1:10: images: unknown value 'locl'; did you mean 'local'?"),
        ('call = "1 +"', "1:8: call: '1 +' is not a Python expression: invalid syntax"),
        ('against = ["a>=1"]', "1:12: against[0]: 'a>=1' does not pin a release; write name==v"),
        ('index-url = "ftp://x"', "1:13: index-url: 'ftp://x' is not valid here; write a link"),
        ('targets = ["debain-12"]', "1:12: targets[0]: no target matches 'debain-12'; did you m"),
        ('targets = ["debian-12/s390"]', "1:12: targets[0]: no arch matches 's390'; did you mean"),
        ('arches = ["x68"]', "1:11: arches[0]: no arch matches 'x68'; known: aarch64"),
        ('profile = "olt"', "1:11: profile: no profile is called 'olt'; did you mean 'old'?"),
        (TARGET.replace('"3.12"', "3.12"), "4:10: own-targets[0].python: 3.12 without quotes is"),
        (TARGET.replace("libc", "lbc"), "1:1: own-targets[0]: the key 'libc' is missing; add it"),
        (TARGET.replace("image =", "imag ="), "7:13: own-targets[0].registry: unknown key 'imag'"),
        (TARGET.replace("arm64", "amd64"), "6:10: own-targets[0].arches: 'amd64' and 'x86_64' a"),
        (TARGET.replace("mine:1", ""), "7:21: own-targets[0].registry.image: is empty; fill it"),
        (TARGET.replace("registry", "overrides.s390x.registry"), "1:1: own-targets[0]: no way to"),
        (
            TARGET.replace('"mine"', '"debian-12"'),
            "2:6: own-targets[0].id: 'debian-12' is the id of a target already (matrix/targets",
        ),
        (TARGET + TARGET, "9:6: own-targets[1].id: 'mine' is the id of a target already (wheelg"),
        (EXPECTATION, "2:10: expectations[0].target: no target matches 'mine'; known: debian-12 d"),
        (
            TARGET + EXPECTATION.replace("subject", "cause"),
            "10:9: expectations[0].cause: no cause is called 'mypkg-*'",
        ),
        (
            TARGET + EXPECTATION.replace('subject = "mypkg-*"\n', ""),
            "8:1: expectations[0]: needs 'subject', 'cause' or both",
        ),
        (
            TARGET + EXPECTATION.replace("import-failed", "pass"),
            "11:11: expectations[0].outcome: 'pass' is not an incompatibility",
        ),
    ],
)
def test_a_problem_has_its_place_and_the_next_step(text: str, problem: str) -> None:
    """File, line and column, the path of the value, and a suggestion."""
    assert any(found.startswith(problem) for found in problems(text)), problems(text)


def test_all_problems_are_reported_at_once() -> None:
    """Unknown keys, wrong values, globs without a match, and those of the matrix itself."""
    Path("matrix/profiles.yaml").write_text("profiles: [{nam: x}]\n")
    text = 'targets = ["x"]\nstrct = true\ntimeout = -1\n' + TARGET.replace("musl", "mussl")
    assert [problem[:22] for problem in problems(text)] == [
        "matrix/profiles.yaml:1",
        "matrix/profiles.yaml:1",
        "1:12: targets[0]: no t",
        "2:1: unknown key 'strc",
        "3:11: timeout: must be",
        "8:8: own-targets[0].li",
    ]


def test_places_in_pyproject_are_those_of_the_whole_file() -> None:
    """The path in a message begins below ``[tool.wheelgrid]``."""
    Path("pyproject.toml").write_text("[project]\nname = 'x'\n[tool.wheelgrid]\nstrict = 1\n")
    (problem,) = read_rows(read_config(Path("pyproject.toml"))).problems
    what = "strict: must be true or false, not the number 1"
    assert str(problem) == f"pyproject.toml:4:10: {what}"


def test_own_targets_join_the_matrix_and_its_default_profile() -> None:
    """Each arch is a target, as in ``targets.yaml``; other profiles stay as they are."""
    matrix = load(TARGET)
    assert [t.key for t in matrix.targets][-2:] == ["mine/x86_64", "mine/aarch64"]
    default = or_default_profile(matrix, Selection())
    assert [t.id for t in selected_targets(matrix, default)] == ["debian-13", "mine", "mine"]
    old = selected_targets(matrix, Selection(profile="old"))
    assert {t.id for t in old} == {"debian-12"}


def test_expectations_know_their_line() -> None:
    """A message about one names it."""
    load(TARGET + EXPECTATION)
    (expected,) = own_expectations(read_config(Path("wheelgrid.toml")))
    assert (expected.subject, expected.where) == ("mypkg-*", "wheelgrid.toml:8")
