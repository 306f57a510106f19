"""Render what becomes of a lock file's dependencies on targets, with untrusted text escaped."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from rich.text import Text

from harness.core.targets import Target
from harness.predict.lock_outlook import DependencyForecast, DependencyState, LockOutlook
from harness.report.axes import Axis, AxisItem, group_by
from harness.report.console import Console, encoding_of, say, width_of
from harness.report.evidence import indented
from harness.report.glyphs import ARCH_LETTERS
from harness.report.table import Table, flow, layouts_of, render_best
from harness.report.target_list import folded
from harness.report.untrusted import visible

SIGNS = {
    DependencyState.NO_WHEEL: ("N", "N", "bold reverse #D55E00"),
    DependencyState.FAILS: ("F", "F", "bold reverse #D55E00"),
    DependencyState.COMPILED: ("c", "c", "#E69F00"),
    DependencyState.UNKNOWN: ("?", "?", "bold #0072B2"),
    DependencyState.LOADS: ("✓", "+", "#009E73"),
    DependencyState.NOT_NEEDED: ("·", ".", "bright_black"),
}
"""A sign, its replacement on an ASCII terminal, and its style."""
_WORST_FIRST = {state: rank for rank, state in enumerate(DependencyState)}
_QUIET = (DependencyState.LOADS, DependencyState.NOT_NEEDED)
_MEBIBYTE = 1 << 20


def print_outlook(outlook: LockOutlook, console: Console, *, every: bool) -> None:
    """Print the table of dependencies and targets, the reasons, and what it means for each target.

    ``every``: also the dependencies that load wherever they are needed.
    """
    width, encoding = width_of(console), encoding_of(console)
    lines = [*_table(outlook, width, plain=encoding == "ascii", every=every)]
    lines += _reasons(outlook, width, encoding)
    for text in (*outlook.application.left_out, *outlook.application.notes):
        lines += indented(text, 0, width, encoding)
    lines += _endings(outlook, width, encoding)
    say(Text("\n").join(lines), console)


def outlook_json(outlook: LockOutlook) -> str:
    """Return a JSON object per line: for each dependency and target, then each refused target."""
    path = outlook.application.path
    dependencies = [
        {
            "lock": path,
            "name": each.dependency.name,
            "version": each.dependency.version,
            "target": each.target.key,
            "state": each.state,
            "wheel": each.wheel,
            "reason": _reason(each),
            "prediction": asdict(each.prediction) if each.prediction else None,
        }
        for each in outlook.forecasts
    ]
    refused = [
        {"lock": path, "target": key, "state": "refused", "reason": reason}
        for key, reason in outlook.refusals.items()
    ]
    return "".join(json.dumps(each) + "\n" for each in (*dependencies, *refused))


def _table(outlook: LockOutlook, width: int | None, *, plain: bool, every: bool) -> Iterator[Text]:
    states = {(each.dependency.title, each.target.key): each.state for each in outlook.forecasts}
    by_title: dict[str, list[DependencyState]] = {}
    for (title, _), state in states.items():
        by_title.setdefault(title, []).append(state)
    worst = {title: min(found, key=_WORST_FIRST.__getitem__) for title, found in by_title.items()}
    shown = [title for title in worst if every or worst[title] not in _QUIET]
    shown.sort(key=lambda title: _WORST_FIRST[worst[title]])

    def glyph_at(title: str, key: str) -> tuple[str, str]:
        state = states.get((title, key))
        if state is None:
            return " ", ""
        sign, ascii_sign, style = SIGNS[state]
        return (ascii_sign if plain else sign), style

    if shown:
        rows = group_by(
            shown, worst.__getitem__, lambda title: AxisItem(key=title, label=visible(title))
        )
        columns = _target_columns(outlook.targets)
        yield from render_best(
            layouts_of(Table(rows=rows, columns=columns, glyph_at=glyph_at)), width
        )
        yield Text()
    counts = Counter(states.values())
    signs = [
        Text.assemble((SIGNS[state][plain], SIGNS[state][2]), f" {counts[state]} {state}")
        for state in DependencyState
        if counts[state]
    ]
    yield from flow(signs, width)
    if hidden := len(worst) - len(shown):
        yield Text(f"{hidden} of {len(worst)} dependencies are not listed; --all lists them", "dim")


def _target_columns(targets: Sequence[Target]) -> Axis:
    return group_by(
        targets,
        lambda target: target.id,
        lambda t: AxisItem(key=t.key, label=t.arch_name, letter=ARCH_LETTERS[t.arch_name]),
    )


def _reasons(outlook: LockOutlook, width: int | None, encoding: str) -> Iterator[Text]:
    """Yield each reason with its targets, the worst first, after a blank line."""
    same: dict[tuple[DependencyState, str, str], list[str]] = {}
    for each in outlook.forecasts:
        if each.state not in _QUIET:
            same.setdefault((each.state, each.dependency.title, _reason(each)), []).append(
                each.target.key
            )
    alone = len(outlook.targets) == 1
    if same:
        yield Text()
    for (state, title, reason), keys in sorted(same.items(), key=lambda x: _WORST_FIRST[x[0][0]]):
        on = "" if alone else f" on {folded(keys)}"
        yield Text.assemble((visible(title), "bold"), f": {state}{on}")
        yield from indented(reason, 2, width, encoding)


def _reason(each: DependencyForecast) -> str:
    if each.prediction is None:
        return each.reason
    told = each.prediction
    return " ".join(
        filter(None, (f"{told.cause}:", told.explanation or told.evidence, told.remedy))
    )


def _endings(outlook: LockOutlook, width: int | None, encoding: str) -> Iterator[Text]:
    yield Text()
    for target in outlook.targets:
        yield from indented(f"{target.key}: {_answer(outlook, target)}", 0, width, encoding)
    if outlook.unmeasured:
        yield from indented(
            f"no passport recorded: {folded(outlook.unmeasured)}; "
            "`wheelgrid passport --record` measures them",
            0,
            width,
            encoding,
        )
    if outlook.size:
        read, whole = outlook.fetched / _MEBIBYTE, outlook.size / _MEBIBYTE
        yield Text(f"{read:.0f} MiB read of {whole:.0f} MiB of wheels", "dim")


_IN_WORDS = {
    DependencyState.NO_WHEEL: "without a wheel",
    DependencyState.FAILS: "that do not load",
    DependencyState.COMPILED: "to compile",
    DependencyState.UNKNOWN: "of which nothing can be said",
}


def _answer(outlook: LockOutlook, target: Target) -> str:
    """Return ``no: 120 dependencies, 1 without a wheel, 4 to compile``."""
    if refusal := outlook.refusals.get(target.key):
        return f"no: {refusal}"
    counts = Counter(each.state for each in outlook.of(target))
    needed = sum(counts.values()) - counts[DependencyState.NOT_NEEDED]
    words = [f"{counts[state]} {text}" for state, text in _IN_WORDS.items() if counts[state]]
    if not outlook.moves(target):
        answer = "no"
    else:
        answer = "not known" if counts[DependencyState.UNKNOWN] else "yes"
    what = f"{needed} {'dependency' if needed == 1 else 'dependencies'}"
    return f"{answer}: {', '.join((what, *(words or ['all load'])))}"
