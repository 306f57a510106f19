"""Changes in small real git checkouts."""

import subprocess
from pathlib import Path

import pytest

from harness.app.wiring import read_matrix
from harness.cli import execute
from harness.core.errors import UsageError
from harness.core.subjects import IndexSource
from harness.images.debian.package_lock import format_lock, make_lock
from harness.matrix.checkout import choose_changed, read_edit
from harness.matrix.package_sets import package_sets
from harness.matrix.plan import Selection
from harness.wheels.index.lock import LOCK_NAME
from tests.support.cli import write_matrix
from tests.support.workspace import a_package

EMPTY = '{"generated": "2026-01-01", "releases": {}}'
WHEEL = "numpy-2.4.6-cp311-cp311-manylinux_2_28_x86_64.whl"
PINNED = (
    '{"generated": "2026-01-02", "releases": {"numpy==2.4.6": '
    f'[{{"filename": "{WHEEL}", "sha256": "{"a" * 64}"}}]}}}}'
)


def git(folder: Path, *words: str) -> None:
    """Run git with a fixed user."""
    who = ("-c", "user.name=t", "-c", "user.email=t@example.invalid")
    subprocess.run(
        ["/usr/bin/env", "git", *who, *words], cwd=folder, check=True, capture_output=True
    )


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Create a repository with a matrix on ``main`` and a branch."""
    top = tmp_path / "a checkout"
    write_matrix(top / "matrix")
    (top / "matrix" / LOCK_NAME).write_text(EMPTY)
    git(top, "init", "-q", "-b", "main")
    git(top, "add", ".")
    git(top, "commit", "-q", "-m", "a matrix")
    git(top, "checkout", "-q", "-b", "work")
    return top


def chosen(top: Path, base: str = "main", selection: Selection | None = None) -> list[str]:
    """Return the ids of the cells that the change affects."""
    folder = top / "matrix"
    matrix = read_matrix(folder)
    return [c.id for c in choose_changed(matrix, selection or Selection(), base, folder)]


def change(top: Path, name: str, old: str, new: str) -> None:
    """Replace a text in a matrix file."""
    path = top / "matrix" / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_a_new_document_affects_no_cell(checkout: Path) -> None:
    (checkout / "über uns.md").write_text("hello")
    git(checkout, "add", ".")
    git(checkout, "commit", "-q", "-m", "say hello")
    assert chosen(checkout) == []


def test_a_target_changed(checkout: Path) -> None:
    """Its cells are affected, committed or not; a selection applies too."""
    change(
        checkout,
        "targets.yaml",
        "suite: trixie, packages: [python3]",
        "suite: sid, packages: [python3]",
    )
    touched = ["debian-13/x86_64/markupsafe", "debian-13/x86_64/numpy"]
    assert chosen(checkout) == touched
    git(checkout, "commit", "-q", "-a", "-m", "sid")
    assert chosen(checkout) == touched
    assert chosen(checkout, selection=Selection(subjects=("numpy",))) == touched[1:]


def test_later_commits_of_the_base_do_not_count(checkout: Path) -> None:
    """The branch is compared with its merge base."""
    git(checkout, "checkout", "-q", "main")
    change(checkout, "targets.yaml", "suite: trixie", "suite: sid")
    git(checkout, "commit", "-q", "-a", "-m", "sid")
    git(checkout, "checkout", "-q", "work")
    assert chosen(checkout) == []


def test_another_pin(checkout: Path) -> None:
    """A release with other wheels is found; the date of the lock does not count."""
    lock = checkout / "matrix" / LOCK_NAME
    lock.write_text(EMPTY.replace("2026-01-01", "2026-01-03"))
    assert chosen(checkout) == []
    lock.write_text(PINNED)
    folder = checkout / "matrix"
    edit = read_edit("main", folder, read_matrix(folder))
    assert edit.repinned == {IndexSource(name="numpy", version="2.4.6")}
    assert [name.rpartition("/")[2] for name in chosen(checkout)] == ["numpy"] * 3


def test_untracked_code_counts(checkout: Path) -> None:
    """Ignored files do not."""
    (checkout / ".git" / "info" / "exclude").write_text("*.log\n")
    (checkout / "harness").mkdir()
    (checkout / "harness" / "prober.log").write_text("")
    assert chosen(checkout) == []
    (checkout / "harness" / "prober.py").write_text("")
    assert len(chosen(checkout)) == 6


def test_unreadable_base_matrix_affects_all_cells(checkout: Path) -> None:
    git(checkout, "checkout", "-q", "--orphan", "bare")
    git(checkout, "rm", "-q", "-r", "--cached", "matrix")
    git(checkout, "commit", "-q", "--allow-empty", "-m", "nothing")
    git(checkout, "checkout", "-q", "-b", "later")
    assert len(chosen(checkout, base="bare")) == 6


@pytest.mark.parametrize("base", ["nowhere", "--help", "main:matrix"])
def test_an_unknown_base(checkout: Path, base: str) -> None:
    """The message names it; it is never taken for an option of git."""
    with pytest.raises(UsageError, match=f"--changed {base}: git: exit status") as raised:
        chosen(checkout, base=base)
    assert str(raised.value).endswith("fetched with its history")
    assert len(str(raised.value).splitlines()) <= 3, "no manual page"


def test_matrix_outside_git_is_an_error(tmp_path: Path) -> None:
    write_matrix(tmp_path / "matrix")
    with pytest.raises(UsageError, match="not a git repository"):
        chosen(tmp_path)


def test_the_commands(
    checkout: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`plan` prints an empty job matrix; `run` succeeds without an engine."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{checkout}/no-engine.sock")
    same = ("--changed", "main", "--matrix", str(checkout / "matrix"))
    plan = ("plan", "--format", "github", "--shards", "8", *same)
    assert (execute(plan), capsys.readouterr().out) == (0, '{"include": []}\n')
    said = "no cell is affected by the changes since main\n"
    assert (execute(["run", *same]), capsys.readouterr().out) == (0, said)
    for others, out in (((), "0 cells of 0 targets"), (("--json", "-q", "arch:s390x"), "")):
        assert (execute(["plan", *others, *same]), capsys.readouterr().out.strip()) == (0, out)
    change(checkout, "targets.yaml", "suite: trixie", "suite: sid")
    assert execute(plan) == 0
    assert '"shard": "1/1"' in capsys.readouterr().out
    assert execute(["run", *same]) == 3


PINNED_MATRIX = {
    "targets": """\
