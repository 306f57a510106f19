"""Rounds of a fault that begins at a random moment, and their figures.

A round probes a few cells while its fault strikes, and again when the fault is over. pytest prints
one line for each fault, which sums up the rounds.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

import pytest

ROUNDS = 50
IN_CI = (12, 37)
"""The rounds that run outside the nightly: early and late."""
_PROPERTY = "fault-round"
OUTCOMES = {"passes": "pass", "fails": "import-failed", "crashes": "crashed", "last": "pass"}
CODES = {
    "passes": "import time\ntime.sleep(0.2)",
    "fails": "raise ImportError('on purpose')",
    "crashes": "import os\nos.abort()",
    "last": "",
}
"""Modules of the cells, and the outcomes that they have without a fault."""


@dataclass(kw_only=True, slots=True)
class FaultRound:
    """What one round came to."""

    fault: str
    seconds: float
    """When the fault began, from the start of the cells."""
    lost: list[str] = field(default_factory=list)
    """Cells without their outcome after the fault was over, and results that are gone."""
    changed: list[str] = field(default_factory=list)
    """Cells with an outcome that is neither theirs nor a miss."""
    left: list[str] = field(default_factory=list)
    """Containers that nobody owns any more."""

    def take(self, name: str, outcome: str, *, after: bool) -> None:
        """Judge the outcome of a cell during the fault, or after it."""
        if outcome == OUTCOMES[name]:
            return
        words = f"{name}: {outcome}"
        if outcome != "miss":
            self.changed.append(words)
        elif after:
            self.lost.append(words)


ALL_ROUNDS = pytest.mark.parametrize(
    "number",
    [pytest.param(n, marks=[] if n in IN_CI else [pytest.mark.nightly]) for n in range(ROUNDS)],
)


@contextmanager
def recorded(request: pytest.FixtureRequest, fault: str) -> Iterator[FaultRound]:
    """Record the round for the figures, and fail the test if it lost, changed or left anything."""
    seen = FaultRound(fault=fault, seconds=0)
    try:
        yield seen
    except BaseException as error:
        seen.lost.append(repr(error))
        raise
    finally:
        request.node.user_properties.append((_PROPERTY, asdict(seen)))
    assert (seen.lost, seen.changed, seen.left) == ([], [], []), seen


def figures(reports: Iterable[pytest.TestReport]) -> list[str]:
    """Return a line for each fault whose rounds are among the reports, and one for all."""
    rounds = [round_ for report in reports for round_ in _rounds(report)]
    sums: dict[str, Counter[str]] = {}
    for each in rounds:
        for name in (each["fault"], f"{len({r['fault'] for r in rounds})} faults"):
            own = sums.setdefault(name, Counter())
            own["rounds"] += 1
            own["lost"] += bool(each["lost"])
            own["changed"] += len(each["changed"])
            own["left"] += len(each["left"])
    lines = [
        f"{name}: {own['rounds']} rounds, {own['lost']} runs lost, "
        f"{own['changed']} verdicts changed, {own['left']} containers left"
        for name, own in sums.items()
    ]
    total = next((line for line in lines if line.split(": ")[0].endswith(" faults")), None)
    return [*sorted(line for line in lines if line != total), *([total] if total else [])]


def _rounds(report: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - pytest's lists have all kinds
    """Return the round of a test's report, if it is one."""
    if getattr(report, "when", "") != "call":
        return []
    return [value for name, value in report.user_properties if name == _PROPERTY]
