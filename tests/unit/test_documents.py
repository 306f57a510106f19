"""README and the guide: links, commands, and words that code decides."""

import re
from dataclasses import fields
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from harness.app.wiring import read_matrix
from harness.cli import commands
from harness.cli.reference import PAGE, commands_page, leaves
from harness.core.cells import Outcome
from harness.core.errors import ExitCode
from harness.core.observations import Observation
from harness.matrix.plan import find_cell
from harness.report.glyphs import DISAGREES, GLYPHS, NOT_RUN, WAY_LETTERS
from harness.results.runfile import CellRecord, Run

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "harness" / "guide"
_FOLDERS = (".github", "harness", "matrix")
DOCUMENTS = [
    Path("README.md"),
    *sorted(path.relative_to(ROOT) for name in _FOLDERS for path in (ROOT / name).rglob("*.md")),
]
COMMANDS = dict(leaves(commands))
LONGEST_README = 200


def read(path: Path | str) -> str:
    return (ROOT / path).read_text("utf-8")


def prose(path: Path | str) -> str:
    """Return a document without its blocks of code."""
    return re.sub(r"(?ms)^ *```.*?^ *```", "", read(path))


def anchors(path: Path) -> set[str]:
    """Return the anchors that GitHub gives to the headings of a document."""
    heads = re.findall(r"(?m)^#+ (.+)$", prose(path.relative_to(ROOT)))
    words = (re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", head).lower() for head in heads)
    return {re.sub(r"[^\w\- ]", "", word).replace(" ", "-") for word in words}


@pytest.mark.parametrize("path", DOCUMENTS, ids=str)
def test_links_lead_to_files_and_headings(path: Path) -> None:
    """A relative link names a file of this repository; after # stands a heading of it."""
    missing = []
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(path)):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        place = (ROOT / path).parent.joinpath(file).resolve() if file else ROOT / path
        if not place.exists() or (anchor and anchor not in anchors(place)):
            missing.append(target)
    assert missing == []


def test_every_page_of_the_guide_is_in_its_contents() -> None:
    """What is not linked from the contents is not found."""
    pages = {str(path.relative_to(GUIDE)) for path in GUIDE.rglob("*.md")} - {"README.md"}
    linked = re.findall(r"\]\(([^)#]+\.md)\)", read("harness/guide/README.md"))
    assert pages <= set(linked)
    assert len(linked) == len(set(linked))


def test_readme_is_short() -> None:
    """What is longer belongs into the guide."""
    assert len(read("README.md").splitlines()) <= LONGEST_README


def test_reference_of_commands_is_current() -> None:
    """``python -m harness.cli.reference`` writes it again."""
    assert PAGE.read_text("utf-8") == commands_page()


@pytest.mark.parametrize("path", DOCUMENTS, ids=str)
def test_documents_use_commands_and_options_that_exist(path: Path) -> None:
    """In code and in blocks, each ``wheelgrid`` line names a command with options of it."""
    text = read(path)
    lines = re.findall(r"(?m)^ *\$ (.*)$", text) + re.findall(r"`(wheelgrid [^`\n]*)`", prose(path))
    for line in lines:
        for words in re.findall(r"(?:^|\(|&& |; )wheelgrid ([^|;&()$#]+)", line):
            if words.strip() in ("--help", "--version"):
                continue
            name = next((n for n in COMMANDS if f"{words} ".startswith(f"{n} ")), "")
            assert name, f"{path}: wheelgrid {words}"
            params = COMMANDS[name].params
            known = {option for each in params for option in (*each.opts, *each.secondary_opts)}
            known |= {"--help", "-h"}
            used = re.findall(r"(?<!\S)--?[a-z][a-z-]*", re.sub(r"'[^']*'|\"[^\"]*\"", "", words))
            assert set(used) <= known, f"{path}: wheelgrid {words}"


def test_exit_codes_are_listed() -> None:
    listed = re.findall(r"(?m)^\| (\d+) \|", read("harness/guide/reference/exit-codes.md"))
    assert [int(code) for code in listed] == [code.value for code in ExitCode]


def test_signs_of_the_grid_are_listed() -> None:
    """Each outcome with its sign, and each letter of an image's source."""
    page = read("harness/guide/reference/grid.md")
    for outcome in Outcome:
        assert f"| `{GLYPHS[outcome].expected}` | {outcome} |" in page
    for glyph in (DISAGREES, NOT_RUN):
        assert f"| `{glyph.expected}` |" in page
    for letter in WAY_LETTERS.values():
        assert f"| `{letter}` |" in page


def test_fields_of_the_run_file_are_listed() -> None:
    """The tables have each field of the document, of a cell and of its observation."""
    page = read("harness/guide/reference/run-json.md")
    rows = re.findall(r"(?m)^\| (`.*?) \|", page)
    listed = set(re.findall(r"`(\w+)`", " ".join(rows)))
    document = set(TypeAdapter(Run).json_schema()["properties"])
    kinds = (CellRecord, Observation)
    assert listed >= document | {field.name for kind in kinds for field in fields(kind)}


def test_cells_of_the_stories_exist() -> None:
    """Each claim of the two stories names cells of the matrix."""
    page = read("harness/guide/why/two-stories.md")
    ids = re.findall(r"`([a-z0-9.-]+/[a-z0-9_]+/[a-z0-9.-]+)`", page)
    matrix = read_matrix(ROOT / "matrix")
    assert len(ids) > 15
    for cell in ids:
        assert find_cell(matrix, cell).id == cell
