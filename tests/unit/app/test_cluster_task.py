"""A task of a worker."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from harness.app import cluster_task
from harness.app.cluster_task import (
    ENGINES,
    MATRIX,
    ClusterTask,
    JournalLines,
    options_here,
    run_task,
)
from harness.app.prober_options import ProberOptions
from harness.app.pytest_driver import LOG, RunOptions
from harness.core.engine_places import parse_place
from harness.core.errors import EngineError
from harness.host.process import start_process
from harness.matrix.cell_list import dump_cells
from tests.support.cells import make_cell


def test_lines_are_passed_on_once_and_whole(tmp_path: Path) -> None:
    """Each has the name of the Dask worker; damaged lines are left out."""
    path = tmp_path / "journal.jsonl"
    journal = JournalLines(path, "tcp://worker")
    assert journal.read_on() == []
    path.write_text('{"event": "phase", "worker": "gw0"}\n{"event": "ce')
    assert [json.loads(line) for line in journal.read_on()] == [
        {"event": "phase", "worker": "tcp://worker"}
    ]
    with path.open("a") as stream:
        stream.write('ll", "worker": "gw0"}\n{"event": \n[]\n')
    assert [json.loads(line)["event"] for line in journal.read_on()] == ["cell"]
    assert journal.read_on() == []
    assert [json.loads(line)["event"] for line in journal.lines] == ["phase", "cell"]


def test_cells_that_the_engine_missed_are_held_back(tmp_path: Path) -> None:
    """They are another worker's if the engine is gone; other misses are results."""
    path = tmp_path / "journal.jsonl"
    seen = [{"cell": cause, "cause": cause} for cause in ("infra:engine", "infra:index", "")]
    path.write_text("".join(json.dumps({"event": "cell", "observation": o}) + "\n" for o in seen))
    journal = JournalLines(path, "w")
    journal.read_on()
    assert [json.loads(line)["observation"]["cell"] for line in journal.missed] == ["infra:engine"]
    assert len(journal.lines) == 2


def test_paths_and_engines_are_those_of_the_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of the client are on another machine; its limits and choices hold."""
    monkeypatch.setenv(MATRIX, "/here/matrix")
    monkeypatch.setenv(ENGINES, '["s390x=lab"]')
    there = Path("/there")
    asked = ProberOptions(
        matrix_folder=there, fixtures=there, config=there / "w.toml", images="local",
        engines=(parse_place("aarch64=arm1"),),
    )  # fmt: skip
    options = RunOptions(prober=asked, out=there, workers=8, store=there / "s.db", on="tcp://a:1")
    task = ClusterTask(topic="t", cells=b"", options=options, config=("w.toml", b"x = 1"))
    here = options_here(task, tmp_path)
    assert here.prober == ProberOptions(
        matrix_folder=Path("/here/matrix"), config=tmp_path / "w.toml", images="local",
        engines=(parse_place("s390x=lab"),),
    )  # fmt: skip
    assert here == RunOptions(prober=here.prober, out=tmp_path / "grid", workers=1)
    assert (tmp_path / "w.toml").read_bytes() == b"x = 1"


def test_a_cell_without_a_result_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pytest ends like a complete run; the end of its output says what happened."""
    words = [sys.executable, "-c", "print('a worker crashed')"]
    monkeypatch.setenv(MATRIX, str(tmp_path))
    monkeypatch.setenv(ENGINES, "[]")
    monkeypatch.setattr(cluster_task, "_require_engine", lambda *_: None)
    monkeypatch.setattr(
        cluster_task, "pytest_process", lambda it, _: start_process(words, output=it.out / LOG)
    )
    options = RunOptions(prober=ProberOptions(matrix_folder=tmp_path), out=tmp_path, workers=1)
    task = ClusterTask(topic="t", cells=dump_cells([make_cell()]), options=options)
    state = SimpleNamespace(tasks={"key": SimpleNamespace(state="executing")})
    worker = SimpleNamespace(name="w", get_current_task=lambda: "key", state=state)
    with pytest.raises(EngineError, match=r"(?s)no result of 1 of 1 cells.*a worker crashed"):
        run_task(task, {}, worker)
