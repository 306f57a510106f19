"""The progress of a run on a terminal and in a log."""

import io

from harness.probe.journal import Journal
from harness.report.console import Console
from harness.report.progress import HEARTBEAT, PlainView, draw, open_view
from harness.results.grid import Grid
from tests.support.journals import follow, record


def test_a_log_gets_a_line_per_target_and_a_heartbeat(grid: Grid, journal: Journal) -> None:
    """A heartbeat comes after ten seconds without a finished target."""
    stream = io.StringIO()
    view = PlainView(Console(file=stream, width=40))
    view.show(follow(grid, journal), 0)
    journal.activity("debian-12/s390x", "pulling \x1b[31m")
    record(grid, journal, "debian-12/x86_64")
    view.show(follow(grid, journal), 4)
    view.show(follow(grid, journal), 5)
    view.show(follow(grid, journal), 4 + HEARTBEAT)
    assert stream.getvalue().splitlines() == [
        "[   0 s] 0/16 starting",
        (
            "[   4 s] 4/16 debian-12/x86_64: "
            "2 pass, 1 install-failed (unexpected), 1 pass (unexpected)"
        ),
        r"[  14 s] 4/16 gw0 debian-12/s390x pulling \x1b[31m",
    ]


def test_a_terminal_gets_a_bar_counts_and_workers(grid: Grid, journal: Journal) -> None:
    journal.activity("debian-12/s390x", "assembling the image")
    record(grid, journal, "debian-12/x86_64")
    console = Console(file=io.StringIO(), width=100)
    console.print(draw(follow(grid, journal), 65, console))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "4/16 cells" in text
    assert "1:05 elapsed" in text
    assert "about 3:15 left" in text
    assert "✓ 2 pass" in text
    assert "gw0 debian-12/s390x assembling the image" in text


def test_a_terminal_keeps_a_line_per_finished_target(grid: Grid, journal: Journal) -> None:
    """The line stays above the bar, which is erased at the end."""
    stream = io.StringIO()
    console = Console(file=stream, width=100, force_terminal=True, color_system=None)
    with open_view(console) as view:
        record(grid, journal, "debian-12/x86_64")
        view.show(follow(grid, journal), 4)
        view.show(follow(grid, journal), 5)
    lines = [line for line in stream.getvalue().split("\n") if "debian-12/x86_64" in line]
    assert len(lines) == 1
    assert lines[0].endswith(
        "[   4 s] debian-12/x86_64: ✓ 2 pass  N 1 install-failed (unexpected)  "
        "P 1 pass (unexpected)"
    )


def test_the_view_fits_the_console() -> None:
    """Only a terminal gets a live display."""
    with open_view(Console(file=io.StringIO(), force_terminal=False)) as view:
        assert isinstance(view, PlainView)
    with open_view(Console(file=io.StringIO(), force_terminal=True)) as view:
        assert not isinstance(view, PlainView)
