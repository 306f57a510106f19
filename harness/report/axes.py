"""Group the subjects and targets of a grid as axes; either can be the rows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TypeVar

from harness.core.machines import arch_label, machine_of
from harness.core.targets import Target
from harness.report.glyphs import ARCH_LETTERS, DOUBTED, LENIENT, WAY_LETTERS
from harness.report.untrusted import visible
from harness.results.grid import Grid

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class AxisItem:
    """One row or column."""

    key: str
    label: str
    letter: str = ""
    """Stands for the label in a narrow table, ``a@64k``; empty if the label has none."""
    note: str = ""
    """What explains the label, below the table: ``64k=pages of 64 KiB``."""
    marks: tuple[str, ...] = ()
    """One character each, shown beside the label."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """Neighbouring rows or columns under one heading."""

    heading: str
    items: tuple[AxisItem, ...]


Axis = tuple[Group, ...]


def subject_axis(grid: Grid) -> Axis:
    """Return the subjects under their headings in the matrix."""
    return group_by(
        grid.subjects, lambda s: s.group, lambda s: AxisItem(key=s.id, label=visible(s.id))
    )


def target_axis(grid: Grid) -> Axis:
    """Return the arches under their targets, marked with the origin of each image."""
    ways = {
        c.cell.target.key: WAY_LETTERS[c.observation.provenance.image.way]
        for c in grid.cells
        if c.observation and c.observation.provenance.image
    }
    doubted = grid.missed_canaries
    any_marked = bool(doubted) or any(target.allow_failure for target in grid.targets)

    def item(target: Target) -> AxisItem:
        mark = DOUBTED if target.key in doubted else LENIENT if target.allow_failure else " "
        machine = machine_of(target)
        return AxisItem(
            key=target.key,
            note=visible(f"@{machine.name}={machine.short_title}") if machine else "",
            label=arch_label(target),
            letter=ARCH_LETTERS[target.arch_name] + arch_label(target)[len(target.arch_name) :],
            marks=(ways.get(target.key, " "), *((mark,) if any_marked else ())),
        )

    return group_by(grid.targets, lambda t: t.id, item)


def group_by(
    values: Sequence[T], heading: Callable[[T], str], item: Callable[[T], AxisItem]
) -> Axis:
    """Return the items of the values under headings, in the order of their first value."""
    first_seen = list(dict.fromkeys(heading(value) for value in values))
    ordered = sorted(values, key=lambda value: first_seen.index(heading(value)))
    return tuple(
        Group(heading=visible(name), items=tuple(item(value) for value in members))
        for name, members in groupby(ordered, key=heading)
    )