targets:
  - {id: one, title: One, python: "3.11", libc: glibc, arches: [x86_64, s390x],
     assembled: {suite: bookworm, packages: [python3]}}
  - {id: two, title: Two, python: "3.13", libc: glibc, arches: [x86_64],
     assembled: {suite: trixie, packages: [python3]}}
""",
    "subjects": "subjects: [{id: wheel, group: g, index: demo==1.0, imports: [demo]}]\n",
}


def test_a_new_package_lock_affects_its_users(tmp_path: Path) -> None:
    """Other arches and suites do not count; a suite's flag affects all its users."""
    top = tmp_path / "checkout"
    packages = top / "matrix" / "packages"
    write_matrix(top / "matrix", PINNED_MATRIX)
    packages.mkdir()
    (top / "matrix" / LOCK_NAME).write_text(EMPTY)
    sets = {s.arches: s for s in package_sets(read_matrix(top / "matrix")) if s.suite == "bookworm"}

    def lock(*, s390x: str) -> str:
        digits = {("amd64",): "1", ("s390x",): s390x}
        taken = {sets[arches]: [a_package("dash", digit=digit)] for arches, digit in digits.items()}
        return format_lock(make_lock("bookworm", taken, []))

    path = packages / "bookworm.lock"
    path.write_text(lock(s390x="2"))
    git(top, "init", "-q", "-b", "main")
    git(top, "add", ".")
    git(top, "commit", "-q", "-m", "a matrix")
    path.write_text(lock(s390x="2") + "# a comment\n")
    assert chosen(top) == []
    path.write_text(lock(s390x="3"))
    assert chosen(top) == ["one/s390x/wheel"]
    (top / "matrix" / "suites.yaml").write_text("suites: [{id: trixie, rolling: true}]\n")
    assert chosen(top) == ["one/s390x/wheel", "two/x86_64/wheel"]
