"""One line of the doctor: a thing the matrix needs, whether it is there, what would mend it.

In: nothing. Out: the ``Check`` value, and a row of checks as text for people or JSON.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum

FIX = "run `wheelgrid doctor --fix`"


class MachinePart(StrEnum):
    """What a check looks at; repairs are planned by it."""

    ENGINE = "engine"
    ENGINE_FEATURES = "engine-features"
    EMULATION = "emulation"
    ASSEMBLER = "assembler"
    COMPILER = "compiler"
    DISK = "disk"
    NETWORK = "network"
    MIRROR = "mirror"
    TEST_REGISTRY = "test-registry"
    BROWSER = "browser"


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """The answer to one question about this machine."""

    part: MachinePart
    name: str
    ok: bool
    detail: str
    """What was seen, one line."""
    remedy: str = ""
    """What the user can do; empty where there is nothing to mend."""
    blocking: bool = True
    """Without it nothing can be probed; otherwise a part of the matrix is still open."""


def is_ready(checks: Sequence[Check]) -> bool:
    """Tell whether everything that a run cannot do without is there."""
    return all(check.ok or not check.blocking for check in checks)


def format_checks(checks: Sequence[Check]) -> str:
    """Return one line per check, and below each that is not ok how to mend it."""
    width = max((len(check.name) for check in checks), default=0)
    lines = []
    for check in checks:
        lines.append(f"{_verdict(check):<6}  {check.name:<{width}}  {check.detail}")
        if not check.ok and check.remedy:
            lines.append(f"{'':<6}  {'':<{width}}  → {check.remedy}")
    return "\n".join(lines)


def checks_json(checks: Sequence[Check]) -> str:
    """Return a JSON object: ``schema`` 1, ``ready`` (see ``is_ready``), and ``checks``.

    Each of these has the fields of ``Check``.
    """
    document = {
        "schema": 1,
        "ready": is_ready(checks),
        "checks": [asdict(check) for check in checks],
    }
    return json.dumps(document, indent=2)


def _verdict(check: Check) -> str:
    if check.ok:
        return "ok"
    return "not ok" if check.blocking else "note"
