"""The JSON data of an HTML page: a run, its history and its passports.

All text is escaped (``harness.report.untrusted``), and no character can end the element that the
data is embedded in.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Generic, TypeVar

from pydantic import TypeAdapter

from harness.core.arches import ARCHES
from harness.core.cells import Outcome
from harness.core.observations import Provenance
from harness.core.own_tests import CaseStatus
from harness.core.passport import Passport
from harness.core.subjects import WheelRef
from harness.core.wheel_findings import WheelFinding
from harness.report.evidence import without_site
from harness.report.glyphs import GLYPHS, NOT_RUN, Glyph
from harness.report.terminal import key_of
from harness.report.untrusted import visible
from harness.results.compare import CellChange, ChangeKind, Comparison, Epidemic
from harness.results.grid import GridCell
from harness.results.past import PastResult, RunHistory
from harness.results.query import VOCABULARY, Field
from harness.results.runfile import CellRecord, Run, excerpt

LOG_CHARACTERS = 8000
"""Maximum characters of a log's end in the page; ``run.json`` has all of it."""
PASS_LOG_CHARACTERS = 600
MOST_CASES = 50
"""Failed cases of a project's own tests in the page; ``run.json`` has all that are kept."""

EXAMPLES = (
    ("numpy", "a substring of the cell's id"),
    ("target:alpine-* arch:arm64", "all words must match; * and ? are wildcards"),
    ("outcome:import-failed,crashed", "one of these"),
    ("-outcome:pass,refused", "none of these"),
    ("cause:suffix-mismatch", "also verdict: group: subject:"),
    ('group:"index wheels"', "quotes keep spaces"),
)


_Value = TypeVar("_Value")


