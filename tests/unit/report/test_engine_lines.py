"""The line about each engine that ran cells."""

from dataclasses import replace

from harness.core.cells import Cell, Outcome, Stage
from harness.core.observations import Attempt, AttemptMode, Observation, Provenance
from harness.report.engine_lines import format_engines
from harness.results.grid import build_grid
from tests.support.cells import make_subject
from tests.support.targets import make_target

TARGETS = [make_target(f"debian-1{number}/aarch64") for number in range(4)]
CELLS = [Cell(target=target, subject=make_subject("demo")) for target in TARGETS]
ATTEMPT = Attempt(mode=AttemptMode.SESSION, outcome=Outcome.PASS, stage=Stage.IMPORT, seconds=1.0)


def seen(cell: Cell, engine: str, qemu: str = "") -> Observation:
    return Observation(
        cell=cell.id,
        outcome=Outcome.PASS,
        stage=Stage.IMPORT,
        attempts=(ATTEMPT,),
        provenance=Provenance(engine_at=engine, qemu=qemu),
    )


def test_each_engine_is_named_with_its_cells() -> None:
    observations = [
        seen(CELLS[0], "ssh://arm1"),
        seen(CELLS[1], "ssh://arm1"),
        seen(CELLS[2], "", qemu="7.2"),
        replace(seen(CELLS[3], "ssh://arm2"), cached=True),
    ]
    assert list(format_engines(build_grid(CELLS, observations))) == [
        "this machine's engine: 0 cells native, 1 emulated",
        "engine ssh://arm1: 2 cells native, 0 emulated",
    ]


def test_one_engine_is_not_worth_a_line() -> None:
    assert list(format_engines(build_grid(CELLS, [seen(CELLS[0], "", qemu="7.2")]))) == []
