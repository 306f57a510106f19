"""Runs by the names that people give them: an id, ``last``, ``last-night`` or a ``run.json``."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness.passport import Passport
from harness.report.runfile import Run, read_run
from harness.store.history import flaky_cells
from harness.store.store import open_store


@dataclass(frozen=True, kw_only=True, slots=True)
class NamedRun:
    """A run that was found."""

    run: Run
    id: str = ""
    """In the store; empty of a file."""


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownPast:
    """What a comparison wants to know beside the two runs."""

    passports: Mapping[str, Passport] = field(default_factory=dict)
    """By id."""
    flaky: frozenset[str] = frozenset()
    """Cells that changed with nothing else changing, before the newer run."""


def find_run(name: str, store: Path, *, beside: str = "") -> NamedRun:
    """Return the run of that name: a file, or one of ``store`` apart from the run ``beside``.

    Raises ``RunFileError`` and ``StoreError``.
    """
    if is_file_name(name):
        return NamedRun(run=read_run(Path(name)))
    with open_store(store) as opened:
        info = opened.find(name, beside=beside)
        return NamedRun(run=opened.run(info), id=info.id)


def find_pair(base: str, run: str, store: Path) -> tuple[NamedRun, NamedRun]:
    """Return two runs that are to be compared; ``base`` is never found as the same run again."""
    now = find_run(run, store)
    return find_run(base, store, beside="" if base == now.id else now.id), now


def is_file_name(name: str) -> bool:
    """Say whether a name means a file: no id looks like one."""
    return name.endswith(".json") or "/" in name


def known_past(runs: Sequence[Run], store: Path) -> KnownPast:
    """Return what the store knows of the cells of ``runs``, the oldest first; maybe nothing."""
    ids = frozenset[str]().union(*(run.passport_ids for run in runs))
    if not store.exists():
        return KnownPast()
    cells = [f"{cell.target}/{cell.subject}" for cell in runs[-1].cells]
    with open_store(store) as opened:
        return KnownPast(
            passports=opened.passports(sorted(ids)),
            flaky=flaky_cells(opened, cells, before=runs[-1].circumstances.started_at),
        )
