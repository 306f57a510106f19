"""Render predictions and explanations of cells, with untrusted text escaped."""

import textwrap
from collections import Counter
from collections.abc import Iterable, Sequence

from harness.core.cells import Outcome
from harness.core.observations import Prediction
from harness.core.wheel_findings import WheelFinding
from harness.predict import CellPrediction
from harness.report.defects import finding_words
from harness.report.planned import folded
from harness.report.untrusted import visible
from harness.results.grid import Agreement, GridCell

INDENT = "  "


def format_predictions(predictions: Sequence[CellPrediction], *, width: int) -> str:
    """Return per subject the counts, then each failure once with its targets."""
    subjects = dict.fromkeys(predicted_cell.cell.subject.id for predicted_cell in predictions)
    blocks = [
        _subject(name, [o for o in predictions if o.cell.subject.id == name], width)
        for name in subjects
    ]
    return "\n\n".join(blocks) + "\n"


def format_explanation(cell: GridCell, *, width: int) -> str:
    """Return the result of a cell and the reasons."""
    seen = cell.observation
    if seen is None:
        return f"{visible(cell.cell.id)}: not run\n"
    lines = [f"{visible(cell.cell.id)}: {seen.outcome} ({seen.stage})"]
    lines += _wrapped("seen", seen.evidence, width)
    lines += _wrapped("wheel", seen.wheel.filename if seen.wheel else "", width)
    lines += _findings(seen.findings, width)
    if seen.prediction is not None:
        lines += _wrapped("predicted", _compared(cell, seen.prediction), width)
        lines += _details(seen.prediction, width)
    if expectation := cell.cell.expectation:
        text = f"{expectation.outcome}: {expectation.reason} <{expectation.link}>"
        lines += _wrapped("expected", text, width)
    return "\n".join(lines) + "\n"


def format_prediction(predicted_cell: CellPrediction, *, width: int) -> str:
    """Return the prediction of a cell that was not run."""
    lines = [f"{visible(predicted_cell.cell.id)}: not run"]
    lines += _wrapped("wheel", predicted_cell.wheel, width)
    lines += _findings(predicted_cell.findings, width)
    if predicted_cell.prediction is None:
        text = "unknown: no passport of the target; `wheelgrid passport --record` measures it"
        return "\n".join([*lines, *_wrapped("predicted", text, width)]) + "\n"
    lines += _wrapped("predicted", _summary(predicted_cell.prediction), width)
    return "\n".join([*lines, *_details(predicted_cell.prediction, width)]) + "\n"


def _subject(name: str, predictions: list[CellPrediction], width: int) -> str:
    counts = Counter(o.prediction.outcome for o in predictions if o.prediction)
    text = ", ".join(f"{counts[outcome]} {outcome}" for outcome in Outcome if counts[outcome])
    unknown = [o.cell.target.key for o in predictions if o.prediction is None]
    lines = [f"{visible(name)}: {text or 'nothing can be said'}"]
    for (wheel, prediction), keys in _group_failures(predictions).items():
        title = f"{prediction.outcome} {prediction.cause}".rstrip()
        lines += ["", *_filled(f"{title}: {folded(keys)}", width, INDENT)]
        lines += [INDENT + line for line in _wrapped("wheel", wheel, width - len(INDENT))]
        lines += [INDENT + line for line in _details(prediction, width - len(INDENT))]
    for wheel, findings in {o.wheel: o.findings for o in predictions if o.findings}.items():
        lines += ["", *(INDENT + line for line in _wrapped("wheel", wheel, width - len(INDENT)))]
        lines += [INDENT + line for line in _findings(findings, width - len(INDENT))]
    if unknown:
        lines += ["", *_filled(f"no passport recorded: {folded(unknown)}", width, INDENT)]
    return "\n".join(lines)


def _group_failures(
    predictions: Iterable[CellPrediction],
) -> dict[tuple[str, Prediction], list[str]]:
    """Group failures, and passes with a remark, by wheel and prediction."""
    groups: dict[tuple[str, Prediction], list[str]] = {}
    for predicted_cell in predictions:
        predicted = predicted_cell.prediction
        if predicted is not None and (predicted.cause or predicted.evidence):
            groups.setdefault((predicted_cell.wheel, predicted), []).append(
                predicted_cell.cell.target.key
            )
    return groups


def _compared(cell: GridCell, prediction: Prediction) -> str:
    text = _summary(prediction)
    match cell.agreement:
        case Agreement.AGREES:
            return f"{text}, as seen"
        case Agreement.LIMIT if cell.limit:
            return f"{text}; a known limit: {cell.limit.reason}"
        case _:
            return f"{text}, which is not what was seen"


def _summary(prediction: Prediction) -> str:
    return f"{prediction.outcome} {prediction.cause}".rstrip()


def _details(prediction: Prediction, width: int) -> list[str]:
    remark = "" if prediction.explanation else prediction.evidence
    return [
        line
        for label, text in (
            ("file", prediction.file),
            ("why", prediction.explanation or remark),
            ("fix", prediction.remedy),
            ("see", prediction.reference),
        )
        for line in _wrapped(label, text, width)
    ]


def _findings(findings: Sequence[WheelFinding], width: int) -> list[str]:
    return [line for f in findings for line in _wrapped("finding", finding_words(f), width)]


def _wrapped(label: str, text: str, width: int) -> list[str]:
    """Return a labelled paragraph, or no lines for empty text."""
    lines = _filled(visible(" ".join(text.split())), max(width - 12, 30), "")
    return [f"  {label if not at else '':<9} {line}" for at, line in enumerate(lines)]


def _filled(text: str, width: int, indent: str) -> list[str]:
    return textwrap.wrap(
        text,
        width=width,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
