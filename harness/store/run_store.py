"""Write runs to a store as their cells finish, and read them back.

Several processes may write to one store at once. Written results stay however a run ends; reading
never changes the file.
"""

import contextlib
import gc
import json
import secrets
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from pydantic import TypeAdapter

from harness import __version__
from harness.core.cells import Cell, Outcome
from harness.core.errors import ExitCode
from harness.core.matching import did_you_mean
from harness.core.observations import Observation
from harness.core.passport import Passport
from harness.matrix.cell_list import dump_cells, load_cells
from harness.results.grid import Grid, build_grid
from harness.results.runfile import Circumstances, Run, record_run
from harness.store.database import StoreError, connect, get_blob, put_blob, sql_errors, transaction
from harness.store.rows import (
    RUN_COLUMNS,
    Measured,
    RunInfo,
    insert_observation,
    insert_passport,
    read_passport,
    restore,
    run_info,
)

NIGHTLY = "nightly"
"""The label of the runs that ``last-night`` means."""

_CIRCUMSTANCES: TypeAdapter[Circumstances] = TypeAdapter(Circumstances)


@contextlib.contextmanager
def open_store(path: Path, *, write: bool = False) -> Iterator["Store"]:
    """Open the store at ``path``; a writer creates a missing one. Raises ``StoreError``."""
    connection = connect(path, write=write)
    try:
        yield Store(connection, path)
    finally:
        connection.close()


def known_durations(path: Path | None) -> dict[str, float]:
    """Return the durations by cell id in the store at ``path``; empty for None.

    Raises ``StoreError``.
    """
    if path is None:
        return {}
    with open_store(path) as store:
        return store.durations()


