"""All messages for mistakes on the command line and in the matrix, in one golden file.

``pytest tests/unit/cli/test_messages.py --update-golden`` rewrites ``tests/data/messages.txt``.
"""

import os
import re
import shlex
import sqlite3
from pathlib import Path
from unittest.mock import patch

import pytest

from harness.cli import execute
from harness.results.grid import build_grid
from harness.results.runfile import Circumstances, record_run, write_run
from harness.store import open_store
from tests.support.cells import cells
from tests.support.cli import write_matrix
from tests.support.commands import ROOT
from tests.support.mistakes import COMMANDS, CONFIGS, EDITS, MATRIX, WITHOUT_MATRIX
from tests.support.wheels import make_wheel

GOLDEN = ROOT / "tests/data/messages.txt"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the current directory with all files that the commands name; there is no engine."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/engine.sock")
    monkeypatch.setenv("WHEELGRID_STORE", "none.db")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("LC_ALL", "C")
    _write_matrix(tmp_path)
    _write_wheels(tmp_path)
    _write_runs(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "releases.txt").write_text("numpy\ndist/a.whl\nnumpy>=2\nnumpy==new\n")
    (tmp_path / "locked.txt").write_text("numpy==2.4.6\n")
    (tmp_path / "unlocked.txt").write_text("numpy>=2\n-r locked.txt\n-x\nnumpy=2\n")
    (tmp_path / "pylock.toml").write_text('lock-version = "1.0"\n')
    constraints = "numpy<2\n-r other.txt\nsix[x]\n"
    (tmp_path / "constraints.txt").write_text(constraints)
    return tmp_path


def _write_matrix(folder: Path) -> None:
    write_matrix(folder / "matrix", MATRIX)
    lock = '{"generated": "2026-01-01", "releases": {"pure-c==1.0": []}}'
    (folder / "matrix/index.lock.json").write_text(lock)


def _write_wheels(folder: Path) -> None:
    make_wheel(folder, "good", "x = 1")
    (folder / "text-1.0-py3-none-any.whl").write_text("hello")
    cut = make_wheel(folder, "cut", "x = 1\n" * 1000)
    cut.write_bytes(cut.read_bytes()[:-100])
    make_wheel(folder, "one", "x = 1").rename(folder / "good-1.0-any.whl")


def _write_runs(folder: Path) -> None:
    planned = cells(1)
    how = Circumstances(harness="1", started_at="2026-01-01T02:00:00", seconds=1, workers=1)
    with open_store(folder / "runs.db", write=True) as store:
        info = store.begin(planned, label="", started_at=how.started_at)
        store.end(info, how, 3)
    write_run(folder / "newer.json", record_run(build_grid(planned, []), how))
    newer = (folder / "newer.json").read_text()
    (folder / "newer.json").write_text(re.sub(r'"schema": *\d+', '"schema": 99', newer))
    (folder / "half.json").write_text("{")
    (folder / "list.json").write_text("[]")
    with sqlite3.connect(folder / "other.db") as other:
        other.execute("CREATE TABLE t (x)")
    other.close()


def test_messages(
    folder: Path, capsys: pytest.CaptureFixture[str], pytestconfig: pytest.Config
) -> None:
    """Every mistake ends with code 2 or 3, the golden message and no file."""
    blocks = []
    files = set(folder.rglob("*"))
    for line in COMMANDS.splitlines():
        words = shlex.split(line)
        known = words[0] in WITHOUT_MATRIX or "--matrix" in words
        with patch.dict(os.environ):  # options for mirrors are passed on by the environment
            status = execute(words if known else [*words, "--matrix", "matrix"])
        blocks.append(_block(f"wheelgrid {line}", status, capsys, folder))
    assert {path.name for path in {*folder.rglob("*")} - files} <= {"runs.db-shm", "runs.db-wal"}
    for name, old, new in EDITS:
        assert old in MATRIX[name]
        file = folder / f"matrix/{name}.yaml"
        if new is None:
            file.unlink()
        else:
            file.write_text(MATRIX[name].replace(old or MATRIX[name], new, 1))
        status = execute(["plan", "--matrix", "matrix"])
        blocks.append(_block(f"{name}.yaml: {old!r} → {new!r}", status, capsys, folder))
        _write_matrix(folder)
    for config in CONFIGS:
        (folder / "wheelgrid.toml").write_text(config)
        status = execute(["plan", "--matrix", "matrix"])
        blocks.append(_block(f"wheelgrid.toml: {config!r}", status, capsys, folder))
    text = "\n".join(blocks)
    if pytestconfig.getoption("--update-golden"):
        GOLDEN.write_text(text, "utf-8")
    assert text == GOLDEN.read_text("utf-8")


def _block(title: str, status: int, capsys: pytest.CaptureFixture[str], folder: Path) -> str:
    """Return one paragraph: the mistake, the exit code, the text on standard error."""
    out, said = capsys.readouterr()
    assert status in (2, 3), f"{title}: exit code {status}: {said}"
    assert out == "", title
    assert "Traceback" not in said
    assert "secret" not in said
    said = said.replace(str(folder), "HERE").replace(str(ROOT), "CHECKOUT")
    said = re.sub(r"\d{8}T\d{6}-[0-9a-f]{8}", "RUN", said)
    return f"{title}  (exit code {status})\n{said}"
