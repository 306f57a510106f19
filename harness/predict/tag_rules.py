"""Rules about the wheel's tags and Requires-Python.

Sources: PEP 425 (tags), 600 (manylinux), 656 (musllinux), 703 (free-threaded ABI), and pip's
release notes for the first version that supports each kind of tag.
"""

import re

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from harness.core.arches import linux_arch
from harness.core.causes import Cause
from harness.core.cells import Outcome, Stage
from harness.core.observations import Prediction
from harness.predict.explanation import Diagnosis
from harness.predict.installed_layout import InstalledLayout
from harness.predict.target_profile import TargetProfile, numbers
from harness.wheels.archive.metadata import accepts_python

_TAGS = "https://packaging.python.org/en/latest/specifications/platform-compatibility-tags/"
_MANYLINUX = "https://peps.python.org/pep-0600/"
_MUSLLINUX = "https://peps.python.org/pep-0656/"
_FREE_THREADED = "https://peps.python.org/pep-0703/"
_REQUIRES = "https://packaging.python.org/en/latest/specifications/core-metadata/#requires-python"
_LEGACY = {"manylinux1": (2, 5), "manylinux2010": (2, 12), "manylinux2014": (2, 17)}
_IMPLEMENTATIONS = {"cp": "CPython", "pp": "PyPy"}
"""Start of a Python tag → the interpreter's own name (``platform.python_implementation``)."""
_KNOWN_SINCE = {
    "manylinux1": (8, 1),
    "manylinux2010": (19, 0),
    "manylinux2014": (19, 3),
    "manylinux": (20, 3),
    "musllinux": (21, 2),
}
"""The first pip that supports each kind of platform tag."""
_WRITTEN = 80
"""Characters of Requires-Python in a sentence."""
_PLATFORM = re.compile(r"(?P<kind>manylinux\d+|manylinux|musllinux)(?:_(?P<libc>\d+_\d+))?_[a-z].*")


def predict_tags(layout: InstalledLayout, profile: TargetProfile) -> Prediction | None:
    """Return a refusal if the installer accepts none of the wheel's tags."""
    tags = layout.wheel.name.tags
    if any(tag in profile.tags for tag in tags):
        return None
    parts = [tag.split("-", 2) for tag in tags]
    here = [platform for python, abi, platform in parts if (python, abi) in profile.interpreters]
    if here:
        return _platform_refused(layout, profile, _nearest(here, profile))
    python, abi, _ = min(parts, key=lambda part: part[2] not in profile.platforms)
    return _python_refused(layout, profile, python, abi)


def predict_requires_python(layout: InstalledLayout, profile: TargetProfile) -> Prediction | None:
    """Return a failure if Requires-Python excludes the interpreter."""
    wanted, python = layout.wheel.requires_python, profile.passport.python
    if accepts_python(wanted, python):
        return None
    older = asks_for_newer(wanted, python)
    wanted = wanted if len(wanted) <= _WRITTEN else f"{wanted[:_WRITTEN]}…"
    return Prediction(
        outcome=Outcome.INSTALL_FAILED,
        stage=Stage.INSTALL,
        cause=Cause.PYTHON_TOO_OLD if older else Cause.PYTHON_TOO_NEW,
        evidence=f"Requires-Python {wanted}; this is {python}",
        explanation=(
            f"{layout.wheel.name.filename} requires Python {wanted}. {profile.title} does not "
            "satisfy that, and the installer checks it."
        ),
        remedy="Choose a release that supports this Python, or correct Requires-Python.",
        reference=_REQUIRES,
    )


def asks_for_newer(wanted: str, python: str) -> bool:
    """Whether the specifier ``wanted`` asks for a newer version than ``python``."""
    try:
        return any(
            spec.operator.startswith((">", "~", "=")) and Version(python) < _version(spec.version)
            for spec in SpecifierSet(wanted)
        )
    except ValueError:  # a number of more digits than int() reads
        return True


def _version(text: str) -> Version:
    return Version(text.removesuffix(".*"))


def _nearest(platforms: list[str], profile: TargetProfile) -> str:
    """Return the nearest platform: of this arch and libc, with the oldest libc."""
    kind = "musllinux" if profile.musl else "manylinux"
    machine = {linux_arch(platform) for platform in profile.platforms}
    return min(
        platforms, key=lambda p: (linux_arch(p) not in machine, not p.startswith(kind), _promise(p))
    )


def _promise(platform: str) -> tuple[int, ...]:
    """Return the libc version of a platform tag; empty if it has none."""
    found = _PLATFORM.fullmatch(platform)
    if found is None:
        return ()
    return _LEGACY.get(found["kind"]) or numbers(found["libc"] or "")


def _platform_refused(layout: InstalledLayout, profile: TargetProfile, platform: str) -> Prediction:
    diagnosis = _diagnose_platform(profile, platform)
    best = profile.passport.tags[0].split("-", 2)[2] if profile.passport.tags else "no tag at all"
    return _refused(
        layout,
        Cause.TAG_REFUSED,
        f"nearest tag {platform}; {profile.passport.installer} accepts up to {best}",
        f"{diagnosis.why} {profile.passport.installer} on {profile.title} accepts {best} and "
        "older.",
        diagnosis,
    )


