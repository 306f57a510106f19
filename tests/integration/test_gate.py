"""The release gate with a real engine: wheels of one's own held against a released one."""

import json
from pathlib import Path

import pytest

from harness.images.debian_root import native_arch
from tests.support.commands import Ended, wheelgrid
from tests.support.wheels import make_wheel

pytestmark = pytest.mark.integration

RELEASED = "markupsafe==3.0.4"
WORKS = "def escape(text): return text"


def gate(folder: Path, *words: object) -> Ended:
    """Check the wheels in ``folder`` against a release, on one native target."""
    here = ("--images", "assembled", "--target", "debian-12", "--arch", native_arch().name)
    kept = ("--out", folder / "grid", "--store", folder / "store.db")
    return wheelgrid("check", folder, "--against", RELEASED, *here, *kept, *words)


def test_a_wheel_that_works_as_before(tmp_path: Path) -> None:
    """Both are in one table, and nothing is worse."""
    make_wheel(tmp_path, "markupsafe", WORKS)
    ended = gate(tmp_path, "--call", "markupsafe.escape('a') == 'a'")
    assert ended.status == 0, ended.said
    assert "  markupsafe-1.0" in ended.out
    assert "  markupsafe-3.0.4" in ended.out
    assert "0 cells worse, 0 better" in ended.out


def test_a_wheel_that_breaks(tmp_path: Path) -> None:
    """It is told with what it was and the key line, and ``run.json`` says the same exit code."""
    make_wheel(tmp_path, "markupsafe", "raise ImportError('broken on purpose')")
    ended = gate(tmp_path)
    assert ended.status == 1
    assert "markupsafe-1.0  pass → import-failed" in ended.out
    assert "broken on purpose" in ended.out
    assert "1 cells worse, 0 better" in ended.out
    assert json.loads((tmp_path / "grid" / "run.json").read_text())["exit_code"] == 1


def test_what_is_declared(tmp_path: Path) -> None:
    """A failure that a file declares does not fail the gate; a file that meets nothing is told."""
    make_wheel(tmp_path, "markupsafe", "raise ImportError('broken on purpose')")
    declared = tmp_path / "known.yaml"
    declared.write_text(
        "expectations:\n- target: debian-12\n  arch: '*'\n  subject: markupsafe-1.0\n"
        "  outcome: import-failed\n  reason: it is broken\n  link: https://example.invalid/1\n"
    )
    assert gate(tmp_path, "--expect", declared).status == 0
    declared.write_text(declared.read_text().replace("markupsafe-1.0", "another"))
    ended = gate(tmp_path, "--expect", declared)
    assert ended.status == 2
    assert "known.yaml:2: meets no cell; the subjects here are markupsafe-1.0" in ended.err


def test_a_platform_that_loses_its_wheel(tmp_path: Path) -> None:
    """A wheelhouse without a wheel for this arch is told as what it means to its users."""
    make_wheel(tmp_path, "markupsafe", WORKS, tag="cp311-cp311-manylinux_2_17_mips64")
    ended = gate(tmp_path)
    assert ended.status == 1
    assert f"{native_arch().name} (glibc) users would fall back to the sdist" in ended.out
    assert gate(tmp_path, "--partial").status == 0


def test_another_project(tmp_path: Path) -> None:
    """A release of another project is a mistake, told before anything is run."""
    make_wheel(tmp_path, "other", "")
    ended = gate(tmp_path)
    assert ended.status == 2
    assert "markupsafe is not among the new wheels: other-1.0" in ended.err
