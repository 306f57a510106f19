"""The lines below the grid of a run."""

from dataclasses import replace

from harness.core.cells import Cell, Outcome, Stage
from harness.core.errors import ExitCode
from harness.core.observations import Attempt, AttemptMode, ImageRef, Observation, Provenance
from harness.core.own_tests import OwnTests, SuiteResult
from harness.core.subjects import WheelRef
from harness.core.targets import ImageWay
from harness.images.source import SUBSTITUTED
from harness.report.predictions import format_explanation, shown_imports
from harness.report.run_lines import (
    format_deviations,
    format_engines,
    format_imports,
    format_phases,
    format_reused,
    format_tests,
)
from harness.results.grid import Grid, build_grid, exit_code
from harness.results.runfile import Circumstances
from tests.support.cells import FILE, cells, make_cell, make_subject, see
from tests.support.targets import make_target

WHEEL = WheelRef(filename="demo-1.0-py3-none-any.whl", sha256="0", size=1, path="demo")
NAMES = tuple(f"demo.m{n}" for n in range(8))


def test_lines_of_inferred_imports() -> None:
    """A subject has a line for each list of names; given imports have none."""
    first, second = cells(2)
    inferred = replace(first.subject, imports=())
    pair = [replace(first, subject=inferred), replace(second, subject=inferred)]
    seen = Observation(cell=pair[0].id, outcome=Outcome.PASS, stage=Stage.CALL, wheel=WHEEL)
    for imports, shown in (
        (NAMES, "demo.m0, demo.m1, demo.m2, demo.m3, demo.m4, demo.m5 and 2 more"),
        (("demo\x1b[31m",), r"demo\x1b[31m"),
        ((), "nothing, for it has no module"),
    ):
        grid = build_grid(pair, [replace(seen, imports=imports)])
        assert format_imports(grid) == f"imported of {inferred.id}: {shown}"
        assert shown_imports(imports) == shown
        told = f"imports   {shown[:20]}" in format_explanation(grid.cells[0], width=100)
        assert told is bool(imports)
    assert format_imports(build_grid([first], [replace(seen, cell=first.id)])) == ""


def test_phases() -> None:
    """Work is summed over the workers and shown with the elapsed time."""
    circumstances = Circumstances(
        harness="1",
        started_at="",
        seconds=190.2,
        workers=2,
        phases={"images": 212.4, "wheels": 40.0},
    )
    said = format_phases(circumstances)
    assert said == "images 212 s, wheels 40 s of work; 190 s elapsed on 2 workers"


def test_reused_and_native_results_are_counted(grid: Grid) -> None:
    """With the option that measures again."""
    attempt = Attempt(mode=AttemptMode.NATIVE, outcome=Outcome.PASS, stage=Stage.CALL, seconds=0.1)

    def said(**fields: object) -> str:
        cells = tuple(
            replace(
                cell,
                observation=replace(cell.observation, attempts=(attempt,), **fields),  # type: ignore[arg-type]
            )
            for cell in grid.cells
            if cell.observation
        )
        return format_reused(replace(grid, cells=cells))

    assert said() == (
        "15 wheels were installed without emulation by the same pip with the target's tags; "
        "--own-pip emulates it"
    )
    shared = "15 cells were measured on another target with the same image"
    assert said(measured_on="a/b/c") == shared
    assert "wheels were installed" not in said(cached=True, measured_at="2026-11-02T10:00")


def test_deviating_packages_are_reported(grid: Grid) -> None:
    """One line per reason, with the targets."""
    assert format_deviations(grid) == ""
    said = format_deviations(made_of(grid, f"Debian trixie 5f{SUBSTITUTED}as locked on 2026-11-28"))
    (line,) = said.splitlines()
    assert line.startswith("debian-12/x86_64, debian-12/s390x, ")
    assert line.endswith(": packages as locked on 2026-11-28")


def made_of(grid: Grid, origin: str) -> Grid:
    """Return the grid as if all its images had that origin."""
    image = ImageRef(id="sha256:0", way=ImageWay.ASSEMBLED, origin=origin)
    seen = [cell.observation for cell in grid.cells if cell.observation]
    return build_grid(
        [cell.cell for cell in grid.cells],
        [replace(o, provenance=replace(o.provenance, image=image)) for o in seen],
    )


