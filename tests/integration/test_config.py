"""A project's configuration with the real engine: own targets, expectations, precedence."""

from pathlib import Path

import pytest

from harness.images.debian_root import native_arch
from harness.results.grid import Verdict
from harness.results.runfile import read_run
from tests.support.commands import wheelgrid
from tests.support.wheels import make_wheel

pytestmark = pytest.mark.integration

CONFIG = f"""\
targets = ["debian-12", "our-debian"]
arches = ["{native_arch().name}"]
images = "assembled"
imports = ["demo", "demo_missing"]
dependencies = false
out = "grid"
store = "store.db"

[[own-targets]]
id = "our-debian"
title = "Our Debian"
python = "3.11"
libc = "glibc"
arches = ["{native_arch().name}"]
[own-targets.assembled]
suite = "bookworm"
packages = ["base-files", "base-passwd", "dash", "coreutils", "libc-bin", "libstdc++6", "python3",
            "python3-pip"]

[[expectations]]
target = "*debian*"
subject = "demo-*"
outcome = "import-failed"
reason = "The second module was never written."
link = "https://example.org/1"

[[expectations]]
target = "debian-11"
subject = "another-*"
outcome = "import-failed"
reason = "It matches no wheel here."
link = "https://example.org/2"
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return the folder of a project with a configuration and a wheel."""
    (tmp_path / "wheelgrid.toml").write_text(CONFIG)
    (tmp_path / "dist").mkdir()
    make_wheel(tmp_path / "dist", "demo", "x = 1")
    return tmp_path


def cells_of(project: Path) -> dict[str, tuple[str, Verdict]]:
    """Return outcome and verdict of each cell that the last run wrote."""
    cells = read_run(project / "grid/run.json").grid.cells
    return {one.cell.id: (str(one.outcome), one.verdict) for one in cells}


def test_a_check_follows_the_configuration(project: Path) -> None:
    """The project's own target is probed, and a declared failure is as expected."""
    options = ("--config", project / "wheelgrid.toml")
    env = {"WHEELGRID_STORE": ""}  # which the tests set; it would win over the file
    ended = wheelgrid("check", project / "dist", *options, env=env, timeout=600)
    assert ended.status == 0, ended.said
    here = native_arch().name
    assert cells_of(project) == {
        f"{target}/{here}/demo-1.0": ("import-failed", Verdict.AS_EXPECTED)
        for target in ("debian-12", "our-debian")
    }
    assert "wheelgrid.toml:27: this expectation matches no cell of these wheels" in ended.err
    assert "The second module was never written." in ended.out
    assert "<skipped" in (project / "grid/junit.xml").read_text()
    assert (project / "store.db").exists()

    # The command line wins: the module is not imported, so the declared failure does not happen.
    words = (*options, "--import", "demo")
    ended = wheelgrid("check", project / "dist", *words, env=env, timeout=600)
    assert ended.status == 1
    assert "2 pass (unexpected)" in ended.out
