"""The release gate with a real engine: new wheels compared with a release."""

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
    """Check the wheels in ``folder`` against a release on one native target."""
    here = ("--images", "assembled", "--target", "debian-12", "--arch", native_arch().name)
    kept = ("--out", folder / "grid", "--store", folder / "store.db")
    return wheelgrid("check", folder, "--against", RELEASED, *here, *kept, *words)


def test_an_unchanged_wheel_passes(tmp_path: Path) -> None:
    """Both versions are in one table, and nothing got worse."""
    make_wheel(tmp_path, "markupsafe", WORKS)
    ended = gate(tmp_path, "--call", "markupsafe.escape('a') == 'a'")
    assert ended.status == 0, ended.said
    assert "  markupsafe-1.0" in ended.out
    assert "  markupsafe-3.0.4" in ended.out
    assert "0 cells worse, 0 better" in ended.out


def test_a_regression_fails_the_gate(tmp_path: Path) -> None:
    """The report has the old outcome and the key line; ``run.json`` has the same exit code."""
    make_wheel(tmp_path, "markupsafe", "raise ImportError('broken on purpose')")
    ended = gate(tmp_path)
    assert ended.status == 1
    assert "markupsafe-1.0  pass → import-failed" in ended.out
    assert "broken on purpose" in ended.out
    assert "1 cells worse, 0 better" in ended.out
    assert json.loads((tmp_path / "grid" / "run.json").read_text())["exit_code"] == 1


def test_declared_failures_pass(tmp_path: Path) -> None:
    """A declared failure passes the gate; a declaration without a cell is reported."""
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
    assert "known.yaml:2: matches no cell; the subjects are markupsafe-1.0" in ended.err


def test_a_lost_platform_fails_the_gate(tmp_path: Path) -> None:
    """A missing wheel for an arch is reported with its effect on users."""
    make_wheel(tmp_path, "markupsafe", WORKS, tag="cp311-cp311-manylinux_2_17_mips64")
    ended = gate(tmp_path)
    assert ended.status == 1
    assert f"{native_arch().name} (glibc) users would fall back to the sdist" in ended.out
    assert gate(tmp_path, "--partial").status == 0


def test_another_project_is_refused(tmp_path: Path) -> None:
    """A release of another project is a usage error before any cell runs."""
    make_wheel(tmp_path, "other", "")
    ended = gate(tmp_path)
    assert ended.status == 2
    assert "markupsafe is not among the new wheels: other-1.0" in ended.err
