"""Build the predictions that rules return."""

from collections.abc import Sequence
from dataclasses import dataclass

from harness.core.causes import Cause
from harness.core.cells import Outcome, Stage
from harness.core.observations import Prediction


@dataclass(frozen=True, kw_only=True, slots=True)
class Diagnosis:
    """Why a wheel fails on a target, how to fix it, and a link to the source."""

    why: str = ""
    remedy: str = ""
    reference: str


PASS = Prediction(outcome=Outcome.PASS, stage=Stage.CALL)


def passing(remark: str) -> Prediction:
    """Return a pass with a remark."""
    return Prediction(outcome=Outcome.PASS, stage=Stage.CALL, evidence=remark)


def import_failed(
    cause: Cause, *, file: str, evidence: str, explanation: str, diagnosis: Diagnosis
) -> Prediction:
    """Return a failed import; the diagnosis's ``why`` is appended to the explanation."""
    return Prediction(
        outcome=Outcome.IMPORT_FAILED,
        stage=Stage.IMPORT,
        cause=cause,
        file=file,
        evidence=evidence,
        explanation=f"{explanation} {diagnosis.why}".rstrip(),
        remedy=diagnosis.remedy,
        reference=diagnosis.reference,
    )


def abbreviate(words: Sequence[str], most: int = 3) -> str:
    """Join the first ``most`` words and count the others."""
    first = ", ".join(words[:most])
    return first if len(words) <= most else f"{first} and {len(words) - most} more"
