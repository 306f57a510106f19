"""Find out whether a failure is that of a dependency, and name it.

A wheel can forge a traceback. It can then accuse only its own dependencies, in its own cells.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from harness.core.causes import Cause
from harness.core.cells import Outcome
from harness.core.observations import CELL_SITE
from harness.core.subjects import WheelRef
from harness.predict.installed_layout import layout_of
from harness.predict.limits import DEPENDENCY
from harness.probe.jobs import ProbeResult
from harness.probe.message_causes import modules_not_found
from harness.wheels.archive.contents import WheelFacts
from harness.wheels.archive.filename import parse_wheel_name

SLOW = "still running at the time limit"
"""What the agent says of an installation that it ends (``outcomes.how_it_ended``)."""
_SITE = rf"{CELL_SITE[CELL_SITE.index('/cell/') :]}(?P<place>[^\"\n:]+)"
_FRAME = re.compile(rf'^\s*File "[^"\n]*{_SITE}", line \d+, in (?P<function>.+)$', re.MULTILINE)
_LOADED = re.compile(rf"^\w+: /[^\s:]*{_SITE}: ")
"""The loader's message of a module that does not load: ``ImportError: /…/_core.so: …``."""
_NAMED = re.compile(rf"^{DEPENDENCY}\S+ \S+: ")
_CHAINED = "\nDuring handling of the above exception"
_CAUSED = "\nThe above exception was the direct cause"

Owner = Callable[[str], WheelRef | None]
"""Returns the dependency that installs a path of site-packages, if one does."""


def name_dependency(result: ProbeResult, owner: Owner) -> ProbeResult:
    """Return the result with the name of the dependency that it is the failure of, if it is.

    It is if the module that does not load is the dependency's, or if the exception was raised
    while the dependency was imported. Of an exception raised ``from`` others, the first counts too.
    """
    if result.cause == Cause.COMPANION and result.evidence == SLOW:
        words = "the dependencies are still being installed at the time limit"
        return replace(result, evidence=f"{words}; give them more with --timeout S")
    if result.cause == Cause.COMPANION:
        return replace(
            result,
            outcome=Outcome.INSTALL_FAILED,
            cause="",
            evidence=f"{DEPENDENCY}does not install: {result.evidence}",
        )
    if result.outcome is not Outcome.IMPORT_FAILED:
        return result
    wheel = next(filter(None, map(owner, _places(result))), None)
    if wheel is None:
        return result
    return replace(
        result,
        evidence=f"{DEPENDENCY}{parse_wheel_name(wheel.filename).release}: {result.evidence}",
    )


def blame_unread(
    evidence: str, dependencies: Iterable[WheelFacts], suffixes: tuple[str, ...]
) -> str:
    """Return evidence that names the dependency with a module that is said to be missing.

    The interpreter passes over a file whose suffix it does not read; who imports it is not at
    fault.
    """
    missing = tuple(modules_not_found(evidence))
    for layout in map(layout_of, dependencies if missing else ()):
        for module in missing:
            if layout.members_of(module) and not layout.find(module, suffixes):
                said = _NAMED.sub("", evidence)
                return f"{DEPENDENCY}{layout.wheel.name.release}: {said}"
    return evidence


def accused(evidence: str, dependencies: Sequence[WheelRef]) -> WheelRef | None:
    """Return the dependency that the evidence of a failure names, if it names one."""
    for wheel in dependencies:
        if evidence.startswith(f"{DEPENDENCY}{parse_wheel_name(wheel.filename).release}: "):
            return wheel
    return None


def _places(result: ProbeResult) -> list[str]:
    """Return the paths of the files that failed, the decisive one first."""
    if loaded := _LOADED.match(result.evidence):
        return [loaded["place"]]
    *_, last = result.log.rpartition(_CHAINED)
    ends = [end for block in last.split(_CAUSED) if (end := _end(block))]
    return [*ends[-1:], *ends[:1]]


def _end(traceback: str) -> str:
    """Return the file of the last frame; empty unless its package was being imported.

    A package that is called with wrong arguments is not at fault.
    """
    frames = list(_FRAME.finditer(traceback))
    top = frames[-1]["place"].partition("/")[0] if frames else ""
    imported = {
        frame["place"].partition("/")[0] for frame in frames if frame["function"] == "<module>"
    }
    return frames[-1]["place"] if top in imported else ""
