"""``wheelgrid predict`` on the committed matrix and its passports."""

import json
import os
import shutil
import zipfile
from pathlib import Path
from unittest.mock import patch

import pytest

from harness.cli import execute
from tests.support.loopback_index import LoopbackIndex, loopback_index
from tests.support.released import Releases
from tests.support.wheels import make_wheel

__all__ = ["loopback_index"]

ROOT = Path(__file__).parents[3]
OWN_TARGET = """\
[[own-targets]]
id = "mine"
title = "Mine"
python = "3.11"
libc = "glibc"
arches = ["x86_64"]
registry = { image = "example.org/mine:1" }
"""


@pytest.mark.parametrize(("options", "status"), [([], 0), (["--strict-wheel"], 1)])
def test_findings_count_with_strict_wheel(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], status: int
) -> None:
    """A defect is shown, and gives exit code 1 only with the option."""
    wheel = make_wheel(tmp_path, "demo", "x = 1")
    with zipfile.ZipFile(wheel, "a") as archive:
        archive.writestr("more.py", "")
    words = ["predict", str(wheel), "--target", "debian-12", "--arch", "x86_64", *options]
    assert execute(words) == status
    said = capsys.readouterr()
    assert "unrecorded-file: more.py" in said.out
    assert ("--strict-wheel: wheels with findings: 1" in said.err) is bool(options)


@pytest.mark.parametrize(("options", "other_arches"), [([], False), (["--all"], True)])
def test_targets_of_other_architectures_are_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], other_arches: bool
) -> None:
    """They are counted, and shown with ``--all``."""
    wheel = str(make_wheel(tmp_path, "demo", "x = 1", tag="cp311-cp311-manylinux2014_aarch64"))
    execute(["predict", wheel, "--target", "debian-12", "--json", *options])
    cells = [json.loads(line)["cell"] for line in capsys.readouterr().out.splitlines()]
    assert ("debian-12/aarch64/demo-1.0" in cells, len(cells) > 1) == (True, other_arches)
    execute(["predict", wheel, "--target", "debian-12", *options])
    assert ("left out: 5 targets" in capsys.readouterr().out) is not other_arches


@pytest.mark.parametrize(
    ("lines", "option", "status", "told"),
    [
        ("pure==1.0", "", 0, "yes: 1 dependency, all load"),
        ("pure==1.0\nsource==1.0", "", 0, "yes: 2 dependencies, 1 to compile"),
        ("pure==1.0\nsource==1.0", "--only-binary", 1, "no: 2 dependencies, 1 without a wheel"),
        (
            "pure==1.0\ngone==1.0",
            "",
            3,
            "debian-12/x86_64: not known: 2 dependencies",
        ),
        ("gone==1.0; sys_platform == 'win32'", "--json", 0, '"state": "not needed"'),
    ],
)
def test_lock_file(  # noqa: PLR0913 - the row of the table and three fixtures
    loopback_index: LoopbackIndex,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    *,
    lines: str,
    option: str,
    status: int,
    told: str,
) -> None:
    """The exit code is the answer; what cannot be said is no answer."""
    loopback_index.ranges = True
    releases = Releases(loopback_index, tmp_path)
    releases.add("pure")
    releases.add_sdist("source")
    lock = tmp_path / "requirements.txt"
    lock.write_text(lines)
    on = ["--target", "debian-12", "--arch", "x86_64", "--index-url", loopback_index.endpoint]
    with patch.dict(os.environ):
        assert execute(["predict", str(lock), *on, *option.split()]) == status
        assert told in capsys.readouterr().out


def test_a_lock_file_on_an_own_target(
    loopback_index: LoopbackIndex,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Its passport is the one that is recorded beside the configuration."""
    loopback_index.ranges = True
    Releases(loopback_index, tmp_path).add("pure")
    (tmp_path / "requirements.txt").write_text("pure==1.0")
    (tmp_path / "wheelgrid.toml").write_text(OWN_TARGET)
    recorded = tmp_path / "wheelgrid-passports/mine/x86_64.json"
    recorded.parent.mkdir(parents=True)
    shutil.copy(ROOT / "matrix/passports/debian-12/x86_64.json", recorded)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PIP_INDEX_URL", loopback_index.endpoint)
    assert execute(["predict", "requirements.txt", "--target", "mine"]) == 0
    assert "mine/x86_64: yes: 1 dependency, all load" in capsys.readouterr().out
