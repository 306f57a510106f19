"""The grid on terminals of several widths and encodings."""

import io
import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from rich.cells import cell_len
from rich.console import Console
from rich.style import Style

from harness.core.arches import ARCHES
from harness.core.cells import Outcome
from harness.report.glyphs import ARCH_LETTERS, GLYPHS
from harness.report.terminal import print_grid, render_grid
from harness.results.grid import Grid, build_grid
from tests.support.wide_run import OLD_PIP

Golden = Callable[[str, str], None]


@pytest.mark.parametrize("width", [40, 80, 200])
def test_golden(grid: Grid, golden: Golden, width: int) -> None:
    golden(f"grid-{width}.txt", render_grid(grid, width=width).plain + "\n")


@pytest.mark.parametrize("width", [80, 200, None])
def test_golden_of_many_targets(wide_grid: Grid, golden: Golden, width: int | None) -> None:
    """80 columns are enough; without a terminal nothing is cut."""
    text = render_grid(wide_grid, width=width).plain
    golden(f"wide-{width or 'pipe'}.txt", text + "\n")
    assert len(table_heads(text)) == 1
    assert ("…" in text) is bool(width)


def test_golden_with_colours(grid: Grid, golden: Golden, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bytes that a terminal gets; those of a wheel are escaped."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    # rich keeps the codes of a style from its first rendering, on a terminal with other colours.
    Style.parse.cache_clear()
    Style._add.cache_clear()
    text = printed(grid, force_terminal=True, color_system="256")
    golden("grid-80-colour.txt", text)
    monkeypatch.setenv("NO_COLOR", "1")
    plain = printed(grid, force_terminal=True, color_system="256")
    assert re.sub(r"\x1b\[[0-9;]*m", "", plain) == re.sub(r"\x1b\[[0-9;]*m", "", text)


def test_golden_ascii(grid: Grid, golden: Golden) -> None:
    """An ASCII terminal gets only ASCII, without loss."""
    text = render_grid(grid, width=80, encoding="ascii").plain
    assert text.isascii()
    golden("grid-ascii.txt", text + "\n")


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_no_line_is_wider_than_the_terminal(grid: Grid, width: int) -> None:
    lines = render_grid(grid, width=width).plain.split("\n")
    assert max(map(cell_len, lines)) <= width


@pytest.mark.parametrize("width", [80, 120, 200])
def test_no_line_of_many_targets_is_wider(wide_grid: Grid, width: int) -> None:
    lines = render_grid(wide_grid, width=width).plain.split("\n")
    assert max(map(cell_len, lines)) <= width


def table_heads(text: str) -> list[str]:
    """Return the lines with the letters of architectures."""
    return [line for line in text.split("\n") if line.split()[:1] == ["arch"]]


def test_columns_that_do_not_fit_form_another_block(wide_grid: Grid) -> None:
    """The numbers of targets go on, and a row without cells in a block is left out."""
    abi3 = [c for c in wide_grid.cells if c.cell.subject.id == "abi3"]
    cells = [c for c in wide_grid.cells if c not in abi3[5:]]
    text = render_grid(replace(wide_grid, cells=tuple(cells)), width=60).plain
    heads = table_heads(text)
    letters = "".join("".join(head.split()[1:]) for head in heads)
    assert letters == "".join(ARCH_LETTERS[target.arch_name] for target in wide_grid.targets)
    rows = [line for line in text.split("\n") if line.startswith("  cachebox")]
    assert 1 < len(rows) == len(heads)
    assert text.count("\n  abi3 ") == 1
    assert max(map(len, text.partition("unexpected\n")[0].split("\n"))) <= 60
    assert "1=python-3.9-alpine3.14" in text
    assert "11=debian-13" in text


def test_every_architecture_has_a_letter_of_its_own() -> None:
    assert [arch.name for arch in ARCHES] == list(ARCH_LETTERS)
    assert len(set(ARCH_LETTERS.values())) == len(ARCHES)


def test_a_legend_explains_the_letters_that_are_used(wide_grid: Grid) -> None:
    """A letter of no column is left out."""
    lines = render_grid(wide_grid, width=80).plain.split("\n")
    assert "x=x86_64 i=i686 a=aarch64 v=armv7l p=ppc64le s=s390x r=riscv64" in lines
    arm = [c.cell for c in wide_grid.cells if c.cell.target.arch_name == "armv7l"]
    assert "v=armv7l" in render_grid(build_grid(arm, ()), width=80).plain.split("\n")


@pytest.mark.parametrize("width", [80, 200, None])
def test_the_word_that_explains_a_failure_is_shown(wide_grid: Grid, width: int | None) -> None:
    """Paths begin at the site directory; a long text keeps its end."""
    text = " ".join(render_grid(wide_grid, width=width).plain.split())
    assert "/tmp/cell" not in text
    assert "relocating cachebox/_core.cpython-311-x86_64-linux-musl.so: posix_fallocate64:" in text
    assert ": undefined symbol" in text


def test_a_reason_of_refused_cells_is_one_line(wide_grid: Grid) -> None:
    """With the number of its cells and their subjects."""
    lines = render_grid(wide_grid, width=None, encoding="ascii").plain.split("\n")
    refused = [" ".join(line.split()[1:]) for line in lines if "  refused (" in line]
    known = f"{OLD_PIP.reason} <{OLD_PIP.link}>: plain-musllinux-1-1, bundled-lib-musllinux-1-1"
    assert [line.partition(" and ")[2] for line in refused] == [
        "19 more refused (wheel) no wheel for this platform: simple-manylinux-demo",
        "23 more refused (wheel) no wheel for this architecture: numpy",
        f"9 more refused (install) {known}",
    ]


def test_a_dependency_without_a_wheel_is_named(wide_grid: Grid) -> None:
    """The wheel under test has one for that platform."""
    lacking = "no wheel of {} 8.7 for this platform; there are wheels for manylinux1_x86_64; the "
    lacking += (
        "installer accepts up to musllinux_1_2_x86_64; users would compile it (gevent 1 → {})"
    )
    refused = [
        c for c in wide_grid.cells if c.outcome is Outcome.REFUSED and not c.cell.expectation
    ]
    observations = [
        replace(c.observation, evidence=lacking.format("zope-interface", f"zope.interface{n}"))
        for n, c in enumerate(refused[:2])
        if c.observation
    ]
    text = render_grid(build_grid([c.cell for c in refused[:2]], observations), width=None).plain
    assert "no wheel of the dependency zope-interface for this platform" in " ".join(text.split())


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
