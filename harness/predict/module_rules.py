"""Rules about what a wheel has to import, and remarks on wheels that pass."""

from collections.abc import Sequence

from harness.core.causes import Cause
from harness.core.observations import Prediction
from harness.predict.explanation import PASS, Diagnosis, import_failed, passing
from harness.predict.installed_layout import InstalledLayout
from harness.predict.limits import OPENED_FIRST
from harness.predict.load_closure import LoadGroup
from harness.predict.suffix_rules import ImportResolution
from harness.wheels.archive.contents import WheelFacts

NOTHING = "the wheel has no module that can be imported"
_STUBS = "https://peps.python.org/pep-0561/"
_FORMAT = "https://packaging.python.org/en/latest/specifications/binary-distribution-format/"
_TAGS = "https://packaging.python.org/en/latest/specifications/platform-compatibility-tags/"
_STABLE_ABI = "https://docs.python.org/3/c-api/stable.html"


def nothing_in(wheel: WheelFacts) -> str:
    """Return that a wheel has nothing to import, and what it has instead if that is known."""
    names = [member.name for member in wheel.members]
    if any(name.partition("/")[0].endswith("-stubs") for name in names):
        return f"{NOTHING}: it has type stubs ({_STUBS})"
    if any(".data/scripts/" in name for name in names):
        return f"{NOTHING}: it has programs"
    if all(".dist-info/" in name for name in names):
        alone = "it only requires other projects" if wheel.requires_dist else "it is empty"
        return f"{NOTHING}: {alone}"
    return NOTHING


def predict_nothing(wheel: WheelFacts) -> Prediction:
    """Return the failure of a wheel without any module."""
    return import_failed(
        Cause.NO_MODULE,
        file="",
        evidence=nothing_in(wheel),
        explanation=(
            f"{wheel.name.filename} installs {len(wheel.members)} files, and none of them is a "
            "Python module or an extension module outside of test, document and script folders."
        ),
        diagnosis=Diagnosis(
            remedy="Build it with its packages, or name what to import with --import.",
            reference=_FORMAT,
        ),
    )


def predict_payload(layout: InstalledLayout) -> Prediction | None:
    """Find a wheel for any platform that has its library for another platform only."""
    sources, name = layout.wheel.sources, layout.wheel.name
    if not sources.lacks or layout.natives or not name.tag_part.endswith("-any"):
        return None
    return import_failed(
        Cause.MISSING_LIBRARY,
        file=sources.instead,
        evidence=f"its code names {sources.lacks}, and it has only {sources.instead}",
        explanation=(
            f"The tag {name.tag_part} of {name.filename} is for any platform. Its Python code "
            f"opens {sources.lacks}, which it lacks; {sources.instead} is for another platform."
        ),
        diagnosis=Diagnosis(
            remedy="Tag it for the platform of its library, and build one for Linux.",
            reference=_TAGS,
        ),
    )


def remark(
    layout: InstalledLayout, resolution: ImportResolution, loads: Sequence[LoadGroup]
) -> Prediction:
    """Return a pass, with a remark on what is missing, opened first or tagged wrongly."""
    if resolution.optional:
        return passing(f"{', '.join(resolution.optional)} is not found, but optional")
    if opened := next((load.preloaded for load in loads if load.preloaded), ""):
        return passing(f"{opened} is in the wheel, but on no search path: {OPENED_FIRST}")
    name = layout.wheel.name
    pure = name.tag_part.endswith("-any")
    if layout.natives and pure:
        return passing(f"{name.tag_part} is for any machine, but {min(layout.natives)} is native")
    if not layout.natives and not pure:
        return passing(f"{name.tag_part} is for native code, but the wheel has none")
    tied = [member for member in resolution.loaded if ".cpython-" in member.rpartition("/")[2]]
    if tied and all(tag.split("-")[1] in ("abi3", "none") for tag in name.tags):
        return passing(
            f"{name.tag_part} is for later versions of Python too, but {tied[0]} is for one"
        )
    return PASS
