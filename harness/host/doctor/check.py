"""``Check``: one requirement of the matrix, whether the machine meets it, and the remedy."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum

FIX = "run `wheelgrid doctor --fix`"


class MachinePart(StrEnum):
    """The part that a check concerns; repairs are planned by part."""

    ENGINE = "engine"
    ENGINE_FEATURES = "engine-features"
    EMULATION = "emulation"
    ASSEMBLER = "assembler"
    COMPILER = "compiler"
    DISK = "disk"
    NETWORK = "network"
    MIRROR = "mirror"
    DECLARED_ENGINE = "declared-engine"
    TEST_REGISTRY = "test-registry"
    BROWSER = "browser"


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """The result of one check of this machine."""

    part: MachinePart
    name: str
    ok: bool
    detail: str
    """The finding, one line."""
    remedy: str = ""
    """What the user can do; empty if nothing is wrong."""
    blocking: bool = True
    """Nothing can be probed without it; otherwise only a part of the matrix is affected."""


def is_ready(checks: Sequence[Check]) -> bool:
    """Whether every blocking check is ok."""
    return all(check.ok or not check.blocking for check in checks)


def format_checks(checks: Sequence[Check]) -> str:
    """Return one line per check, followed by the remedy if it is not ok."""
    width = max((len(check.name) for check in checks), default=0)
    lines = []
    for check in checks:
        lines.append(f"{_status(check):<6}  {check.name:<{width}}  {check.detail}")
        if not check.ok and check.remedy:
            lines.append(f"{'':<6}  {'':<{width}}  → {check.remedy}")
    return "\n".join(lines)


def checks_json(checks: Sequence[Check]) -> str:
    """Return a JSON object: ``schema`` 1, ``ready`` (see ``is_ready``), ``checks`` of ``Check``."""
    document = {
        "schema": 1,
        "ready": is_ready(checks),
        "checks": [asdict(check) for check in checks],
    }
    return json.dumps(document, indent=2)


def _status(check: Check) -> str:
    if check.ok:
        return "ok"
    return "not ok" if check.blocking else "note"
