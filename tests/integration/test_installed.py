"""The built wheel, installed alone and used in an empty folder; the sdist gives the same wheel.

They are built from a copy of the checkout, which is deleted before they are used.
"""

import json
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.core.causes import Cause
from harness.host.process import run_process
from harness.images.debian_root import native_arch
from harness.report.guide import cause_page
from tests.support.commands import ROOT, Ended, run_to_end, wheelgrid
from tests.support.wheels import make_wheel

pytestmark = pytest.mark.integration

NATIVE = native_arch().name
HERE = ("--images", "assembled", "--target", "debian-12", "--arch", NATIVE)
COMMAND = "pip install 'wheelgrid[build]'"
NOT_COPIED = shutil.ignore_patterns(".*_cache", ".tox", ".venv", ".git", "__pycache__", "grid")
INSTALL_SECONDS = 600


@dataclass(frozen=True, kw_only=True, slots=True)
class Installed:
    """An environment that has Wheelgrid, and a user's project."""

    folder: Path
    """The environment."""
    project: Path
    """The working directory: empty but for ``dist/`` with a wheel."""

    @property
    def packages(self) -> Path:
        (found,) = self.folder.glob("lib/python*/site-packages")
        return found

    def run(self, program: str, *words: object, options: str = "--not-an-option") -> Ended:
        """Run a program of the environment in the project, without the variables of this test."""
        own = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "PYTHON"))}
        return run_to_end(
            (self.folder / "bin" / program, *words),
            cwd=self.project,
            env={**own, "COLUMNS": "160", "PYTEST_ADDOPTS": options},
            timeout=INSTALL_SECONDS,
        )

    def wheelgrid(self, *words: object) -> Ended:
        ended = self.run("wheelgrid", *words)
        assert "Traceback" not in ended.said
        return ended

    def files(self) -> set[Path]:
        """Return the installed files, without bytecode."""
        return {path for path in self.packages.rglob("*") if "__pycache__" not in path.parts}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the sdist, the wheel that is built from it, and a user's wheel."""
    place = tmp_path_factory.mktemp("built")
    copy, dist = place / "checkout", place / "dist"
    shutil.copytree(ROOT, copy, ignore=NOT_COPIED)
    build = (sys.executable, "-m", "build", "--outdir", dist, copy)
    run_process(build, timeout=INSTALL_SECONDS, merge=True)
    shutil.rmtree(copy)
    words = ("build", "abi3", "--arch", NATIVE, "--builder", "cross-glibc")
    made = wheelgrid(*words)
    assert made.status == 0, made.said
    shutil.copy(made.out.splitlines()[0], place)
    return place


