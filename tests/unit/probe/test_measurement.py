"""Attempts at a prepared cell, with the real session and the real agent."""

from dataclasses import replace

import pytest

from harness.core.cells import Outcome, Stage
from harness.core.observations import AttemptMode, Prediction
from harness.probe.journal import Journal
from harness.probe.measurement import attempt, job_of
from harness.probe.prepared_cell import CellPreparer, PreparedCell
from harness.wheels.facts_reader import WheelReader
from tests.support.local_prober import local_cell, local_sessions, made_wheels

CRASHES = "import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)"
CONFIRMED = [AttemptMode.SESSION, AttemptMode.UNPACKED]


@pytest.mark.parametrize(
    ("predicted", "emulator", "modes"),
    [
        (Outcome.PASS, "an emulator", [*CONFIRMED, AttemptMode.OTHER_CPU]),
        (Outcome.CRASHED, "an emulator", CONFIRMED),
        (Outcome.PASS, "", CONFIRMED),
    ],
)
def test_a_crash_is_compared_with_another_cpu(
    journal: Journal, predicted: Outcome, emulator: str, modes: list[AttemptMode]
) -> None:
    """Only if an emulator may be its cause: not if the wheel's bytes predict it."""
    preparer = CellPreparer(made_wheels({"one": CRASHES}, journal), WheelReader(), journal)
    targets = local_sessions(journal, emulator=emulator)
    try:
        prepared = preparer.prepare(local_cell("one"), targets)
        assert isinstance(prepared, PreparedCell)
        said = Prediction(outcome=predicted, stage=Stage.IMPORT)
        cell = replace(prepared, predicted=said)
        attempts = attempt(cell, job_of(cell, targets), targets, preparer)
    finally:
        targets.close()
    assert [mode for mode, _ in attempts] == modes
    assert {result.outcome for _, result in attempts} == {Outcome.CRASHED}
