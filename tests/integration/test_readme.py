"""The console blocks of README and of the first steps work in a folder with ``dist/``."""

import os
import re
from pathlib import Path

import pytest

from tests.support.commands import HARNESS, ROOT, run_to_end
from tests.support.wheels import make_wheel

pytestmark = pytest.mark.integration

DOCUMENTS = ("README.md", "harness/guide/first-steps.md")
TAG = "cp313-cp313-manylinux_2_17_x86_64"
"""Of a wheel that fits few targets, so that a check of it is short."""


def commands_of(document: str) -> list[str]:
    """Return the lines of its console blocks that call ``wheelgrid``."""
    blocks = re.findall(r"(?ms)^```console\n(.*?)^```", (ROOT / document).read_text("utf-8"))
    lines = [line.removeprefix("$ ") for block in blocks for line in block.splitlines()]
    return [line for line in lines if line.startswith("wheelgrid ")]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_commands_end_as_expected(document: str, tmp_path: Path) -> None:
    """Each line runs after the one before, as a reader types them."""
    (tmp_path / "dist").mkdir()
    make_wheel(tmp_path / "dist", "demo", "def add(a, b):\n    return a + b\n", tag=TAG)
    lines = commands_of(document)
    assert len(lines) >= 3
    shell = f'wheelgrid() {{ {" ".join(HARNESS)} "$@"; }}'
    for line in lines:
        ended = run_to_end(
            ("bash", "-c", f"{shell}; {line}"),
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            timeout=900,
        )
        assert ended.status == 0, f"{line}\n{ended.said}"


def test_commands_of_a_clone_are_those_that_ci_runs() -> None:
    """The two commands of README: CI runs the same environments of tox."""
    (block, *_) = re.findall(
        r"(?ms)^```console\n(.*?)^```", (ROOT / "README.md").read_text("utf-8")
    )
    ran = (ROOT / ".ci" / "run").read_text("utf-8")
    wanted = ['tox" run -e grid', 'tox" run']
    assert [line.rpartition("/")[2] for line in block.splitlines()] == ["tox -e grid", "tox"]
    assert all(f"bin/{words}" in ran for words in wanted)
