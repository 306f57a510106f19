"""The recipe for cibuildwheel, read by cibuildwheel's own option parser."""

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cibuildwheel.audit import needs_audit
from cibuildwheel.options import CommandLineArguments, Options
from cibuildwheel.util.helpers import prepare_command

from harness.cli import execute
from tests.support.commands import ROOT
from tests.support.elves import module
from tests.support.wheels import write_demo

if TYPE_CHECKING:
    from cibuildwheel.options import BuildOptions

GUIDE = ROOT / "harness" / "guide" / "how-to" / "cibuildwheel.md"


@pytest.fixture
def options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> "BuildOptions":
    """Return what cibuildwheel reads from the recipe for one Linux build."""
    (recipe,) = re.findall(r"```toml\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL)
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "demo"\n' + recipe)
    monkeypatch.chdir(tmp_path)
    words = CommandLineArguments.defaults()
    read = Options(platform="linux", command_line_arguments=words, env={})
    found: BuildOptions = read.build_options("cp311-manylinux_x86_64")
    return found


def test_recipe_is_read(options: "BuildOptions") -> None:
    """Requirements and commands arrive one by one; the default audit stays."""
    assert options.audit_requires == ["abi3audit", "wheelgrid"]
    assert options.audit_command == [
        "abi3audit --strict --report {abi3_wheel}",
        "wheelgrid predict --no-deps {wheel}",
    ]
    assert needs_audit(options.audit_command, "demo-1.0-cp311-cp311-linux_x86_64.whl")


@pytest.mark.parametrize(("name", "status"), [("gnu", 0), ("musl", 1)])
def test_command_of_the_recipe(
    options: "BuildOptions", tmp_path: Path, name: str, status: int
) -> None:
    """It fails for a wheel whose module no CPython on glibc reads."""
    member = f"demo/_core.cpython-311-x86_64-linux-{name}.so"
    files = (("demo/__init__.py", b"from demo import _core"), (member, module("_core")))
    wheel = write_demo(tmp_path, *files, python="cp311", platform="manylinux_2_17_x86_64")
    command = prepare_command(options.audit_command[1], wheel=wheel, abi3_wheel=wheel)
    program, *more = shlex.split(command)
    assert (program, execute(more)) == ("wheelgrid", status)
