"""Lines about canaries and about cells that were measured again."""

from collections.abc import Iterator

from harness.core.canary_check import MissedCanary
from harness.report.evidence import evidence_line
from harness.report.untrusted import visible
from harness.results.grid import Grid
from harness.results.runfile import Circumstances

_SHOWN = 5
"""Maximum cells of a line."""


def format_missed(target: str, missed: MissedCanary) -> str:
    """Return the line about a missed canary: the column, the canary, what must be and was seen."""
    evidence = f": {evidence_line(missed.evidence)}" if missed.evidence else ""
    return visible(
        f"{target} is not believed: canary {missed.canary} must be {missed.expected}, "
        f"and was {missed.seen}{evidence}"
    )


def doubted_lines(grid: Grid) -> list[str]:
    """Return a line about every missed canary."""
    missed = grid.missed_canaries.items()
    return [format_missed(target, each) for target, canaries in missed for each in canaries]


def format_canaries(circumstances: Circumstances) -> Iterator[str]:
    """Yield the number of columns that caught all of their canaries, and of cells that differ."""
    checks, repeats = circumstances.canaries, circumstances.repeats
    if checks:
        caught, seconds = sum(not check.missed for check in checks), sum(c.seconds for c in checks)
        probed = sum(bool(check.seconds) for check in checks)
        yield (
            f"canaries: {caught} of {len(checks)} checked columns caught all of theirs; "
            f"{seconds:.1f} s of work in {probed} images"
        )
    if unchecked := circumstances.unchecked:
        yield visible(
            f"canaries: {len(unchecked)} columns unchecked, since every result is reused "
            f"(--fresh checks them){_named(unchecked)}"
        )
    again = "measured again with an unchanged key"
    if repeats.measured:
        line = _rate(repeats.measured, len(repeats.differing))
        yield visible(f"{again}: {line}{_named(repeats.differing)}")
    total = circumstances.repeats_so_far
    if total.measured and total.runs > 1:
        yield f"{again} in {total.runs} runs so far: {_rate(total.measured, total.differing)}"


def _rate(measured: int, differing: int) -> str:
    return f"{measured} cells, {differing} differ ({100 * differing / measured:.2f} %)"


def _named(cells: tuple[str, ...]) -> str:
    more = f" and {len(cells) - _SHOWN} more" if len(cells) > _SHOWN else ""
    return f": {', '.join(cells[:_SHOWN])}{more}" if cells else ""