@dataclass(frozen=True, kw_only=True, slots=True)
class Column(Generic[_Value]):
    """One value per cell; shared values are stored once."""

    values: tuple[_Value, ...]
    places: tuple[int, ...]
    """For each cell of the run, the index in ``values``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """The JSON document of a page; defaults are omitted."""

    run: Run
    """The run without the data in the columns."""
    wheels: Column[WheelRef | None]
    provenances: Column[Provenance]
    findings: Column[tuple[WheelFinding, ...]]
    rows: str
    """``targets`` or ``subjects``, whichever has more."""
    key: str
    base: str
    changes: dict[str, dict[str, Any]]
    """By cell id."""
    epidemics: list[dict[str, Any]]
    sightings: tuple[PastResult, ...]
    history: Mapping[str, tuple[int, ...]]
    """By cell id, oldest first: indices in ``sightings``."""
    flaky: list[str]
    passports: Mapping[str, Passport]
    """By target key, for cells without a passport in the run."""
    glyphs: dict[str, dict[str, str]]
    language: dict[str, Any]


_PAGE: TypeAdapter[Page] = TypeAdapter(Page)


def page_data(run: Run, past: RunHistory) -> str:
    """Return the JSON document of a page, safe in a ``<script>`` element."""
    comparison = past.comparison
    seen = [cell.observation for cell in run.cells]
    sightings: dict[PastResult, int] = {}
    history = {
        cell: tuple(sightings.setdefault(each, len(sightings)) for each in sighted)
        for cell, sighted in past.history.items()
    }
    page = Page(
        run=replace(run, cells=tuple(map(_shortened, run.cells))),
        wheels=_column(each.wheel if each else None for each in seen),
        provenances=_column(each.provenance if each else Provenance() for each in seen),
        findings=_column(each.findings if each else () for each in seen),
        rows="targets" if len(run.targets) > len(run.subjects) else "subjects",
        key=" · ".join(key_of(run.grid)),
        base=past.base if comparison else "",
        changes=dict(_changes(comparison)),
        epidemics=[_epidemic(e) for e in comparison.epidemics] if comparison else [],
        sightings=tuple(sightings),
        history=history,
        flaky=sorted(past.flaky),
        passports={key: excerpt(passport) for key, passport in past.passports.items()},
        glyphs=_glyphs(),
        language=_language(),
    )
    return embeddable(_PAGE.dump_json(page, exclude_defaults=True).decode())


def embeddable(document: str) -> str:
    """Return a JSON document with escaped text, without characters that are special in HTML.

    ``document`` may escape only control characters, as pydantic does.
    """
    shown = _MAYBE_UNSAFE.sub(_shown, document)
    for char in "<>&":
        shown = shown.replace(char, f"\\u{ord(char):04x}")
    return shown


# One pass over the whole document, because a large run has a million strings.
_MAYBE_UNSAFE = re.compile(r"\\(?:u[0-9a-f]{4}|.)|[^ -~]")


def _shown(found: re.Match[str]) -> str:
    return _shown_character(found[0])


@cache
def _shown_character(escaped: str) -> str:
    char = json.loads(f'"{escaped}"')
    safe = visible(char, keep="\n\t")
    return escaped if safe == char else json.dumps(safe)[1:-1]


def _column(values: Iterable[_Value]) -> Column[_Value]:
    found: dict[_Value, int] = {}
    places = tuple(found.setdefault(value, len(found)) for value in values)
    return Column(values=tuple(found), places=places)


def _shortened(cell: CellRecord) -> CellRecord:
    seen = cell.observation
    if seen is None:
        return cell
    room = PASS_LOG_CHARACTERS if seen.outcome is Outcome.PASS else LOG_CHARACTERS
    cut = len(seen.log) - room
    log = f"[… {cut} characters]\n{seen.log[-room:]}" if cut > 0 else seen.log
    bare = replace(seen, log=log, wheel=None, provenance=Provenance(), findings=(), key="")
    if seen.tests:
        bad = (CaseStatus.FAILED, CaseStatus.ERROR)
        cases = [case for case in seen.tests.cases if case.status in bad]
        bare = replace(bare, tests=replace(seen.tests, cases=tuple(cases[:MOST_CASES])))
    return replace(cell, observation=replace(bare, evidence=without_site(seen.evidence)))


def _changes(comparison: Comparison | None) -> list[tuple[str, dict[str, Any]]]:
    quiet = (ChangeKind.SAME, ChangeKind.STILL_FAILING)
    changes = comparison.changes if comparison else ()
    return [(change.id, _change(change)) for change in changes if change.change not in quiet]


def _change(change: CellChange) -> dict[str, Any]:
    outcome, cause = _saw(change.base)
    return {
        "kind": change.change,
        "before": outcome,
        "before_cause": cause,
        "flaky": change.flaky,
        "differences": [
            {"what": d.aspect, "before": d.base, "now": "\n".join((d.now, *d.lines))}
            for d in change.differences
        ],
    }


def _saw(cell: GridCell | None) -> tuple[str, str]:
    seen = cell.observation if cell else None
    return (seen.outcome, seen.cause) if seen else ("", "")


def _epidemic(epidemic: Epidemic) -> dict[str, Any]:
    cause = epidemic.cause
    change = f"{cause.aspect}: {cause.base} → {cause.now}" if cause else "nothing recorded changed"
    where = ", ".join(epidemic.where)
    return {"text": f"{where}: {change}", "cells": len(epidemic.cells)}


def _glyphs() -> dict[str, dict[str, str]]:
    drawn: list[tuple[str, Glyph]] = [*GLYPHS.items(), ("not-run", NOT_RUN)]
    return {
        name: {"expected": glyph.expected, "unexpected": glyph.unexpected} for name, glyph in drawn
    }


def _language() -> dict[str, Any]:
    return {
        "fields": list(Field),
        "vocabulary": {name: list(words) for name, words in VOCABULARY.items()},
        "aliases": {alias: arch.name for arch in ARCHES for alias in (arch.name, *arch.aliases)},
        "examples": EXAMPLES,
    }
