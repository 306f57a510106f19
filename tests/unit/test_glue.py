"""The pytest plugin, run by pytest: real collection, real agent, no engine.

Each test runs pytest in a separate process and on a separate matrix. Only the function that opens
the prober is replaced.
"""

import re
from collections import Counter
from pathlib import Path

import pytest

from harness.probe.journal import observations, read_events
from tests.support.local_prober import HERE

ROOT = Path(__file__).parents[2]

TARGETS = f"""\
targets:
  - {{id: alpha, title: Alpha, python: "3.11", libc: glibc, arches: [{HERE.name}],
     assembled: {{suite: bookworm, packages: [python3]}}}}
  - {{id: beta, title: Beta, python: "3.11", libc: glibc, arches: [{HERE.name}],
     assembled: {{suite: trixie, packages: [python3]}}}}
  - {{id: gamma, title: Gamma, python: "3.11", libc: glibc, arches: [{HERE.name}],
     assembled: {{suite: sid, packages: [python3]}}, allow_failure: true}}
"""

SUBJECTS = "subjects:\n" + "".join(
    f"  - {{id: {name}, group: tests, index: {name}==1.0, imports: [{name}]}}\n"
    for name in ("good", "fine", "broken", "known", "healed", "other", "refused", "missing")
)

EXPECTATIONS = "expectations:\n" + "".join(
    f"""\
  - {{target: alpha, arch: "*", subject: {subject}, outcome: {outcome},
     reason: {subject} is old, link: "https://example.invalid/{subject}"}}
"""
    for subject, outcome in (
        ("known", "import-failed"),
        ("healed", "crashed"),
        ("other", "crashed"),
    )
)

ANSWERS = """\
ANSWERS = {
    "good": "",
    "fine": "",
    "healed": "",
    "broken": "print('\\x1b]0;title\\x07'); raise ImportError('\\x1b[31mbroken on purpose: '"
              "'libx.so: cannot open shared object file')",
    "known": "raise ImportError('known to be broken')",
    "other": "raise ImportError('broken in another way')",
    "refused": Refusal(reason="all 9 wheels are for musl"),
    "missing": PackageIndexError("missing==1.0: the package index gives no answer"),
}
"""

CONFTEST = f"""\
from harness.core.errors import PackageIndexError
from harness.wheels.provider import Refusal
from tests.support.local_prober import local_prober

pytest_plugins = ["harness.conftest"]

{ANSWERS}

def pytest_configure(config):
    import harness.conftest
    harness.conftest.open_prober = lambda *given, **_: local_prober(ANSWERS, given[2])
    harness.conftest.missing_images = lambda *_: ()
"""

SUBJECTS_THAT_PASS = "".join(SUBJECTS.splitlines(keepends=True)[:3])

BY_CAUSE = """\
expectations:
  - {target: alpha, cause: missing-library, outcome: import-failed,
     reason: it has no such library, link: "https://example.invalid/names"}
"""

PREDICTED = """
import harness.probe.prepared_cell
from harness.core.cells import Outcome, Stage
from harness.core.observations import Prediction

FAILS = Prediction(outcome=Outcome.IMPORT_FAILED, stage=Stage.IMPORT, cause="missing-library")

def predict(wheel, *_):
    return FAILS if wheel.filename.partition("-")[0] in PREDICTED else None

harness.probe.prepared_cell.predict_wheel = predict
"""

NO_LAB = """
def pytest_configure(config):
    import harness.conftest
    harness.conftest.open_prober = None
"""

GAMMA_IS_READY = f"""
import harness.conftest
harness.conftest.open_readiness = lambda matrix, options: "gamma/{HERE.name}".__eq__
"""

GAMMA_IS_ALPHA = f"""
import harness.conftest
harness.conftest.same_images = lambda matrix, options: {{"gamma/{HERE.name}": "alpha/{HERE.name}"}}
"""

KILL = """
import os, signal
from pathlib import Path
import harness.conftest
from tests.support.local_prober import MadeWheels

class KillingWheels(MadeWheels):
    def wheels_for(self, subject, target, passport):
        if (target.id, subject.id) == ("beta", "fine"):
            os.kill(os.getpid(), signal.SIGKILL)
        return super().wheels_for(subject, target, passport)

import tests.support.local_prober
tests.support.local_prober.MadeWheels = KillingWheels
"""