class Store:
    """Runs by id; every method raises ``StoreError``."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self.connection = connection
        self.path = path

    # --- writing ----------------------------------------------------------------------

    def begin(  # noqa: PLR0913 - one for each column
        self,
        cells: Sequence[Cell],
        *,
        label: str = "",
        shard: str = "",
        whole: Sequence[Cell] | None = None,
        started_at: str = "",
        run_id: str = "",
        harness: str = __version__,
    ) -> RunInfo:
        """Add a run of ``cells``; for a shard, ``whole`` are the cells of all shards.

        ``harness``: the version that measures it.
        """
        at = started_at or datetime.now(UTC).isoformat(timespec="seconds")
        run_id = run_id or f"{at[:19].replace('-', '').replace(':', '')}-{secrets.token_hex(4)}"
        with sql_errors(self.path), transaction(self.connection):
            cell_list = put_blob(self.connection, dump_cells(cells))
            all_of_them = (
                cell_list if whole is None else put_blob(self.connection, dump_cells(whole))
            )
            self.connection.execute(
                "INSERT INTO run (id, started_at, label, shard, harness, roster, whole, cells)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (run_id, at, label, shard, harness, cell_list, all_of_them, len(cells)),
            )
        return self.find(run_id)

    def add(
        self, run: RunInfo, seen: Sequence[Observation], passports: Sequence[Measured] = ()
    ) -> None:
        """Add observations of a run in one transaction."""
        if not (seen or passports):
            return
        with sql_errors(self.path), transaction(self.connection):
            for measured in passports:
                insert_passport(self.connection, measured)
            for observation in seen:
                insert_observation(self.connection, run.number, observation)

    def set_activities(self, run: RunInfo, doing: Mapping[str, str]) -> None:
        """Store what workers of a run do now, by worker; an idle one has an empty text."""
        rows = [(run.number, worker, text) for worker, text in doing.items()]
        with sql_errors(self.path), transaction(self.connection):
            self.connection.executemany("INSERT OR REPLACE INTO activity VALUES (?, ?, ?)", rows)
            self.connection.execute(
                "DELETE FROM activity WHERE run = ? AND doing = ''", (run.number,)
            )

    def end(self, run: RunInfo, circumstances: Circumstances, exit_code: int) -> None:
        words = _CIRCUMSTANCES.dump_json(circumstances).decode()
        with sql_errors(self.path), transaction(self.connection):
            self.connection.execute("DELETE FROM activity WHERE run = ?", (run.number,))
            self.connection.execute(
                "INSERT INTO ending (run, circumstances, exit_code) VALUES (?, ?, ?)",
                (run.number, words, int(exit_code)),
            )

    # --- reading ----------------------------------------------------------------------

    def runs(self) -> tuple[RunInfo, ...]:
        with sql_errors(self.path):
            rows = self.connection.execute(
                f"{RUN_COLUMNS} ORDER BY started_at DESC, number DESC"
            ).fetchall()
        return tuple(map(run_info, rows))

    def find(self, name: str, *, beside: str = "") -> RunInfo:
        """Return the run with that id or id prefix.

        ``last`` is the newest, ``last~2`` the second before it, ``last-night`` the newest with
        the label ``nightly``. The run ``beside`` (an id) is never returned.
        """
        runs = self.runs()
        found = [run for run in _by_name(runs, name, beside) if run.id != beside]
        if len(found) > 1:
            ids = " ".join(run.id for run in found[:4])
            raise StoreError(f"{self.path}: several runs begin with {name!r}: {ids}")
        if not found:
            known = ("last", "last-night", *(run.id for run in runs))
            hint = did_you_mean(name, known) if runs else "; it has no runs yet"
            raise StoreError(f"{self.path}: no run {name!r}{hint}; `wheelgrid runs` lists them")
        return found[0]

    def cells(self, run: RunInfo, *, whole: bool = False) -> tuple[Cell, ...]:
        """Return the planned cells; ``whole``: those of all shards."""
        with sql_errors(self.path):
            row = self.connection.execute(
                "SELECT roster, whole FROM run WHERE number = ?", (run.number,)
            ).fetchone()
            return load_cells(get_blob(self.connection, row[whole]))

    def observations(self, run: RunInfo, *, logs: bool = True) -> tuple[Observation, ...]:
        """Return the observations in order; ``logs``: with the output of wheels."""
        return self._seen("run = ? ORDER BY number", run.number, logs=logs)

    def _seen(self, condition: str, *values: object, logs: bool = True) -> tuple[Observation, ...]:
        with sql_errors(self.path):
            rows = self.connection.execute(
                f"SELECT record, provenance, log FROM seen WHERE {condition}",  # noqa: S608 - ours
                values,
            ).fetchall()
            return restore(self.connection, rows, logs=logs)

    def activities(self, run: RunInfo) -> dict[str, str]:
        """Return what the busy workers of a run do now, by worker."""
        with sql_errors(self.path):
            return dict(
                self.connection.execute(
                    "SELECT worker, doing FROM activity WHERE run = ? ORDER BY worker",
                    (run.number,),
                )
            )

    def numbered(self, run: RunInfo, *, after: int) -> list[tuple[int, Observation]]:
        """Return the observations of a run that were stored after the one with that number."""
        with sql_errors(self.path):
            rows = self.connection.execute(
                "SELECT record, provenance, log, number FROM seen WHERE run = ? AND number > ?"
                " ORDER BY number",
                (run.number, after),
            ).fetchall()
            seen = restore(self.connection, [row[:3] for row in rows])
        return [(row[3], each) for row, each in zip(rows, seen, strict=True)]

    def last_number(self, run: RunInfo) -> int:
        """Return the number of the last observation of a run; 0 if it has none."""
        return self._scalar("max(number)", run)

    def count_rows(self, run: RunInfo) -> int:
        """Return the number of stored observations of a run; a cell may have several."""
        return self._scalar("count(*)", run)

    def count_seen(self, run: RunInfo) -> int:
        """Return the number of observed cells of a run."""
        return self._scalar("count(DISTINCT cell)", run)

    def _scalar(self, what: str, run: RunInfo) -> int:
        with sql_errors(self.path):
            row = self.connection.execute(
                f"SELECT {what} FROM seen WHERE run = ?",  # noqa: S608 - words of this class
                (run.number,),
            ).fetchone()
        return int(row[0] or 0)

    def last_of(self, cell: str, run: RunInfo) -> Observation | None:
        """Return the last observation of a cell in a run, with its log; None if it has none."""
        last = "cell = ? AND run = ? ORDER BY number DESC LIMIT 1"
        return next(iter(self._seen(last, cell, run.number)), None)

    def latest(self, cells: Iterable[str]) -> tuple[Observation, ...]:
        """Return the last observation of each of ``cells`` (ids) in any run, without logs.

        Raises ``StoreError`` if there is no run.
        """
        self.find("last")
        return self._seen(
            "number IN (SELECT max(number) FROM seen"
            " WHERE cell IN (SELECT value FROM json_each(?)) GROUP BY cell)",
            json.dumps(list(cells)),
            logs=False,
        )

    def grid(self, run: RunInfo, *, logs: bool = True) -> Grid:
        """Return the run's grid, judged by the expectations of that run."""
        with _without_gc():
            seen = self.observations(run, logs=logs)
            return build_grid(self.cells(run), seen, self.circumstances(run).canaries)

    def circumstances(self, run: RunInfo) -> Circumstances:
        """Return the circumstances of the run; a killed one counts as interrupted."""
        with sql_errors(self.path):
            row = self.connection.execute(
                "SELECT circumstances FROM ending WHERE run = ? ORDER BY number DESC LIMIT 1",
                (run.number,),
            ).fetchone()
            if row:
                return _CIRCUMSTANCES.validate_json(row[0])
        return Circumstances(
            harness=run.harness, started_at=run.started_at, seconds=0, workers=0, interrupted=True
        )

    def run(self, run: RunInfo, *, logs: bool = True) -> Run:
        grid = self.grid(run, logs=logs)
        ids = {c.observation.provenance.passport_id for c in grid.cells if c.observation}
        whole = record_run(grid, self.circumstances(run), self.passports(sorted(ids)))
        if run.exit_code is None:
            return whole
        return replace(whole, exit_code=ExitCode(run.exit_code))

    def run_of(self, run: RunInfo, subject: str) -> Run:
        """Return the cells of one subject in a run, without logs."""
        cells = [cell for cell in self.cells(run) if cell.subject.id == subject]
        seen = self._seen(
            "run = ? AND cell IN (SELECT value FROM json_each(?)) ORDER BY number",
            run.number,
            json.dumps([cell.id for cell in cells]),
            logs=False,
        )
        return record_run(build_grid(cells, seen), self.circumstances(run))

    def passports(self, ids: Sequence[str] | None = None) -> dict[str, Passport]:
        """Return stored passports by id: those of ``ids``, or all."""
        with sql_errors(self.path):
            rows = self.connection.execute("SELECT id, passport FROM passport").fetchall()
            wanted = None if ids is None else set(ids)
            return {
                id: read_passport(self.connection, blob)
                for id, blob in rows  # noqa: A001 - the column's name
                if wanted is None or id in wanted
            }

    def measured(self) -> tuple[Measured, ...]:
        passports = self.passports()
        with sql_errors(self.path):
            rows = self.connection.execute("SELECT passport, key FROM environment").fetchall()
        return tuple(
            Measured(id=name, environment=key, passport=passports[name]) for name, key in rows
        )

    def durations(self) -> dict[str, float]:
        """Return the average seconds of measuring each cell id."""
        with sql_errors(self.path):
            rows = self.connection.execute(
                "SELECT cell, avg(seconds) FROM seen WHERE cached = 0 AND outcome != ?"
                " GROUP BY cell",
                (Outcome.MISS,),
            ).fetchall()
        return dict(rows)


@contextlib.contextmanager
def _without_gc() -> Iterator[None]:
    """Disable garbage collection; it takes half of the time while all objects are kept."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _by_name(runs: Sequence[RunInfo], name: str, beside: str) -> list[RunInfo]:
    """Return the runs, newest first, that a name may refer to."""
    if name == "last-night":
        return [run for run in runs if run.label == NIGHTLY and run.id != beside][:1]
    last, _, back = name.partition("~")
    if last == "last" and (back.isdecimal() or not back):
        place = int(back or 0)
        return list(runs[place : place + 1])
    return [run for run in runs if run.id == name] or [
        run for run in runs if run.id.startswith(name)
    ]
