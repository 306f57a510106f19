"""Render what was imported of each subject, with untrusted text escaped."""

from harness.report.untrusted import visible
from harness.results.grid import Grid

MOST_NAMES = 6


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


def shown_imports(names: tuple[str, ...]) -> str:
    """Return the first names, and how many more there are."""
    if not names:
        return "nothing, for it has no module"
    left = len(names) - MOST_NAMES
    more = f" and {left} more" if left > 0 else ""
    return visible(", ".join(names[:MOST_NAMES])) + more
