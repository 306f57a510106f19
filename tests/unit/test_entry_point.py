"""The console script, which looks for another package called ``harness``."""

import os
import sys
from pathlib import Path

import pytest

from tests.support.commands import ROOT, Ended, run_to_end


def start(first: Path) -> Ended:
    """Run ``wheelgrid --version`` with the folder ``first`` before the checkout on the path."""
    script = ROOT / "harness" / "console_script.py"
    env = {**os.environ, "PYTHONPATH": f"{first}{os.pathsep}{ROOT}", "PYTHONSAFEPATH": "1"}
    return run_to_end((sys.executable, script, "--version"), cwd=first, env=env)


def test_own_package_is_started(tmp_path: Path) -> None:
    ended = start(tmp_path)
    assert (ended.status, ended.err) == (0, "")
    assert ended.out.startswith("wheelgrid, version ")


@pytest.mark.parametrize(
    ("code", "what"),
    [
        ("__version__ = '9'", "in {file}"),
        ("import a_missing_library", "which raises ModuleNotFoundError"),
    ],
    ids=["another package", "a package that does not import"],
)
def test_another_package_is_reported_in_one_line(tmp_path: Path, code: str, what: str) -> None:
    """The line has its place and the command that avoids the clash."""
    file = tmp_path / "harness" / "__init__.py"
    file.parent.mkdir()
    file.write_text(code)
    ended = start(tmp_path)
    assert (ended.status, ended.out) == (2, "")
    assert ended.err == (
        f"wheelgrid: another package is called `harness`, {what.format(file=file)}; "
        "install Wheelgrid apart from it: pipx install wheelgrid\n"
    )