def _diagnose_platform(profile: TargetProfile, platform: str) -> Diagnosis:
    arch = linux_arch(platform)
    ours = {linux_arch(tag) for tag in profile.platforms}
    if arch not in ours:
        which = f"for {arch}" if arch else f"for {platform}, which is not Linux"
        return Diagnosis(
            why=f"The wheel is {which}.",
            remedy="Build a wheel for this architecture.",
            reference=_TAGS,
        )
    musl = platform.startswith("musllinux")
    reference = _MUSLLINUX if musl else _MANYLINUX
    if musl is not profile.musl:
        libc, other = ("musl", "manylinux") if musl else ("glibc", "musllinux")
        return Diagnosis(
            why=f"The wheel is for {libc}, and this is not.",
            remedy=f"Build a {other} wheel too.",
            reference=reference,
        )
    promise = _promise(platform)
    if profile.libc and promise > profile.libc:
        return Diagnosis(
            why=f"The tag {platform} needs libc {_dotted(promise)} or later.",
            remedy=f"Build for libc {_dotted(profile.libc)}, in an older builder image.",
            reference=reference,
        )
    return _diagnose_installer(profile, platform, reference)


def _diagnose_installer(profile: TargetProfile, platform: str, reference: str) -> Diagnosis:
    found = _PLATFORM.fullmatch(platform)
    since = _KNOWN_SINCE.get(found["kind"] if found else "", ())
    name, _, version = profile.passport.installer.partition(" ")
    if name == "pip" and numbers(version) < since:
        return Diagnosis(
            why=f"The system supports it, but pip only supports {platform} from {_dotted(since)} "
            f"on; this is pip {version}.",
            remedy=f"Upgrade the installer: pip {_dotted(since)} or later accepts the wheel.",
            reference=reference,
        )
    return Diagnosis(why=f"The installer does not list {platform}.", reference=reference)


def _python_refused(
    layout: InstalledLayout, profile: TargetProfile, python: str, abi: str
) -> Prediction:
    cause, diagnosis = _diagnose_python(profile, python, abi)
    best = "-".join(profile.passport.tags[0].split("-", 2)[:2]) if profile.passport.tags else "none"
    return _refused(
        layout,
        cause,
        f"the wheel is for {python}-{abi}; the installer accepts {best}",
        f"{diagnosis.why} {profile.passport.installer} on {profile.title} accepts {best}, the "
        "stable ABI of its own and older versions if it has one, and pure wheels.",
        diagnosis,
    )


def _diagnose_python(profile: TargetProfile, python: str, abi: str) -> tuple[Cause, Diagnosis]:
    theirs, ours = _python_of(python), profile.python
    free_threaded = profile.passport.free_threaded
    made_for = _IMPLEMENTATIONS.get(python[:2], "")
    here = profile.passport.implementation
    if made_for and here and made_for != here:
        return Cause.OTHER_IMPLEMENTATION, Diagnosis(
            why=f"The wheel is for {made_for}, and this is {here}, which has its own ABI.",
            remedy=f"Build a wheel for {here} too, or offer one without extension modules.",
            reference=_TAGS,
        )
    if free_threaded is not abi.endswith("t") and (theirs == ours or abi == "abi3"):
        build = "free-threaded" if free_threaded else "with the GIL"
        return Cause.FREE_THREADED, Diagnosis(
            why=f"This interpreter is built {build}, which is a separate ABI; the wheel has {abi}.",
            remedy="Build a wheel for that ABI too.",
            reference=_FREE_THREADED,
        )
    if theirs > ours:
        return Cause.PYTHON_TOO_OLD, Diagnosis(
            why=f"The wheel needs Python {_dotted(theirs)}, this is {profile.passport.minor}.",
            remedy=f"Build a wheel for {profile.passport.minor}, or take an older release.",
            reference=_TAGS,
        )
    return Cause.PYTHON_TOO_NEW, Diagnosis(
        why=f"The wheel is for Python {_dotted(theirs)}, this is {profile.passport.minor}.",
        remedy=f"Build a wheel for {profile.passport.minor}, or one of the stable ABI (abi3).",
        reference=_TAGS,
    )


def _python_of(tag: str) -> tuple[int, ...]:
    """Return the version of a Python tag: ``cp311`` is ``(3, 11)``."""
    digits = "".join(filter(str.isdigit, tag))
    return (int(digits[0]), int(digits[1:] or 0)) if digits else ()


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def _refused(
    layout: InstalledLayout, cause: Cause, evidence: str, why: str, diagnosis: Diagnosis
) -> Prediction:
    name = layout.wheel.name
    return Prediction(
        outcome=Outcome.REFUSED,
        stage=Stage.INSTALL,
        cause=cause,
        evidence=evidence,
        explanation=f"{name.filename} has the tags {name.tag_part}. {why}",
        remedy=diagnosis.remedy,
        reference=diagnosis.reference,
    )
