"""The command line for pytest, following its journal, and interrupting it."""

import io
import json
import signal
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from harness.app.prober_options import ProberOptions, read_options
from harness.app.pytest_driver import (
    LOG,
    PytestEnd,
    RunOptions,
    drive,
    prepare_out,
    pytest_words,
    write_cells,
)
from harness.core.cells import Outcome
from harness.core.engine_places import parse_place
from harness.core.errors import UsageError
from harness.host.engine import ContainerLimits
from harness.host.process import start_process
from harness.matrix.cell_list import load_cells
from harness.probe.result_keys import ProbeLimits
from harness.report.console import Console
from harness.results.run_state import RunState
from tests.support.cells import FILE, expect, make_cell

PHASE = json.dumps({"event": "phase", "worker": "gw0", "phase": "images", "seconds": 2.0})
JOURNALIST = f"""
import pathlib, sys, time
print("collecting")
pathlib.Path(sys.argv[1], "journal.jsonl").write_text('{PHASE}\\n')
try:
    time.sleep(float(sys.argv[2]))
except KeyboardInterrupt:
    print("tidying up")
    time.sleep(float(sys.argv[3]))
    sys.exit(2)
"""


def follow(
    out: Path, seconds: float, tidying: float = 0.0, *, script: str = JOURNALIST
) -> tuple[PytestEnd, RunState, str]:
    state, page = RunState(()), io.StringIO()
    words = [sys.executable, "-uc", script, str(out), str(seconds), str(tidying)]
    ending = drive(
        start_process(words, output=out / LOG), state, out, Console(file=page, width=1000)
    )
    return ending, state, page.getvalue()


def press_ctrl_c(*after: float) -> None:
    for seconds in after:
        threading.Timer(seconds, signal.raise_signal, [signal.SIGINT]).start()


def test_journal_is_read_to_its_end(tmp_path: Path) -> None:
    """All events are read when pytest ends, and its output is in the log."""
    ending, state, _ = follow(tmp_path, 0)
    assert ending == PytestEnd(status=0, interrupted=False)
    assert state.phases == {"images": 2.0}
    assert (tmp_path / "pytest.log").read_text() == "collecting\n"


def test_damaged_lines_are_reported_once(tmp_path: Path) -> None:
    """The other events are read, and the number of damaged lines is printed."""
    script = JOURNALIST.replace("\\n'", "\\n{\\n[]\\n'")
    ending, state, page = follow(tmp_path, 0, script=script)
    assert (ending.status, state.phases) == (0, {"images": 2.0})
    assert (
        page.count(f"{tmp_path}/journal.jsonl: skipped lines of killed workers or a full disk: 2")
        == 1
    )


def test_first_ctrl_c_waits_for_pytest(tmp_path: Path) -> None:
    """Pytest gets the first Ctrl-C and can clean up; results are kept."""
    press_ctrl_c(1.0)
    ending, state, _ = follow(tmp_path, 60)
    assert ending == PytestEnd(status=2, interrupted=True)
    assert state.phases == {"images": 2.0}
    assert "tidying up" in (tmp_path / "pytest.log").read_text()


def test_second_ctrl_c_does_not_wait(tmp_path: Path) -> None:
    """The second Ctrl-C kills pytest immediately; results are kept."""
    press_ctrl_c(1.0, 1.6)
    ending, state, _ = follow(tmp_path, 60, tidying=60)
    assert ending == PytestEnd(status=-1, interrupted=True)
    assert state.phases == {"images": 2.0}


def test_command_line_for_pytest(tmp_path: Path) -> None:
    """Pytest gets every option of the prober as it is."""
    prober = ProberOptions(
        matrix_folder=Path("/m"), config=Path("/p/wheelgrid.toml"), images="registry",
        registry="localhost:5000/x", runtime="crun", require_hardening=True, require_nogil=True,
        canaries=True,
        limits=ProbeLimits(
            timeout=5.5, container=ContainerLimits(memory=1 << 31, tmpfs=1 << 30), own_pip=True
        ),
        engines=(parse_place("arm64=ssh://arm1"), parse_place("s390x=z-lab")),
    )  # fmt: skip
    for options in (ProberOptions(), prober):
        run = RunOptions(prober=options, out=tmp_path, workers=2)
        words = pytest_words(run, tmp_path / "cells.json")
        start = words.index(sys.executable)
        assert words[start + 1 : start + 3] == ["-m", "pytest"]
        assert Path(words[start + 3]).name == "test_matrix.py"
        assert f"--wheelgrid-cells={tmp_path}/cells.json" in words
        assert not [word for word in words if word.startswith("--wheelgrid-store")]
        (given,) = (word for word in words if word.startswith("--wheelgrid-options="))
        assert read_options(given.partition("=")[2]) == options


def test_store_is_reused_unless_all_is_measured(tmp_path: Path) -> None:
    """Pytest gets the store, unless the run measures all cells."""
    stored = RunOptions(
        prober=ProberOptions(matrix_folder=Path("/m")),
        out=tmp_path,
        workers=2,
        store=tmp_path / "s.db",
    )
    memory = f"--wheelgrid-store={tmp_path}/s.db"
    assert memory in pytest_words(stored, tmp_path / "cells.json")
    assert memory not in pytest_words(replace(stored, remeasure=True), tmp_path / "cells.json")


def test_out_directory_that_cannot_be_written(tmp_path: Path) -> None:
    """It is a usage error before anything runs."""
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=r"file/out: cannot be written: Not a directory; choose"):
        prepare_out(tmp_path / "file" / "out")


def test_files_of_an_earlier_run_are_removed(tmp_path: Path) -> None:
    """Only the files of a run are removed."""
    for name in ("journal.jsonl", "run.json", "junit.xml", LOG, "mine.txt"):
        (tmp_path / name).touch()
    prepare_out(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_cells_round_trip(tmp_path: Path) -> None:
    """Cells are written completely: subjects outside of the matrix, and expectations."""
    cells = (make_cell(expectation=expect(Outcome.CRASHED)), make_cell(source=FILE, subject="x-1"))
    assert load_cells(write_cells(tmp_path, cells).read_bytes()) == cells
