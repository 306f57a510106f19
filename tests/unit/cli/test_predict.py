"""``wheelgrid predict`` on the committed matrix and its passports."""

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