@pytest.fixture(autouse=True)
def _matrix(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write a matrix and one test module, and use this machine as the prober."""
    texts = {"targets": TARGETS, "subjects": SUBJECTS, "expectations": EXPECTATIONS}
    pytester.mkdir("matrix")
    for name, text in texts.items():
        (pytester.path / f"matrix/{name}.yaml").write_text(text)
    pytester.makeini(f"[pytest]\npythonpath = {ROOT}\nfilterwarnings = error\n")
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(test_matrix="from harness.test_matrix import test_cell")
    monkeypatch.setenv("TMPDIR", str(pytester.path))  # files of a killed worker
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/no-engine.sock")


def _run(pytester: pytest.Pytester, *words: str) -> pytest.RunResult:
    return pytester.runpytest_subprocess(
        "-v", "-rxXfE", "-p", "no:cacheprovider", "--wheelgrid-matrix=matrix", *words
    )


def _words(result: pytest.RunResult) -> dict[str, str]:
    """Return the ``-v`` result of each cell, without the arch."""
    lines = re.findall(rf"::test_cell\[(\w+)/{HERE.name}/(\w+)\] ([A-Z]+)", result.stdout.str())
    return {f"{target}/{subject}": word for target, subject, word in lines}


def _probed(folder: Path) -> list[tuple[str, str]]:
    """Return worker and cell of every observation in a run's journal."""
    events, _ = read_events(folder / "journal.jsonl")
    cells = [event for event in events if event["event"] == "cell"]
    return [
        (event["worker"], observation.cell)
        for event, observation in zip(cells, observations(cells), strict=True)
    ]


def _cells(*targets: str) -> list[str]:
    names = re.findall(r"id: (\w+)", SUBJECTS)
    return [f"{target}/{HERE.name}/{name}" for target in targets for name in names]


def test_pytest_reports_each_outcome(pytester: pytest.Pytester) -> None:
    """Expected outcomes pass, unexpected ones fail, misses are errors."""
    result = _run(pytester, "--target=alpha")
    assert _words(result) == {
        "alpha/good": "PASSED",
        "alpha/fine": "PASSED",
        "alpha/broken": "FAILED",
        "alpha/known": "XFAIL",
        "alpha/healed": "FAILED",
        "alpha/other": "FAILED",
        "alpha/refused": "XFAIL",
        "alpha/missing": "ERROR",
    }
    result.assert_outcomes(passed=2, failed=3, xfailed=2, errors=1)
    assert "\x1b" not in result.stdout.str()
    result.stdout.fnmatch_lines_random(
        [
            "XFAIL *alpha/*/known] - known is old (https://example.invalid/known)*",
            "XFAIL *alpha/*/refused] - *refused (wheel): all 9 wheels are for musl",
            "FAILED *alpha/*/healed] - [[]XPASS(strict)[]] healed is old (https:*",
            "FAILED *alpha/*/broken] - *alpha/*/broken: import-failed (import): *",
            "ERROR *alpha/*/missing] - *MissError: infra:index: missing==1.0: the*",
        ]
    )


def test_an_expectation_by_cause_is_an_xfail(pytester: pytest.Pytester) -> None:
    """The mark is added when the cell runs; a pass is a failure, as is an unpredicted failure."""
    (pytester.path / "matrix/expectations.yaml").write_text(BY_CAUSE)
    pytester.makeconftest(CONFTEST + "PREDICTED = ('broken', 'good')" + PREDICTED)
    words = ("--subject=good", "--subject=broken", "--subject=fine", "--subject=known")
    result = _run(pytester, "--target=alpha", *words)
    assert _words(result) == {
        "alpha/good": "FAILED",
        "alpha/fine": "PASSED",
        "alpha/broken": "XFAIL",
        "alpha/known": "FAILED",
    }
    reason = "it has no such library (https://example.invalid/names)"
    result.stdout.fnmatch_lines_random(
        [
            f"XFAIL *alpha/*/broken] - {reason}*",
            f"FAILED *alpha/*/good] - [[]XPASS(strict)[]] {reason}*",
        ]
    )


def test_an_expectation_by_cause_that_no_cell_meets_fails_a_whole_run(
    pytester: pytest.Pytester,
) -> None:
    """Every cell of the target ran, and none was predicted to fail so."""
    (pytester.path / "matrix/expectations.yaml").write_text(BY_CAUSE)
    (pytester.path / "matrix/subjects.yaml").write_text(SUBJECTS_THAT_PASS)
    result = _run(pytester, "-n2", "--target=alpha", "--subject=good", "--subject=fine")
    result.assert_outcomes(passed=2)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["matrix/expectations.yaml:2: no cell of alpha on * is predicted*"])
    part = _run(pytester, "--target=alpha", "--subject=good")
    assert part.ret == pytest.ExitCode.OK


def test_the_grid_ends_the_report(pytester: pytest.Pytester) -> None:
    """The summary has the grid of the probed cells and the unexpected cells."""
    result = _run(pytester, "--subject=good", "--subject=broken", "-k", "not gamma")
    page = result.stdout.str().partition("= grid =")[2]
    assert "alpha" in page
    assert "beta" in page
    assert "gamma" not in page
    assert "broken on purpose" in page