def own_cell(name: str) -> Cell:
    cell = make_cell(subject=name, source=FILE)
    return replace(cell, subject=replace(cell.subject, tests=OwnTests(command=("pytest",))))


def suite_seen(cell: Cell, outcome: Outcome, tests: SuiteResult | None = None) -> Observation:
    return replace(see(cell, outcome), stage=Stage.TEST, tests=tests)


def test_a_line_per_cell() -> None:
    """Each says the counts, or why there are none; hostile text is escaped."""
    cells = [own_cell(name) for name in ("good", "bad", "none", "refused", "broken", "open")]
    good, bad, none, refused, broken, _ = cells
    grid = build_grid(
        (*cells, make_cell(subject="untested")),
        [
            suite_seen(good, Outcome.PASS, SuiteResult(passed=3, skipped=1)),
            suite_seen(
                bad, Outcome.TEST_FAILED, SuiteResult(failed=1, unread="it is no XML: \x1b")
            ),
            suite_seen(none, Outcome.PASS),
            suite_seen(refused, Outcome.REFUSED),
            see(broken, Outcome.IMPORT_FAILED),
        ],
    )
    unread = "their report was not read to its end"
    assert format_tests(grid).splitlines() == [
        "tests",
        "  debian-12/s390x/good  pass: 3 passed, 1 skipped",
        f"  debian-12/s390x/bad  test-failed: 1 failed; {unread}: it is no XML: \\x1b",
        "  debian-12/s390x/none  pass: without a JUnit report",
        "  debian-12/s390x/refused  not run: what they require cannot be installed",
        "  debian-12/s390x/broken  not run: import-failed (import)",
    ]


def test_tests_that_run_nowhere() -> None:
    """A misspelled requirement is no success: nothing was tested."""
    pair = [own_cell("one"), own_cell("two")]
    refused = [suite_seen(cell, Outcome.REFUSED) for cell in pair]
    grid = build_grid(pair, refused)
    assert format_tests(grid).splitlines()[-1] == (
        "  They ran on no target: see the names and versions in --test-requires."
    )
    assert exit_code(grid) is ExitCode.NOTHING_CAN_BE_SAID
    somewhere = build_grid(pair, [refused[0], suite_seen(pair[1], Outcome.PASS)])
    assert exit_code(somewhere) is ExitCode.AS_EXPECTED
    assert "They ran" not in format_tests(somewhere)


def test_nothing_without_tests() -> None:
    """A run without own tests has no such lines."""
    cell = make_cell()
    assert format_tests(build_grid((cell,), [see(cell, Outcome.PASS)])) == ""


TARGETS = [make_target(f"debian-1{number}/aarch64") for number in range(4)]
CELLS = [Cell(target=target, subject=make_subject("demo")) for target in TARGETS]
ATTEMPT = Attempt(mode=AttemptMode.SESSION, outcome=Outcome.PASS, stage=Stage.IMPORT, seconds=1.0)


def measured_on(cell: Cell, engine: str, qemu: str = "") -> Observation:
    return Observation(
        cell=cell.id,
        outcome=Outcome.PASS,
        stage=Stage.IMPORT,
        attempts=(ATTEMPT,),
        provenance=Provenance(engine_at=engine, qemu=qemu),
    )


def test_each_engine_is_named_with_its_cells() -> None:
    observations = [
        measured_on(CELLS[0], "ssh://arm1"),
        measured_on(CELLS[1], "ssh://arm1"),
        measured_on(CELLS[2], "", qemu="7.2"),
        replace(measured_on(CELLS[3], "ssh://arm2"), cached=True),
    ]
    assert list(format_engines(build_grid(CELLS, observations))) == [
        "this machine's engine: 0 cells native, 1 emulated",
        "engine ssh://arm1: 2 cells native, 0 emulated",
    ]


def test_one_engine_has_no_line() -> None:
    assert list(format_engines(build_grid(CELLS, [measured_on(CELLS[0], "", qemu="7.2")]))) == []
