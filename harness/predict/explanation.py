"""What rules say: predictions, and the links to their sources."""

from dataclasses import dataclass

from harness.core.causes import Cause
from harness.core.cells import Outcome, Stage
from harness.core.observations import Prediction


@dataclass(frozen=True, kw_only=True, slots=True)
class Diagnosis:
    """What lies behind a failure."""

    why: str = ""
    remedy: str = ""
    reference: str


PASS = Prediction(outcome=Outcome.PASS, stage=Stage.CALL)
"""Nothing speaks against it."""


def passing(remark: str) -> Prediction:
    """Return a pass of which there is something to be said."""
    return Prediction(outcome=Outcome.PASS, stage=Stage.CALL, evidence=remark)


def import_failed(
    cause: Cause, *, file: str, evidence: str, explanation: str, diagnosis: Diagnosis
) -> Prediction:
    """Return a failed import; the diagnosis's why ends the explanation."""
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


def abbreviate(words: list[str], most: int = 3) -> str:
    """Join the first few of ``words`` and say how many there are more."""
    first = ", ".join(words[:most])
    return first if len(words) <= most else f"{first} and {len(words) - most} more"
