"""What an HTML page shows beside its run: the run, its past and its passports in, JSON out.

Every text of it is made visible first (``harness.report.untrusted``), and no character of it
can end the element that it is embedded in.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import TypeAdapter

from harness.arches import ARCHES
from harness.compare import CellChange, Change, Comparison, Epidemic
from harness.grid import GridCell
from harness.model import Outcome
from harness.passport import Passport
from harness.query import VOCABULARY, Field
from harness.report.glyphs import GLYPHS, NOT_RUN, Glyph
from harness.report.runfile import Run
from harness.report.terminal import key_of
from harness.report.untrusted import visible

LOG_CHARACTERS = 8000
"""Of a log's end that stay in the page; ``run.json`` has all of it."""
PASS_LOG_CHARACTERS = 600

EXAMPLES = (
    ("numpy", "a piece of the cell's id"),
    ("target:alpine-* arch:arm64", "every word must be met; * and ? are wildcards"),
    ("outcome:import-failed,crashed", "one of these"),
    ("-outcome:pass,refused", "none of these"),
    ("cause:suffix-mismatch", "also verdict: group: subject:"),
    ('group:"index wheels"', "quotes keep spaces"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Sighting:
    """What an earlier run saw of a cell."""

    when: str
    """UTC, ISO 8601."""
    outcome: Outcome
    cause: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Past:
    """What is known of a run's cells beside the run itself; any of it may be missing."""

    base: str = ""
    """What the other run of ``comparison`` is called."""
    comparison: Comparison | None = None
    history: Mapping[str, tuple[Sighting, ...]] = field(default_factory=dict)
    """By cell id, oldest first."""
    passports: Mapping[str, Passport] = field(default_factory=dict)
    """By target key."""


NO_PAST = Past()
_RUN: TypeAdapter[Run] = TypeAdapter(Run)
_SIGHTINGS: TypeAdapter[Mapping[str, tuple[Sighting, ...]]] = TypeAdapter(
    Mapping[str, tuple[Sighting, ...]]
)
_PASSPORTS: TypeAdapter[Mapping[str, Passport]] = TypeAdapter(Mapping[str, Passport])


def page_data(run: Run, past: Past, *, title: str) -> str:
    """Return the JSON document of a page, fit to stand in a ``<script>`` element."""
    comparison = past.comparison
    document = {
        "title": title,
        "run": _RUN.dump_python(_with_short_logs(run), mode="json", exclude_defaults=True),
        "rows": "targets" if len(run.targets) > len(run.subjects) else "subjects",
        "key": "   ".join(key_of(run.grid)),
        "base": past.base if comparison else "",
        "changes": dict(_changes(comparison)),
        "epidemics": [_epidemic(e) for e in comparison.epidemics] if comparison else [],
        "history": _SIGHTINGS.dump_python(past.history, mode="json"),
        "passports": _PASSPORTS.dump_python(
            {key: _excerpt(passport) for key, passport in past.passports.items()}, mode="json"
        ),
        "glyphs": _glyphs(),
        "language": _language(),
    }
    return embeddable(_visible(document))


def embeddable(value: object) -> str:
    """Return ``value`` as JSON without any character that HTML reads."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for char in "<>&\u2028\u2029":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text


def _visible(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    match value:
        case str():
            return visible(value, keep="\n\t")
        case dict():
            return {_visible(key): _visible(inner) for key, inner in value.items()}
        case list() | tuple():
            return [_visible(inner) for inner in value]
        case _:
            return value


def _with_short_logs(run: Run) -> Run:
    def shortened(log: str, room: int) -> str:
        return log if len(log) <= room else f"[… {len(log) - room} characters]\n{log[-room:]}"

    return replace(
        run,
        cells=tuple(
            replace(
                cell,
                observation=replace(
                    seen,
                    log=shortened(
                        seen.log,
                        PASS_LOG_CHARACTERS if seen.outcome is Outcome.PASS else LOG_CHARACTERS,
                    ),
                ),
            )
            if (seen := cell.observation)
            else cell
            for cell in run.cells
        ),
    )


def _excerpt(passport: Passport) -> Passport:
    return replace(passport, libraries=(), linked=())


def _changes(comparison: Comparison | None) -> list[tuple[str, dict[str, Any]]]:
    quiet = (Change.SAME, Change.STILL_FAILING)
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
