"""Rules about defects of the wheel's archive and metadata that every pip refuses."""

from harness.core.causes import Cause
from harness.core.cells import Outcome, Stage
from harness.core.observations import Prediction
from harness.core.wheel_findings import FindingCode, MindedBy
from harness.wheels.archive.contents import WheelFacts

_UNREADABLE = (FindingCode.CORRUPT_MEMBER, FindingCode.ENCRYPTED_MEMBER)


def predict_findings(wheel: WheelFacts) -> Prediction | None:
    """Return a failure if the wheel has a defect that pip refuses."""
    for finding in wheel.findings:
        if finding.minded_by is MindedBy.PIP:
            corrupt = finding.code in _UNREADABLE
            return Prediction(
                outcome=Outcome.INSTALL_FAILED,
                stage=Stage.INSTALL,
                cause=Cause.CORRUPT_MEMBER if corrupt else Cause.MALFORMED_WHEEL,
                file=finding.file,
                evidence=f"{finding.code}: {finding.message}",
                explanation=f"{finding.file or wheel.name.filename}: {finding.message} "
                "pip does not install such a wheel.",
                remedy="Build the wheel again with a current build backend, or download it again.",
                reference=finding.source,
            )
    return None
