"""The grid that a newcomer sees, and pytest's way to it, on the committed matrix."""

import json
import re
import sys
from collections import Counter
from pathlib import Path

import pytest

from harness.results.grid import Verdict
from harness.results.runfile import Run, read_run
from tests.support.commands import Ended, run_command, wheelgrid

pytestmark = pytest.mark.integration

ARCHES = {"x86_64", "aarch64", "armv7l", "ppc64le", "s390x"}
SECONDS = 1800
"""All interpreters of the profile are compiled if the cache is empty."""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Ended, Path]:
    """Return the default run, what it said, and its folder with a store."""
    folder = tmp_path_factory.mktemp("default")
    words = ("--images", "local", "--out", folder / "grid", "--store", folder / "store.db")
    ended = wheelgrid("run", *words, timeout=SECONDS)
    return read_run(folder / "grid/run.json"), ended, folder


def test_every_cell_is_as_expected(run: tuple[Run, Ended, Path]) -> None:
    seen, ended, _ = run
    verdicts = Counter(cell.verdict for cell in seen.cells)
    assert verdicts == {Verdict.AS_EXPECTED: len(seen.cells)}, ended.said
    assert ended.status == 0
    assert len(seen.cells) >= 300


def test_both_stories_are_in_the_grid(run: tuple[Run, Ended, Path]) -> None:
    """The same wheel imports on the official image and not on Alpine; likewise on ppc64le."""
    seen, _, _ = run
    cells = {(c.target, c.subject): c for c in seen.cells}

    def outcome(target: str, subject: str) -> tuple[str, str]:
        seen = cells[target, subject].observation
        assert seen is not None
        return seen.outcome, seen.cause

    failed = ("import-failed", "suffix-mismatch")
    assert outcome("python-3.9-alpine3.14/x86_64", "psycopg-binary") == ("pass", "")
    assert outcome("alpine-3.14-ga-pip-upgraded/x86_64", "psycopg-binary") == failed
    assert outcome("alpine-3.14-pip-upgraded/x86_64", "psycopg-binary") == ("pass", "")
    assert outcome("fedora-32-ga/ppc64le", "plain") == failed
    assert outcome("fedora-33/ppc64le", "plain") == ("pass", "")
    assert outcome("fedora-43/ppc64le", "plain") == ("pass", "")


def test_every_arch_stands_in_the_grid_twice(run: tuple[Run, Ended, Path]) -> None:
    seen, _, _ = run
    columns = Counter(target.arch_name for target in seen.targets)
    assert set(columns) == ARCHES
    assert min(columns.values()) >= 2


def test_an_unchanged_run_starts_no_pytest(run: tuple[Run, Ended, Path]) -> None:
    """It has the same cells, all reused, and says from when."""
    seen, _, folder = run
    again = folder / "again"
    words = ("--images", "local", "--out", again, "--store", folder / "store.db")
    ended = wheelgrid("run", *words, env={"WHEELGRID_FRESH": "0"})
    assert ended.status == 0, ended.said
    assert not (again / "pytest.log").exists()
    outcomes = [(c.target, c.subject, c.observation and c.observation.outcome) for c in seen.cells]
    assert outcomes == [
        (c.target, c.subject, c.observation and c.observation.outcome)
        for c in read_run(again / "run.json").cells
    ]
    assert "results were reused" in ended.said


@pytest.mark.parametrize(
    ("keyword", "reused"), [("alpine-3.14", True), ("fedora", True), ("s390x and abi3", False)]
)
def test_pytest_is_green_for_a_keyword(
    keyword: str, reused: bool, run: tuple[Run, Ended, Path]
) -> None:
    """Expected failures are xfails; nothing fails, nothing is an error.

    Cells are measured, or reused from the store of the run.
    """
    words = ("-m", "pytest", "harness", "-q", "-n", "2", "--no-loadscope-reorder")
    store = [f"--wheelgrid-store={run[2] / 'store.db'}"] if reused else []
    ended = run_command(
        sys.executable, *words, *store, "--images=local", "--profile=default", "-k", keyword,
        timeout=SECONDS,
    )  # fmt: skip
    assert ended.status == 0, ended.said
    (summary,) = re.findall(r"^.* in [0-9.]+s.*$", ended.out, flags=re.MULTILINE)
    assert "passed" in summary
    assert "failed" not in summary.replace("xfailed", "")
    assert "error" not in summary


@pytest.mark.nightly
@pytest.mark.parametrize("keyword", ["alpine-3.14", "fedora"])
def test_pytest_is_green_on_every_arch(keyword: str) -> None:
    """Every subject on every arch of the targets that need no registry."""
    words = ("-m", "pytest", "harness", "-q", "-n", "2", "--no-loadscope-reorder")
    ended = run_command(
        sys.executable,
        *words,
        "--images=local",
        "--profile=full",
        "-k",
        keyword,
        timeout=4 * SECONDS,
    )
    assert ended.status == 0, ended.said


def test_an_expectation_by_cause_that_fits_no_cell_fails_a_check(
    tmp_path: Path, run: tuple[Run, Ended, Path]
) -> None:
    """Every cell of the check has a result, and none is predicted to fail so."""
    _, _, folder = run
    declared = tmp_path / "expected.yaml"
    entry = {
        "target": "debian-12", "arch": "x86_64",
        "cause": "suffix-mismatch", "outcome": "import-failed",
        "reason": "no such thing", "link": "https://example.org",
    }  # fmt: skip
    declared.write_text(json.dumps({"expectations": [entry]}))
    words = ("--target", "debian-12", "--arch", "x86_64", "--images", "local")
    ended = wheelgrid(
        "check", "markupsafe==3.0.4", *words, "--expect", declared, "--out", tmp_path / "out",
        "--store", folder / "store.db",
    )  # fmt: skip
    assert ended.status == 1, ended.said
    assert "no cell of debian-12 on x86_64 is predicted to fail by suffix-mismatch" in ended.said
