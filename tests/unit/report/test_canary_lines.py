"""What is printed about canaries and repeated cells, and how columns are marked."""

from dataclasses import replace

from harness.core.canary_check import CanaryCheck, MissedCanary
from harness.report.canary_lines import doubted_lines, format_canaries
from harness.report.html import html_page
from harness.report.markdown import markdown_summary
from harness.report.terminal import render_grid
from harness.results.grid import Grid
from harness.results.runfile import Circumstances, Repeats, RepeatTotals, record_run

MISSED = MissedCanary(
    canary="hang", expected="timeout timeout or quiet", seen="pass", evidence="\x1b[31m<b>\n"
)
DOUBTED = CanaryCheck(target="debian-12/s390x", tried=("passes", "hang"), missed=(MISSED,))
FINE = CanaryCheck(target="debian-13/x86_64", tried=("passes",), seconds=4.25)
LINE = "debian-12/s390x is not believed: canary hang must be timeout timeout or quiet, and was pass"


def doubted(grid: Grid) -> Grid:
    return replace(grid, canaries=(DOUBTED, FINE))


def how(*checks: CanaryCheck, repeats: Repeats | None = None) -> Circumstances:
    return Circumstances(
        harness="1", started_at="", seconds=1, workers=1, canaries=checks,
        repeats=repeats or Repeats(),
    )  # fmt: skip


def test_missed_canary(grid: Grid) -> None:
    """The line has the column, the canary, what must be and was seen, and escaped evidence."""
    assert doubted_lines(grid) == []
    (line,) = doubted_lines(doubted(grid))
    assert line.startswith(LINE)
    assert "\x1b" not in line


def test_counts() -> None:
    """Columns that caught all; cells that differ, as a rate. Nothing if nothing was checked."""
    assert list(format_canaries(how())) == []
    assert list(format_canaries(how(DOUBTED, FINE))) == [
        "canaries: 1 of 2 checked columns caught all of theirs; 4.2 s of work in 1 images"
    ]
    (line,) = format_canaries(how(repeats=Repeats(measured=400, differing=tuple("abcdefg"))))
    assert line == (
        "measured again with an unchanged key: 400 cells, 7 differ (1.75 %): "
        "a, b, c, d, e and 2 more"
    )


def test_unchecked_columns_and_totals() -> None:
    """Columns whose results are all reused, and the repeats of all runs of a label."""
    told = replace(
        how(), unchecked=("a", "b"),
        repeats_so_far=RepeatTotals(runs=12, measured=5000, differing=1),
    )  # fmt: skip
    assert list(format_canaries(told)) == [
        "canaries: 2 columns unchecked, since every result is reused (--fresh checks them): a, b",
        "measured again with an unchanged key in 12 runs so far: 5000 cells, 1 differ (0.02 %)",
    ]
    assert list(format_canaries(replace(told, unchecked=(), repeats_so_far=RepeatTotals()))) == []


def test_the_terminal_marks_the_column(grid: Grid) -> None:
    """In the table, in its key, in a section and in the last line."""
    page = render_grid(doubted(grid), width=None).plain
    assert LINE in page
    assert "! missed a canary: not believed" in page
    assert "1 columns not believed" in page
    (marked,) = (line for line in page.splitlines() if line.split()[:1] == ["believed"])
    assert "!" in marked
    assert "missed a canary" not in render_grid(grid, width=None).plain


def test_markdown(grid: Grid) -> None:
    """A section comes first; text is no markup."""
    text = markdown_summary(doubted(grid))
    assert "#### Not believed" in text
    assert "canary hang must be timeout" in text
    assert "<b>" not in text
    assert "Not believed" not in markdown_summary(grid)


def test_page(grid: Grid) -> None:
    """The page says it without its script, and its data has the check."""
    page = html_page(record_run(doubted(grid), how(DOUBTED, FINE)))
    assert "debian-12/s390x is not believed: canary hang" in page
    assert '"canaries":[{"target":"debian-12/s390x"' in page
    assert 'class="doubted"' not in html_page(record_run(grid, how(FINE)))
