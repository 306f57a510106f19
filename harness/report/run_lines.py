"""The lines below the grid of a run, with untrusted text escaped."""

from collections import Counter
from collections.abc import Iterator

from harness.core.cells import Outcome, Stage
from harness.core.engine_places import engine_title
from harness.core.observations import AttemptMode
from harness.images.source import SUBSTITUTED
from harness.report.predictions import shown_imports
from harness.report.untrusted import visible
from harness.results.grid import Grid, GridCell
from harness.results.runfile import Circumstances


def format_phases(circumstances: Circumstances) -> str:
    """Return the seconds of work per phase and the elapsed time.

    Workers run in parallel, so the sum of work exceeds the elapsed time.
    """
    work = ", ".join(f"{name} {spent:.0f} s" for name, spent in circumstances.phases.items())
    workers = f"{circumstances.workers} worker{'s' if circumstances.workers > 1 else ''}"
    clock = f"{circumstances.seconds:.0f} s elapsed on {workers}"
    return f"{work} of work; {clock}" if work else clock


def format_reused(grid: Grid) -> str:
    """Return how many results were reused, shared between targets, or installed natively."""
    seen = [cell.observation for cell in grid.cells if cell.observation]
    times = sorted(each.measured_at for each in seen if each.cached)
    elsewhere = sum(bool(each.measured_on) for each in seen)
    fresh = [each for each in seen if not each.cached and not each.measured_on]
    native = sum(any(a.mode is AttemptMode.NATIVE for a in each.attempts) for each in fresh)
    lines = []
    if times:
        lines.append(
            f"{len(times)} of {len(grid.cells)} results were reused, the oldest from "
            f"{times[0][:16].replace('T', ' ')}; --fresh measures them again"
        )
    if elsewhere:
        lines.append(f"{elsewhere} cells were measured on another target with the same image")
    if native:
        lines.append(
            f"{native} wheels were installed without emulation by the same pip with the target's "
            "tags; --own-pip emulates it"
        )
    return "\n".join(lines)


def format_deviations(grid: Grid) -> str:
    """Return the targets whose image has other packages than requested, and why."""
    targets: dict[str, list[str]] = {}
    for cell in grid.cells:
        image = cell.observation.provenance.image if cell.observation else None
        reason = image.origin.partition(SUBSTITUTED)[2] if image else ""
        if reason and cell.cell.target.key not in targets.setdefault(reason, []):
            targets[reason].append(cell.cell.target.key)
    return "\n".join(
        f"{', '.join(keys)}: packages {visible(reason)}" for reason, keys in targets.items()
    )


def format_imports(grid: Grid) -> str:
    """Return a line per subject whose imports were inferred; its wheels may hold different ones."""
    found: dict[str, list[tuple[str, ...]]] = {}
    for cell in grid.cells:
        seen, subject = cell.observation, cell.cell.subject
        if seen and seen.wheel and not subject.imports:
            names = found.setdefault(subject.id, [])
            names += [] if seen.imports in names else [seen.imports]
    return "\n".join(
        f"imported of {visible(subject)}: {shown_imports(names)}"
        for subject, each in found.items()
        for names in each
    )


def format_tests(grid: Grid) -> str:
    """Return a line per cell whose tests ran, or could not; empty if no cell has any."""
    lines = [f"  {visible(c.cell.id)}  {shown}" for c in grid.cells if (shown := _tests_of(c))]
    if grid.tested_nowhere:
        lines.append("  They ran on no target: see the names and versions in --test-requires.")
    return "\n".join(["tests", *lines]) if lines else ""


def _tests_of(cell: GridCell) -> str:
    seen = cell.observation
    if seen is None or cell.cell.subject.tests is None:
        return ""
    if seen.stage is not Stage.TEST:
        return f"not run: {seen.outcome} ({seen.stage})"
    if seen.outcome is Outcome.REFUSED:
        return "not run: what they require cannot be installed"
    said = str(seen.tests) if seen.tests else "without a JUnit report"
    unread = (
        f"; their report was not read to its end: {visible(seen.tests.unread)}"
        if (seen.tests and seen.tests.unread)
        else ""
    )
    return f"{seen.outcome}: {said}{unread}"


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
