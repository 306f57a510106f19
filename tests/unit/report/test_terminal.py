"""The grid on terminals of several widths and encodings."""

import io
import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from rich.cells import cell_len
from rich.console import Console

from harness.core.cells import Outcome, Stage
from harness.core.observations import Attempt, AttemptMode, ImageRef
from harness.core.targets import ImageWay
from harness.images.source import SUBSTITUTED
from harness.report.glyphs import GLYPHS
from harness.report.terminal import (
    format_deviations,
    format_phases,
    format_reused,
    print_grid,
    render_grid,
)
from harness.results.grid import Grid, build_grid
from harness.results.runfile import Circumstances

Golden = Callable[[str, str], None]


@pytest.mark.parametrize("width", [40, 80, 120, 200])
def test_golden(grid: Grid, golden: Golden, width: int) -> None:
    golden(f"grid-{width}.txt", render_grid(grid, width=width).plain + "\n")


def test_golden_ascii(grid: Grid, golden: Golden) -> None:
    """An ASCII terminal gets only ASCII, without loss."""
    text = render_grid(grid, width=80, encoding="ascii").plain
    assert text.isascii()
    golden("grid-ascii.txt", text + "\n")


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_no_line_is_wider_than_the_terminal(grid: Grid, width: int) -> None:
    lines = render_grid(grid, width=width).plain.split("\n")
    assert max(map(cell_len, lines)) <= width


def test_text_of_a_wheel_is_escaped(grid: Grid) -> None:
    """Markup is literal, and a line stays one line."""
    text = render_grid(grid, width=200).plain
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", text)
    assert r"\x1b[2J\x1b]0;owned\x07 [bold red]markup[/] \u202egnp.exe second line \x00" in text


def test_glyphs_and_colours_are_distinct() -> None:
    """No glyph is both expected and unexpected."""
    glyphs = list(GLYPHS.values())
    letters = [g.expected for g in glyphs] + [g.unexpected for g in glyphs if g.unexpected != "?"]
    plain = [g.plain or g.expected for g in glyphs]
    assert len(set(letters)) == len(letters)
    assert len(set(plain)) == len(plain)
    assert len({g.style for g in glyphs}) == len(glyphs)


def test_table_is_transposed_if_that_is_narrower(grid: Grid) -> None:
    cells = [c.cell for c in grid.cells if c.cell.subject.id == "numpy"]
    lines = render_grid(build_grid(cells, ()), width=120).plain.split("\n")
    assert lines[1].split() == ["numpy"]
    assert lines[2] == "debian-12"
    assert lines[3].split() == ["x86_64", "·"]


def printed(grid: Grid, **options: object) -> str:
    stream = io.StringIO()
    print_grid(grid, Console(file=stream, width=80, **options))  # type: ignore[arg-type]
    return stream.getvalue()


def test_colours_only_on_terminals(grid: Grid, monkeypatch: pytest.MonkeyPatch) -> None:
    """NO_COLOR disables them."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[" not in printed(grid, force_terminal=False)
    coloured = re.compile(r"\x1b\[[0-9;]*(3[0-9]|9[0-7]|38;)")
    options = {"force_terminal": True, "color_system": "256"}
    assert coloured.search(printed(grid, **options))
    monkeypatch.setenv("NO_COLOR", "1")
    assert not coloured.search(printed(grid, **options))


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
    cells = tuple(
        replace(
            cell, observation=replace(cell.observation, attempts=(attempt,), measured_on="a/b/c")
        )
        for cell in grid.cells
        if cell.observation
    )
    said = format_reused(replace(grid, cells=cells)).splitlines()
    assert f"{len(cells)} cells were measured on another target with the same image" in said
    assert any(
        line.startswith(f"{len(cells)} wheels were installed without emulation") for line in said
    )


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
