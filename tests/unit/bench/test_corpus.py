"""How the corpus judges predictions."""

from dataclasses import replace
from pathlib import Path

import pytest

from harness.bench.corpus import main
from harness.bench.judged_corpus import JudgedCell, meets_target, report_lines, score
from harness.core.causes import Cause
from harness.core.cells import Outcome, Stage
from harness.core.errors import ExitCode
from harness.core.observations import Observation, Prediction
from harness.core.wheel_findings import FindingCode, FindingList
from harness.matrix.files.corpus_file import CorpusShape

FAILED = Prediction(
    outcome=Outcome.IMPORT_FAILED, stage=Stage.IMPORT, cause=Cause.MISSING_LIBRARY, evidence="libx"
)
PASSED = Prediction(outcome=Outcome.PASS, stage=Stage.CALL)


def row(cause: Cause | None = None, **more: object) -> CorpusShape:
    written = {
        "project": "demo",
        "version": "1.0",
        "file": "demo-1.0-py3-none-any.whl",
        "sha256": "a" * 64,
        "targets": ["debian-13/x86_64"],
        "outcome": Outcome.IMPORT_FAILED if cause else Outcome.PASS,
        "cause": cause,
        "why": "So it is.",
        "link": "https://example.org/1",
    }
    return CorpusShape.model_validate(written | more)


def cell(
    cause: Cause | None = None,
    predicted: Prediction | None = None,
    seen: Observation | None = None,
    **more: object,
) -> JudgedCell:
    return JudgedCell(
        where="corpus.yaml:2",
        row=row(cause, **more),
        target="debian-13/x86_64",
        prediction=predicted,
        observation=seen,
    )


def saw(outcome: Outcome, cause: str = "", evidence: str = "") -> Observation:
    return Observation(
        cell="demo", outcome=outcome, stage=Stage.IMPORT, cause=cause, evidence=evidence
    )


HIT = cell(Cause.MISSING_LIBRARY, FAILED)
MISSED = cell(Cause.MISSING_LIBRARY, PASSED)
WRONG_CAUSE = cell(Cause.EXEC_STACK, FAILED)
FALSE_ALARM = cell(None, FAILED)
FINE = cell(None, PASSED)


def test_wrong_cause_is_no_hit_and_no_false_alarm() -> None:
    found = score([HIT, MISSED, WRONG_CAUSE, FALSE_ALARM, FINE])
    assert (found.found, found.breakages) == (1, 3)
    assert (found.true_alarms, found.alarms) == (2, 3)
    assert score([]).recall == score([]).precision == 1


@pytest.mark.parametrize(
    ("outcome", "right"),
    [(Outcome.LOAD_FAILED, True), (Outcome.START_FAILED, False), (Outcome.REFUSED, False)],
)
def test_library_may_be_opened_early_or_late_but_the_outcome_counts_otherwise(
    outcome: Outcome, right: bool
) -> None:
    """Whether a library is opened by the import is in code, which no rule reads."""
    assert cell(Cause.MISSING_LIBRARY, replace(FAILED, outcome=outcome)).is_right == right


@pytest.mark.parametrize(
    ("cells", "met"),
    [
        ([HIT, FINE], True),
        ([HIT] * 9 + [MISSED], True),
        ([HIT] * 8 + [MISSED], False),
        ([HIT, FALSE_ALARM], False),
        ([HIT, cell(Cause.SIGNAL, PASSED)], False),
        ([replace(HIT, observation=saw(Outcome.IMPORT_FAILED, "missing-library"))], True),
        ([replace(HIT, observation=saw(Outcome.MISS, "infra:image"))], True),
        ([replace(HIT, observation=saw(Outcome.PASS))], False),
        ([replace(HIT, observation=saw(Outcome.IMPORT_FAILED, "exec-stack"))], False),
        ([HIT, replace(FINE, prediction=None, lacking="the index lacks it")], False),
    ],
)
def test_target_is_recall_without_false_alarm_or_contradiction(
    cells: list[JudgedCell], met: bool
) -> None:
    assert meets_target(cells) is met


def test_report_names_each_miss_with_what_was_seen() -> None:
    seen = saw(Outcome.IMPORT_FAILED, "missing-library", "libx.so.1: cannot open")
    told = cell(None, PASSED, contradicts="The report says that it crashes; it does not.")
    gone = replace(FINE, prediction=None, lacking="the index lacks it")
    known = cell(Cause.MISSING_LIBRARY, FAILED, known=True)
    text = "\n".join(
        report_lines([known, replace(MISSED, observation=seen), FALSE_ALARM, told, gone])
    )
    assert "recall  50.0%  1 of 2: all breakages" in text
    assert "recall   0.0%  0 of 1: those the rules were not written with" in text
    assert "precision  50.0%  1 of 2 predicted failures" in text
    assert "1 cells observed, 0 missed" in text
    for part in ("not predicted:", "false alarms:", "without a file:", "that it crashes"):
        assert part in text
    assert "seen:      import-failed  missing-library  libx.so.1: cannot open" in text
    assert "observed otherwise" not in text
    lied = replace(HIT, observation=saw(Outcome.PASS))
    assert "observed otherwise than the row:" in "\n".join(report_lines([lied]))


def test_what_is_observed_alone_counts_apart() -> None:
    seen = saw(Outcome.IMPORT_FAILED, "missing-library")
    found = score([HIT, replace(MISSED, observation=seen), MISSED])
    assert (found.found, found.known, found.breakages) == (1, 2, 3)
    text = "\n".join(report_lines([HIT, replace(MISSED, observation=seen)]))
    assert "recall 100.0%  2 of 2: predicted, or observed here" in text


@pytest.mark.parametrize(
    ("message", "doubted"), [("It does not start: killed by SIGSEGV.", True), ("No mode.", False)]
)
def test_signal_of_a_program_is_doubted_under_emulation(message: str, *, doubted: bool) -> None:
    """There it is a finding, which says nothing against the row."""
    findings = FindingList()
    findings.add(FindingCode.PROGRAM_START, "bin/demo", message)
    seen = replace(saw(Outcome.PASS), findings=findings.found())
    judged = cell(Cause.SIGNAL, PASSED, seen, outcome=Outcome.START_FAILED)
    assert judged.contradicted is not doubted
    told = "observed, but doubted under emulation:" in "\n".join(report_lines([judged]))
    assert told is doubted


def test_broken_corpus_is_one_message_with_its_position(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "targets.yaml").write_text("targets: []\n")
    (tmp_path / "subjects.yaml").write_text("subjects: []\n")
    (tmp_path / "corpus.yaml").write_text("corpus: [{project: demo}]\n")
    assert main(["--matrix", str(tmp_path), "--predict"]) is ExitCode.USAGE
    assert f"{tmp_path}/corpus.yaml:1:10: corpus[0]: the key 'version'" in capsys.readouterr().err
