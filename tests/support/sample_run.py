"""A small grid with every outcome, and golden files of reports."""

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.core.cells import Cell, Expectation, Outcome, Stage
from harness.core.observations import ImageRef, Observation, Provenance
from harness.core.subjects import FixtureSource, IndexSource, Subject
from harness.core.targets import ImageWay
from harness.results.grid import Grid, build_grid
from tests.support.targets import make_target

GOLDEN = Path(__file__).parents[1] / "data" / "report"
TARGETS = (
    ("debian-12", "3.11", "x86_64", ImageWay.REGISTRY),
    ("debian-12", "3.11", "s390x", ImageWay.ASSEMBLED),
    ("debian-13", "3.13", "x86_64", ImageWay.REGISTRY),
    ("debian-13", "3.13", "riscv64", ImageWay.REPLICA),
)


SUBJECTS = (
    ("plain", FixtureSource(project="plain", builder="cross-glibc")),
    ("threads", FixtureSource(project="threads", builder="cross-glibc")),
    ("numpy", IndexSource(name="numpy", version="2.4.6")),
    ("pyyaml", IndexSource(name="pyyaml", version="6.0.3")),
)


HOSTILE = "\x1b[2J\x1b]0;owned\x07 [bold red]markup[/] \u202egnp.exe\nsecond line \x00"
SEEN: dict[str, tuple[Outcome, Stage, str, str]] = {
    "debian-12/s390x/plain": (Outcome.IMPORT_FAILED, Stage.IMPORT, "", HOSTILE),
    "debian-12/s390x/threads": (Outcome.CRASHED, Stage.CALL, "", "killed by SIGSEGV after 0.4 s"),
    "debian-12/s390x/pyyaml": (
        Outcome.TIMEOUT,
        Stage.CALL,
        "",
        "no answer within 120 s; " + "a word more, and " * 20 + "the end",
    ),
    "debian-12/x86_64/pyyaml": (Outcome.INSTALL_FAILED, Stage.INSTALL, "", "ERROR: bad RECORD"),
    "debian-13/x86_64/plain": (Outcome.MISS, Stage.WHEEL, "infra:build", "plain does not build"),
    "debian-13/x86_64/numpy": (Outcome.REFUSED, Stage.WHEEL, "tag-refused", "wheels for cp314"),
    "debian-13/riscv64/numpy": (Outcome.REFUSED, Stage.WHEEL, "tag-refused", "none for riscv64"),
    "debian-13/riscv64/pyyaml": (Outcome.CALL_FAILED, Stage.CALL, "", "AssertionError: order"),
}


NOT_RUN = "debian-13/riscv64/plain"
EXPECTED = {"debian-12/s390x/threads": Outcome.CRASHED, "debian-12/x86_64/threads": Outcome.TIMEOUT}


PASSPORT = "0123456789abcdef"
"""Id of the passport that all of them were seen under."""


@pytest.fixture
def grid() -> Grid:
    """Four targets, four subjects: every outcome and every verdict is there once."""
    cells = [
        make_cell(target, subject, source) for target in TARGETS for subject, source in SUBJECTS
    ]
    ways = {f"{name}/{arch}": way for name, _, arch, way in TARGETS}
    seen = [make_observation(c.id, ways[c.target.key]) for c in cells if c.id != NOT_RUN]
    return build_grid(cells, seen)


def make_cell(
    target: tuple[str, str, str, ImageWay], subject: str, source: FixtureSource | IndexSource
) -> Cell:
    name, python, arch, _ = target
    group = "fixture projects" if isinstance(source, FixtureSource) else "package index"
    expected = EXPECTED.get(f"{name}/{arch}/{subject}")
    expectation = None
    if expected:
        expectation = Expectation(
            target=name,
            arch=arch,
            subject=subject,
            outcome=expected,
            reason="the emulator loses a thread",
            link="https://example.invalid/1",
            where="matrix/expectations.yaml:3",
        )
    return Cell(
        target=make_target(f"{name}/{arch}", python=python, allow_failure=arch == "riscv64"),
        subject=Subject(id=subject, group=group, source=source, imports=(subject,)),
        expectation=expectation,
    )


def make_observation(cell: str, way: ImageWay) -> Observation:
    outcome, stage, cause, evidence = SEEN.get(cell, (Outcome.PASS, Stage.CALL, "", ""))
    return Observation(
        cell=cell,
        outcome=outcome,
        stage=stage,
        cause=cause,
        evidence=evidence,
        log=f"Collecting\n{evidence}\n",
        seconds={"probe": 1.25, "total": 1.5},
        measured_at="2026-11-02T10:00:00+00:00",
        provenance=Provenance(
            image=ImageRef(id="sha256:12", way=way, origin="somewhere"), passport_id=PASSPORT
        ),
    )


@pytest.fixture
def golden(pytestconfig: pytest.Config) -> Callable[[str, str], None]:
    """Compare a text with its golden file."""

    def compare(name: str, text: str) -> None:
        path = GOLDEN / name
        if pytestconfig.getoption("--update-golden", default=False):
            path.write_text(text, "utf-8")
        assert text == path.read_text("utf-8")

    return compare
