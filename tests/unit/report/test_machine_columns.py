"""Columns of machines in the grid, in ``run.json`` and in JUnit XML."""

import io
from pathlib import Path

from harness.core.cells import Cell
from harness.core.machines import Machine
from harness.report.console import Console
from harness.report.junit import junit_xml
from harness.report.table import render_table
from harness.report.target_list import folded
from harness.report.terminal import print_grid
from harness.results.grid import build_grid
from harness.results.runfile import Circumstances, read_run, record_run, write_run
from tests.support.cells import make_subject
from tests.support.targets import make_machine_target, make_target

LARGE = Machine(name="64k", title="pages of 64 KiB, as RHEL has them", page_size=65536)
TARGETS = (
    make_target("debian-13/x86_64"),
    make_target("debian-13/aarch64"),
    make_machine_target("debian-13/aarch64", LARGE),
    *(make_target(f"debian-1{n}/s390x") for n in range(4, 9)),
)
GRID = build_grid([Cell(target=t, subject=make_subject("ruff")) for t in TARGETS], [])
MANY = [make_subject(f"wheel-{n}") for n in range(40)]
"""Subjects, so many that they are the rows."""
WIDE = build_grid([Cell(target=t, subject=each) for t in TARGETS for each in MANY], [])


def lines(width: int) -> list[str]:
    return [line.plain.rstrip() for line in render_table(WIDE, width=width, plain=True)]


def test_a_wide_grid_has_the_arch_with_its_machine() -> None:
    page = "\n".join(lines(160))
    assert "x86_64 aarch64 aarch64@64k" in page
    assert page.endswith("@64k=pages of 64 KiB")


def test_a_narrow_grid_has_the_letter_with_the_machine() -> None:
    """The legend explains both parts."""
    page = lines(48)
    (letters,) = (line for line in page if line.strip().startswith("arch"))
    assert "xa a@64k " in letters
    assert any("a=aarch64" in line for line in page)
    assert "@64k=pages of 64 KiB" in page
    assert max(map(len, page)) <= 48


def test_the_whole_page_names_the_machine() -> None:
    stream = io.StringIO()
    print_grid(GRID, Console(file=stream, width=100))
    assert "@64k=pages of 64 KiB" in stream.getvalue()


def test_files_of_a_run_have_the_machine(tmp_path: Path) -> None:
    circumstances = Circumstances(harness="1", started_at="", seconds=0, workers=1)
    write_run(tmp_path / "run.json", record_run(GRID, circumstances))
    again = read_run(tmp_path / "run.json")
    assert again.targets == TARGETS
    assert again.grid.cells[2].cell.id == "debian-13/aarch64@64k/ruff"
    assert 'classname="debian-13/aarch64@64k"' in junit_xml(GRID, timestamp="")


def test_targets_are_listed_with_their_machines() -> None:
    keys = [target.key for target in TARGETS[1:3]]
    assert folded(keys) == "debian-13/{aarch64,aarch64@64k}"
