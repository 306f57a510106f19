"""Lines about the engines that ran the cells of a grid."""

from collections import Counter
from collections.abc import Iterator

from harness.core.engine_places import engine_title
from harness.report.untrusted import visible
from harness.results.grid import Grid


def format_engines(grid: Grid) -> Iterator[str]:
    """Yield the number of cells that each engine ran in this run, if several did."""
    native, emulated = Counter[str](), Counter[str]()
    for cell in grid.cells:
        seen = cell.observation
        if seen and seen.attempts and not seen.cached and not seen.measured_on:
            ran = emulated if seen.provenance.qemu else native
            ran[seen.provenance.engine_at] += 1
    engines = sorted({*native, *emulated})
    if any(engines):
        for engine in engines:
            cells = f"{native[engine]} cells native, {emulated[engine]} emulated"
            yield visible(f"{engine_title(engine)}: {cells}")
