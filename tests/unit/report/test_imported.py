"""The lines on what was imported."""

from dataclasses import replace

from harness.core.cells import Outcome, Stage
from harness.core.observations import Observation
from harness.core.subjects import WheelRef
from harness.report.imported import format_imports, shown_imports
from harness.report.predictions import format_explanation
from harness.results.grid import build_grid
from tests.support.cells import cells

WHEEL = WheelRef(filename="demo-1.0-py3-none-any.whl", sha256="0", size=1, path="demo")
NAMES = tuple(f"demo.m{n}" for n in range(8))


def test_lines_of_inferred_imports() -> None:
    """A subject has a line for each list of names; given imports have none."""
    first, second = cells(2)
    inferred = replace(first.subject, imports=())
    pair = [replace(first, subject=inferred), replace(second, subject=inferred)]
    seen = Observation(cell=pair[0].id, outcome=Outcome.PASS, stage=Stage.CALL, wheel=WHEEL)
    for imports, shown in (
        (NAMES, "demo.m0, demo.m1, demo.m2, demo.m3, demo.m4, demo.m5 and 2 more"),
        (("demo\x1b[31m",), r"demo\x1b[31m"),
        ((), "nothing, for it has no module"),
    ):
        grid = build_grid(pair, [replace(seen, imports=imports)])
        assert format_imports(grid) == f"imported of {inferred.id}: {shown}"
        assert shown_imports(imports) == shown
        told = f"imports   {shown[:20]}" in format_explanation(grid.cells[0], width=100)
        assert told is bool(imports)
    assert format_imports(build_grid([first], [replace(seen, cell=first.id)])) == ""
