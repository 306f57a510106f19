"""``wheelgrid predict`` on the committed matrix and its passports."""

import json
import zipfile
from pathlib import Path

import pytest

from harness.cli import execute
from tests.support.wheels import make_wheel


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