@pytest.fixture(scope="module")
def installed(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    """Return a new environment with the base dependencies, below the project that uses it."""
    project = tmp_path_factory.mktemp("project")
    folder = project / ".venv"
    run_process((sys.executable, "-m", "venv", folder), timeout=INSTALL_SECONDS)
    (wheel,) = (built / "dist").glob("*.whl")
    pip = (folder / "bin" / "python", "-m", "pip", "install", "-q", wheel)
    run_process(pip, timeout=INSTALL_SECONDS, cwd=project, merge=True)
    (project / "dist").mkdir()
    for wheel in built.glob("*.whl"):
        shutil.copy(wheel, project / "dist")
    # Settings and modules of the user's own tests, which a run must not take.
    (project / "conftest.py").write_text("raise RuntimeError('conftest of the project')\n")
    (project / "pytest.ini").write_text("[pytest]\naddopts = --not-an-option\n")
    (project / "harness").mkdir()
    (project / "harness" / "__init__.py").write_text("raise RuntimeError('harness of the project')")
    yield Installed(folder=folder, project=project)
    shutil.rmtree(project)


def test_pip_builds_the_same_wheel_from_the_sdist(installed: Installed, built: Path) -> None:
    """So what is tried of the wheel holds for who installs the sdist."""
    (wheel,) = (built / "dist").glob("*.whl")
    (sdist,) = (built / "dist").glob("*.tar.gz")
    made = installed.run("pip", "wheel", "-q", "--no-deps", "-w", built / "again", sdist)
    assert made.status == 0, made.said
    assert (built / "again" / wheel.name).read_bytes() == wheel.read_bytes()


def test_predict(installed: Installed) -> None:
    """Recorded passports of every target are there."""
    ended = installed.wheelgrid("predict", *installed.project.glob("dist/*"), "--no-deps", "--json")
    assert ended.status == 0, ended.said
    predicted = [json.loads(line) for line in ended.out.splitlines()]
    planned = {json.loads(line)["target"] for line in wheelgrid("plan", "--json").out.splitlines()}
    assert planned <= {each["cell"].partition("/")[0] for each in predicted}


def test_explain(installed: Installed) -> None:
    """The pages about causes are in the package."""
    assert installed.wheelgrid("explain", "exec-stack").out == cause_page(Cause.EXEC_STACK)


def test_plan(installed: Installed) -> None:
    """The matrix is the checkout's."""
    assert installed.wheelgrid("plan", "--json").out == wheelgrid("plan", "--json").out


def test_doctor(installed: Installed) -> None:
    """The machine is ready, and the missing compiler is a note with the command."""
    ended = installed.wheelgrid("doctor", "--json")
    assert ended.status == 0, ended.said
    checks = {check["name"]: check for check in json.loads(ended.out)["checks"]}
    assert not checks["zig"]["ok"]
    assert COMMAND in checks["zig"]["remedy"]
    assert checks["emulation s390x"]["ok"]


def test_check_on_the_engine(installed: Installed) -> None:
    """The wheel passes, and nothing but the output folder is written."""
    before = installed.files()
    ended = installed.wheelgrid("check", "dist", *HERE, "--fresh")
    assert ended.status == 0, ended.said
    assert "1 of 1 cells as expected, 1 of 1 as predicted" in ended.out
    assert installed.files() == before
    own = {".venv", "dist", "conftest.py", "pytest.ini", "harness"}
    assert {path.name for path in installed.project.iterdir()} - own == {"grid"}


def test_what_needs_the_compiler(installed: Installed) -> None:
    """Fixture wheels and replicas are misses with the command; other wheels are probed."""
    ended = installed.wheelgrid("run", *HERE, "--subject", "plain", "--subject", "markupsafe")
    assert ended.status == 4, ended.said
    assert "1 of 2 cells as expected, 1 missed" in ended.out
    assert f"miss (wheel): infra:build  no compiler is installed; run `{COMMAND}`" in ended.out
    replica = ("--target", "fedora-32-ga", "--arch", NATIVE, "--subject", "markupsafe")
    missed = installed.wheelgrid("run", *replica)
    assert missed.status == 3, missed.said
    assert COMMAND in missed.out


def test_installed_matrix_stays(installed: Installed) -> None:
    """The message has the command that copies it, and the copy can be used."""
    refused = installed.wheelgrid("pins", "--update", "--only", "images")
    assert refused.status == 2
    matrix = installed.packages / "harness" / "data" / "matrix"
    assert f"`cp -r {matrix} matrix`, and then --update with --matrix matrix" in refused.err
    own = installed.project / "matrix"
    shutil.copytree(matrix, own)
    (own / "profiles.yaml").write_text("profiles: [{name: default, subjects: [pure]}]\n")
    planned = installed.wheelgrid("plan", "--matrix", "matrix", "--json").out.splitlines()
    shutil.rmtree(own)
    assert {json.loads(line)["subject"] for line in planned} == {"pure"}


def test_cells_are_tests_of_the_package(installed: Installed) -> None:
    """Pytest collects them from the package's folder, in a project without tests."""
    for name in ("conftest.py", "pytest.ini"):
        (installed.project / name).unlink()
    shutil.rmtree(installed.project / "harness")
    package = installed.packages / "harness"
    words = (package, "-k", f"debian-12 and {NATIVE} and plain", "--collect-only", "-q")
    ended = installed.run("pytest", *words, options="")
    assert f"debian-12/{NATIVE}/plain" in ended.out, ended.said


def test_another_package_of_the_name(installed: Installed, tmp_path: Path) -> None:
    """Its files replace Wheelgrid's, and one line says so. Runs last: it breaks the environment."""
    other = make_wheel(tmp_path, "testbed", None, files={"harness/__init__.py": "VERSION = 3\n"})
    ended = installed.run("pip", "install", "-q", "--no-index", other)
    assert ended.status == 0, ended.said
    clash = installed.run("wheelgrid", "--help")
    file = installed.packages / "harness" / "__init__.py"
    assert (clash.status, clash.out) == (2, "")
    assert clash.err == (
        f"wheelgrid: another package is called `harness` (of testbed), in {file}; "
        "install Wheelgrid apart from it: pipx install wheelgrid\n"
    )
