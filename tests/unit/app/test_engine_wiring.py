"""Probers on the real engines."""

from pathlib import Path

import pytest

from harness.app.engine_wiring import open_prober
from harness.app.prober_options import ProberOptions
from harness.core.cells import Outcome
from harness.host.package_data import matrix_folder
from harness.matrix.files import load_matrix
from harness.matrix.plan import Selection, plan_cells
from harness.probe.journal import Journal


def test_an_engine_that_is_gone_is_the_reason_of_each_cell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It answered when the run began, and not when pytest did: no cell is without a result."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/gone.sock")
    matrix = load_matrix(matrix_folder())
    cells = plan_cells(matrix, Selection(targets=("debian-1[23]",), subjects=("plain",)))
    options = ProberOptions(matrix_folder=matrix_folder())
    with open_prober(matrix, options, Journal(tmp_path / "journal.jsonl")) as prober:
        seen = [prober.observe(cell) for cell in cells]
    assert {(each.outcome, each.cause) for each in seen} == {(Outcome.MISS, "infra:engine")}
    assert all("gone.sock" in each.evidence for each in seen)
    assert len(seen) > 1
