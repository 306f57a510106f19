"""Render predictions and explanations of cells, with untrusted text escaped."""

import json
import textwrap
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from types import MappingProxyType

from harness.core.cells import Outcome
from harness.core.observations import Prediction
from harness.core.wheel_findings import WheelFinding
from harness.predict import CellPrediction
from harness.report.defects import finding_words
from harness.report.evidence import evidence_line
from harness.report.target_list import folded
from harness.report.untrusted import visible
from harness.results.grid import Agreement, GridCell

INDENT = "  "
MOST_NAMES = 6


def format_predictions(
    predictions: Sequence[CellPrediction],
    *,
    width: int,
    every: bool = False,
    left_out: Mapping[str, int] = MappingProxyType({}),
) -> str:
    """Return per subject the counts, then each cause of failures with its targets.

    ``every``: each wheel and explanation of a cause, not only the first. ``left_out``: subject →
    number of targets of other architectures, which have no prediction here.
    """
    subjects = dict.fromkeys((*(each.cell.subject.id for each in predictions), *left_out))
    blocks = []
    for name in subjects:
        own = [each for each in predictions if each.cell.subject.id == name]
        lines = (*_subject(own, name, width, every), *_left_out(left_out.get(name, 0), width))
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks) + "\n"


def predictions_json(predictions: Iterable[CellPrediction]) -> str:
    """Return one JSON object per line: cell, wheel, prediction and findings.

    The prediction is null if the target has no recorded passport, or the file is no wheel.
    """
    return "".join(
        json.dumps(
            {
                "cell": each.cell.id,
                "wheel": each.wheel,
                "prediction": asdict(each.prediction) if each.prediction else None,
                "findings": [asdict(finding) for finding in each.findings],
            }
        )
        + "\n"
        for each in predictions
    )


def format_explanation(cell: GridCell, *, width: int) -> str:
    """Return the result of a cell and the reasons."""
    seen = cell.observation
    if seen is None:
        return f"{visible(cell.cell.id)}: not run\n"
    lines = [f"{visible(cell.cell.id)}: {seen.outcome} ({seen.stage})"]
    lines += _wrapped("seen", seen.evidence, width)
    lines += _wrapped("wheel", seen.wheel.filename if seen.wheel else "", width)
    if seen.imports:
        lines += _wrapped("imports", shown_imports(seen.imports), width)
    lines += _findings(seen.findings, width)
    if seen.cause and (seen.prediction is None or seen.prediction.cause != seen.cause):
        lines += _wrapped("cause", f"{seen.cause}; {_page_of(seen.cause)}", width)
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


def _subject(
    predictions: list[CellPrediction], name: str, width: int, every: bool
) -> Iterator[str]:
    counts = Counter(o.prediction.outcome for o in predictions if o.prediction)
    text = ", ".join(f"{counts[outcome]} {outcome}" for outcome in Outcome if counts[outcome])
    unknown = [o.cell.target.key for o in predictions if o.prediction is None]
    yield f"{visible(name)}: {text or 'nothing can be said'}"
    for same in _group_failures(predictions, every=every):
        yield from _failure(same, width)
    for wheel, findings in {o.wheel: o.findings for o in predictions if o.findings}.items():
        yield ""
        yield from (INDENT + line for line in _wrapped("wheel", wheel, width - len(INDENT)))
        yield from (INDENT + line for line in _findings(findings, width - len(INDENT)))
    if unknown:
        yield ""
        yield from _filled(f"no passport recorded: {folded(unknown)}", width, INDENT)


def _failure(same: Mapping[tuple[str, Prediction], list[str]], width: int) -> Iterator[str]:
    """Yield the targets of one group, and its first wheel and explanation."""
    (wheel, prediction), *others = same
    yield ""
    keys = list(dict.fromkeys(key for keys in same.values() for key in keys))
    yield from _filled(f"{_summary(prediction)}: {folded(keys)}", width, INDENT)
    room = width - len(INDENT)
    for line in (*_wrapped("wheel", wheel, room), *_details(prediction, room)):
        yield INDENT + line
    if others:
        more = f"{len(others)} more with this cause; --all shows each"
        yield from (INDENT + line for line in _wrapped("and", more, room))


def _left_out(count: int, width: int) -> Iterator[str]:
    if count:
        yield ""
        text = f"left out: {count} targets of architectures that the wheel is not built for"
        yield from _filled(f"{text}; --all shows them", width, INDENT)


def _group_failures(
    predictions: Iterable[CellPrediction], *, every: bool
) -> list[dict[tuple[str, Prediction], list[str]]]:
    """Group failures, and passes with a remark, by cause; ``every``: by wheel and prediction.

    Each group has the keys of targets by wheel and prediction; refused ones come last.
    """
    groups: dict[Hashable, dict[tuple[str, Prediction], list[str]]] = {}
    for each in sorted(predictions, key=_is_refused):
        predicted = each.prediction
        if predicted is not None and (predicted.cause or predicted.evidence):
            said = (each.wheel, predicted)
            group = said if every else (predicted.outcome, predicted.cause)
            groups.setdefault(group, {}).setdefault(said, []).append(each.cell.target.key)
    return list(groups.values())


def _is_refused(each: CellPrediction) -> bool:
    return each.prediction is not None and each.prediction.outcome is Outcome.REFUSED


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
            ("more", _page_of(prediction.cause) if prediction.cause else ""),
        )
        for line in _wrapped(label, text, width)
    ]


def _page_of(cause: str) -> str:
    """Return the command that prints the page of a cause."""
    return f"`wheelgrid explain {cause}`"


def _findings(findings: Sequence[WheelFinding], width: int) -> list[str]:
    return [line for f in findings for line in _wrapped("finding", finding_words(f), width)]


def _wrapped(label: str, text: str, width: int) -> list[str]:
    """Return a labelled paragraph, or no lines for empty text."""
    lines = _filled(evidence_line(text), max(width - 12, 30), "")
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


def shown_imports(names: tuple[str, ...]) -> str:
    """Return the first names, and how many more there are."""
    if not names:
        return "nothing, for it has no module"
    left = len(names) - MOST_NAMES
    more = f" and {left} more" if left > 0 else ""
    return visible(", ".join(names[:MOST_NAMES])) + more
