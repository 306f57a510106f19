"""Which cells share a line below the grid."""

from dataclasses import replace

import pytest

from harness.core.cells import Outcome, Stage
from harness.core.observations import Observation
from harness.report.findings import find, render_findings
from tests.support.cells import cells_on, grid

EVIDENCE = {
    "infra:pull": "{}:1: no answer",
    "infra:no-way": "{}/x86_64: no assembled way in matrix/targets.yaml; it has: registry",
    "infra:prepare": "{}: a command ended with status 1",
}
TARGETS = ("ubuntu-24.04", "lambda-3.12", "ubi-9")


def missed(cause: str) -> list[str]:
    """Return the lines of three images, of which none could be obtained for that cause."""
    cells = cells_on(*(f"{name}/x86_64" for name in TARGETS), subjects=2)
    seen = [
        Observation(
            cell=cell.id,
            outcome=Outcome.MISS,
            stage=Stage.IMAGE,
            cause=cause,
            evidence=EVIDENCE[cause].format(cell.target.id),
        )
        for cell in cells
    ]
    # What is not tried names the first error, with the seconds since then.
    seen[2:] = [replace(each, evidence=f"{each.evidence} 3 s ago") for each in seen[2:]]
    shown = grid(*zip(cells, seen, strict=True))
    assert len(find(shown)) == 1
    return [line.plain for line in render_findings(shown, width=None, encoding="utf-8")][2:]


@pytest.mark.parametrize("cause", ["infra:pull", "infra:no-way"])
def test_images_that_are_only_pulled_share_a_line(cause: str) -> None:
    """Without a registry there is one line for all cells of all of them."""
    first, *more = missed(cause)
    assert first.startswith(f"? ubuntu-24.04/x86_64/s0 and 5 more  miss (image): {cause}")
    assert [line.strip() for line in more] == [
        "the same for 3 targets: ubuntu-24.04, lambda-3.12, ubi-9"
    ]


def test_other_misses_have_a_line_for_each_image() -> None:
    """What a command of one image does says nothing of the others."""
    assert len(missed("infra:prepare")) == len(TARGETS)
