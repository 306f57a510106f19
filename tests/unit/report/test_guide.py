"""One page for each cause, and what ``explain`` prints of it."""

import io
import re
from pathlib import Path

import pytest
from rich.console import Console

import harness
from harness.cli import execute
from harness.core.causes import Cause
from harness.report.guide import cause_list, cause_page, page_name, print_page

FOLDER = Path(harness.__file__).parent / "guide" / "causes"
HEADINGS = ["What it means", "How it looks"]
OF_A_WHEEL = ["A published example", "As the wheel's author", "As a distributor", "As a user"]
OF_A_MISS = ["What to do"]
WIDEST = 120


def headings(page: str) -> list[str]:
    prose = re.sub(r"(?ms)^```.*?^```", "", page)
    return re.findall(r"(?m)^## (.+)$", prose)


def test_each_cause_has_a_page_and_each_page_a_cause() -> None:
    """A new cause without a page fails here."""
    assert {path.name for path in FOLDER.iterdir()} == {page_name(cause) for cause in Cause}


@pytest.mark.parametrize("cause", Cause)
def test_each_page_has_the_same_headings(cause: Cause) -> None:
    """A miss is not the wheel's fault, so its page says only what to do about the machine."""
    page = cause_page(cause)
    more = OF_A_MISS if cause.startswith("infra:") else OF_A_WHEEL
    assert page.startswith(f"# {cause}\n\n")
    assert headings(page) == HEADINGS + more
    sections = re.split(r"(?m)^## .+$", page)
    assert all(section.strip() for section in sections)


@pytest.mark.parametrize("cause", Cause)
def test_each_page_shows_a_message_and_reads_well_as_text(cause: Cause) -> None:
    """A page is printed outside of its folder, so it has no relative link."""
    page = cause_page(cause)
    assert "```text\n" in page.partition("## How it looks")[2]
    assert "](" not in page
    prose = re.sub(r"(?ms)^```.*?^```|<https://\S+>", "", page)
    assert max(map(len, prose.splitlines())) <= WIDEST


def test_pages_refer_to_causes_that_exist() -> None:
    """A page may send its reader to another page."""
    pages = "".join(map(cause_page, Cause))
    named = set(re.findall(r"(?:See|cause|cause is|says|as for) `([a-z0-9:-]+)`", pages))
    assert len(named) > 3
    assert named <= set(Cause)


def test_explain_prints_the_page_unchanged_into_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    """What is not a terminal gets Markdown."""
    assert execute(["explain", "exec-stack"]) == 0
    assert capsys.readouterr().out == cause_page(Cause.EXEC_STACK)


def test_explain_suggests_the_nearest_cause(capsys: pytest.CaptureFixture[str]) -> None:
    """An unknown name is a usage error."""
    assert execute(["explain", "exec-stak"]) == 2
    assert "did you mean 'exec-stack'?" in capsys.readouterr().err


def test_explain_lists_all_causes(capsys: pytest.CaptureFixture[str]) -> None:
    """Causes of wheels come before those of misses."""
    assert execute(["explain"]) == 0
    said = capsys.readouterr().out
    assert said == cause_list()
    names = [line.split()[0] for line in said.splitlines()]
    assert sorted(names) == sorted(Cause)
    assert not names[0].startswith("infra:")
    assert names[-1].startswith("infra:")


@pytest.mark.parametrize("cause", [Cause.SUFFIX_MISMATCH, Cause.SPACE])
def test_page_on_a_terminal_of_80_columns(cause: Cause) -> None:
    """No line is longer, no background is set, and no mark of Markdown is left."""
    out = io.StringIO()
    print_page(cause_page(cause), Console(file=out, force_terminal=True, width=80))
    shown = out.getvalue()
    assert not re.search(
        r"\x1b\[[\d;]*\b4[0-8]\b", shown.replace("\x1b[4m", "").replace("1;4m", "")
    )
    plain = re.sub(r"\x1b\]8;[^\x1b]*\x1b\\|\x1b\[[\d;]*m", "", shown)
    assert max(map(len, plain.splitlines())) <= 80
    assert not re.search(r"(?m)^#|```|`", plain)
    assert "What it means\n" in plain