@pytest.mark.parametrize(
    ("keyword", "chosen"),
    [
        ("alpha and good", {"alpha/good"}),
        ("good and not alpha", {"beta/good", "gamma/good"}),
        ("alpha and not (broken or known or healed or other or refused or missing or fine)",
         {"alpha/good"}),
        (f"beta/{HERE.name}/fine", {"beta/fine"}),
    ],
)  # fmt: skip
def test_keyword_selects_by_cell(pytester: pytest.Pytester, keyword: str, chosen: set[str]) -> None:
    """``-k`` matches the cell's id, with ``and``, ``or`` and ``not``."""
    result = _run(pytester, "--collect-only", "-q", "-k", keyword)
    found = re.findall(rf"\[(\w+)/{HERE.name}/(\w+)\]", result.stdout.str())
    assert {"/".join(parts) for parts in found} == chosen


def test_allow_failure_does_not_fail_the_run(pytester: pytest.Pytester) -> None:
    """An unexpected outcome on such a target is shown and does not fail the run."""
    result = _run(pytester, "--target=gamma", "--subject=good", "--subject=broken")
    assert result.ret == pytest.ExitCode.OK
    assert _words(result) == {"gamma/good": "PASSED", "gamma/broken": "XFAIL"}
    result.stdout.fnmatch_lines(["XFAIL *allowed to fail: import-failed*broken on purpose*"])


def test_collection_needs_no_engine(pytester: pytest.Pytester) -> None:
    """Cells are listed even if no prober can be opened."""
    pytester.makeconftest('pytest_plugins = ["harness.conftest"]\n' + NO_LAB)
    result = _run(pytester, "--collect-only", "-q")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines([f"*[[]gamma/{HERE.name}/missing]*"])


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (
            TARGETS.replace("libc: glibc", "libc: glibk", 1),
            "matrix/targets.yaml:2:53: targets[[]0[]].libc: *glibk*",
        ),
        ("targets: [\n", "matrix/targets.yaml:2:1: *"),
    ],
    ids=["value", "syntax"],
)
def test_a_broken_matrix_is_a_usage_error(
    pytester: pytest.Pytester, broken: str, message: str
) -> None:
    """A mistake in the matrix is a usage error with its position and no traceback."""
    (pytester.path / "matrix/targets.yaml").write_text(broken)
    result = _run(pytester)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {message}"])
    assert "Traceback" not in result.stderr.str() + result.stdout.str()


def test_an_empty_selection_is_a_usage_error(pytester: pytest.Pytester) -> None:
    """A glob that matches no cell is a usage error that suggests the nearest name."""
    result = _run(pytester, "--target=alpa")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: *did you mean 'alpha'?*"])


@pytest.mark.parametrize("words", [(), ("--dist=worksteal",)], ids="".join)
def test_a_target_stays_on_one_worker(pytester: pytest.Pytester, words: tuple[str, ...]) -> None:
    """With any ``--dist`` one worker probes all cells of a target, each once."""
    result = _run(
        pytester, "-n2", "--no-loadscope-reorder", "--wheelgrid-out=.", "-k", "not gamma", *words
    )
    result.assert_outcomes(passed=5, failed=6, xfailed=3, errors=2)
    probed = _probed(pytester.path)
    assert Counter(cell for _, cell in probed) == Counter(_cells("alpha", "beta"))
    workers = {(cell.partition("/")[0], worker) for worker, cell in probed}
    assert len(workers) == 2


def test_a_killed_worker_is_replaced(pytester: pytest.Pytester) -> None:
    """Measured cells are kept, and another worker continues after the current cell."""
    pytester.makeconftest(CONFTEST + KILL)
    words = ("-k", "not gamma and (good or fine or refused)", "--wheelgrid-out=.")
    result = _run(pytester, "-n2", "--no-loadscope-reorder", *words)
    result.stdout.fnmatch_lines([f"FAILED *beta/{HERE.name}/fine]*"])
    expected = [c for c in _cells("alpha", "beta") if c.endswith(("good", "fine", "refused"))]
    expected.remove(f"beta/{HERE.name}/fine")
    assert Counter(cell for _, cell in _probed(pytester.path)) == Counter(expected)
    assert "beta" in result.stdout.str().partition("= grid =")[2]


def test_existing_images_go_first(pytester: pytest.Pytester) -> None:
    """Targets with an existing image are probed before an image is made."""
    pytester.makeconftest(CONFTEST + GAMMA_IS_READY)
    _run(pytester, "-n1", "--subject=good", "--wheelgrid-out=.")
    probed = [cell.partition("/")[0] for _, cell in _probed(pytester.path)]
    assert probed == ["gamma", "alpha", "beta"]


def test_targets_with_one_image_share_a_worker(pytester: pytest.Pytester) -> None:
    """One worker probes both targets that share an image."""
    pytester.makeconftest(CONFTEST + GAMMA_IS_ALPHA)
    _run(pytester, "-n2", "--subject=good", "--wheelgrid-out=.")
    workers = {cell.partition("/")[0]: worker for worker, cell in _probed(pytester.path)}
    assert workers["alpha"] == workers["gamma"] != workers["beta"]
