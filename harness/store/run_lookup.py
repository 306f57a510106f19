"""Find runs by name: an id, ``last``, ``last-night`` or a ``run.json``."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.results.past import NO_STORED_FACTS, StoredFacts
from harness.results.runfile import Run, read_run
from harness.store.history import flaky_cells, last_sightings
from harness.store.run_store import open_store


@dataclass(frozen=True, kw_only=True, slots=True)
class NamedRun:
    """A run that was found."""

    run: Run
    id: str = ""
    """Id in the store; empty for a file."""


def find_run(name: str, store: Path, *, beside: str = "") -> NamedRun:
    """Return the run of that name: a file, or a run of ``store`` other than ``beside``.

    Raises ``RunFileError`` and ``StoreError``.
    """
    if is_file_name(name):
        return NamedRun(run=read_run(Path(name)))
    with open_store(store) as opened:
        info = opened.find(name, beside=beside)
        return NamedRun(run=opened.run(info), id=info.id)


def find_pair(base: str, run: str, store: Path) -> tuple[NamedRun, NamedRun]:
    """Return two runs to compare; ``base`` never resolves to the same run."""
    now = find_run(run, store)
    return find_run(base, store, beside="" if base == now.id else now.id), now


def is_file_name(name: str) -> bool:
    """Return whether a name is a file name; no id looks like one."""
    return name.endswith(".json") or "/" in name


def known_past(runs: Sequence[Run], store: Path) -> StoredFacts:
    """Return the stored facts about the cells of ``runs``, which are oldest first."""
    ids = frozenset[str]().union(*(run.passport_ids for run in runs))
    if not store.exists():
        return NO_STORED_FACTS
    cells = [f"{cell.target}/{cell.subject}" for cell in runs[-1].cells]
    started_at = runs[-1].circumstances.started_at
    with open_store(store) as opened:
        return StoredFacts(
            passports=opened.passports(sorted(ids)),
            flaky=flaky_cells(opened, cells, before=started_at),
            history=last_sightings(opened, cells, until=started_at),
        )
