"""Rules about defects of the wheel's archive and metadata that pip refuses."""

from functools import lru_cache

from packaging.requirements import Requirement

from harness.core.causes import Cause
from harness.core.cells import Outcome, Stage
from harness.core.observations import Prediction
from harness.core.wheel_findings import FindingCode, MindedBy
from harness.predict.target_profile import TargetProfile, numbers
from harness.wheels.archive.contents import WheelFacts

_STRICT_SINCE = (24, 1)
_STRICT = "https://github.com/pypa/pip/issues/12063"
"""From 24.1 on pip refuses metadata that its ``packaging`` cannot parse."""
_WRITTEN = 80
"""Characters of a requirement in a sentence."""
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


def predict_requirements(wheel: WheelFacts, profile: TargetProfile) -> Prediction | None:
    """Return a failure if this pip refuses a requirement that older ones accept."""
    name, _, version = profile.passport.installer.partition(" ")
    wrong = _invalid_requirement(wheel.requires_dist)
    if not wrong or name != "pip" or numbers(version) < _STRICT_SINCE:
        return None
    since = ".".join(map(str, _STRICT_SINCE))
    return Prediction(
        outcome=Outcome.INSTALL_FAILED,
        stage=Stage.INSTALL,
        cause=Cause.INVALID_METADATA,
        evidence=f"Requires-Dist: {wrong}; this is {profile.passport.installer}",
        explanation=(
            f"{wheel.name.filename} requires {wrong!r}, which is not valid. pip accepts such "
            f"metadata before {since} only, and installs nothing of the wheel from then on."
        ),
        remedy="Correct the requirement: `.*` may follow == and != only, for example.",
        reference=_STRICT,
    )


@lru_cache(maxsize=1 << 12)
def _invalid_requirement(requires_dist: tuple[str, ...]) -> str:
    """Return the first line that is no requirement (PEP 508, PEP 440); empty if all are."""
    for line in requires_dist:
        try:
            Requirement(line)
        except ValueError:  # InvalidRequirement, or a number of more digits than int() reads
            return line[:_WRITTEN]
    return ""
