"""Convert values to rows of a store, and back.

The caller holds the transaction and handles SQLite errors.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace

from pydantic import TypeAdapter

from harness.core.cells import Outcome
from harness.core.observations import Observation, Provenance
from harness.core.passport import Passport
from harness.store.database import get_blob, put_blob

_OBSERVATION: TypeAdapter[Observation] = TypeAdapter(Observation)
_OBSERVATIONS: TypeAdapter[list[Observation]] = TypeAdapter(list[Observation])
_PROVENANCE: TypeAdapter[Provenance] = TypeAdapter(Provenance)
_PASSPORT: TypeAdapter[Passport] = TypeAdapter(Passport)
RUN_COLUMNS = """
    SELECT run.number, id, started_at, label, shard, harness, cells, whole, (
        SELECT exit_code FROM ending WHERE run = run.number ORDER BY number DESC LIMIT 1
    ) FROM run"""


@dataclass(frozen=True, kw_only=True, slots=True)
class RunInfo:
    """A run, apart from its cells."""

    number: int
    """Its number in this store."""
    id: str
    started_at: str
    """UTC, ISO 8601."""
    label: str
    shard: str
    """``K/N``; empty for a whole run."""
    harness: str
    cells: int
    """Number of planned cells."""
    whole: str
    """Digest of the cell list of all shards together."""
    exit_code: int | None
    """None if it is running or was killed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """A passport and the environment that it was measured in."""

    id: str
    environment: str
    """Key of image, interpreter, agent, emulator, engine and kernel."""
    passport: Passport


def run_info(row: tuple[int, str, str, str, str, str, int, str, int | None]) -> RunInfo:
    """Return the run of a row of ``RUN_COLUMNS``."""
    number, run_id, started_at, label, shard, version, cells, whole, exit_code = row
    return RunInfo(
        number=number, id=run_id, started_at=started_at, label=label, shard=shard,
        harness=version, cells=cells, whole=whole, exit_code=exit_code,
    )  # fmt: skip


def insert_passport(connection: sqlite3.Connection, measured: Measured) -> None:
    """Store a passport and the environment that it was measured in."""
    blob = put_blob(connection, _PASSPORT.dump_json(measured.passport))
    connection.execute("INSERT OR IGNORE INTO passport VALUES (?, ?)", (measured.id, blob))
    if measured.environment:
        connection.execute(
            "INSERT OR REPLACE INTO environment VALUES (?, ?)", (measured.environment, measured.id)
        )


def insert_observation(connection: sqlite3.Connection, run: int, seen: Observation) -> None:
    """Add an observation of a run, and a transition if the result changed."""
    log = put_blob(connection, seen.log.encode()) if seen.log else ""
    provenance = put_blob(connection, _PROVENANCE.dump_json(seen.provenance))
    bare = replace(seen, log="", provenance=Provenance())
    before = connection.execute(
        "SELECT number, outcome, cause FROM seen WHERE cell = ? AND outcome != ?"
        " ORDER BY number DESC LIMIT 1",
        (seen.cell, Outcome.MISS),
    ).fetchone()
    row = connection.execute(
        "INSERT INTO seen (run, cell, outcome, cause, key, cached, seconds, record, provenance,"
        " log) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            run, seen.cell, seen.outcome, seen.cause, seen.key, seen.cached,
            seen.seconds.get("total", 0.0),
            _OBSERVATION.dump_json(bare, exclude_defaults=True).decode(), provenance, log,
        ),
    )  # fmt: skip
    if seen.outcome is Outcome.MISS:
        return
    if before is None or before[1:] != (seen.outcome, seen.cause):
        connection.execute(
            "INSERT INTO transition VALUES (?, ?, ?)",
            (row.lastrowid, before[0] if before else None, seen.cell),
        )


def restore(
    connection: sqlite3.Connection, rows: Sequence[tuple[str, str, str]], *, logs: bool = True
) -> tuple[Observation, ...]:
    """Return observations from rows of record, provenance and log."""
    bare = _OBSERVATIONS.validate_json("[" + ",".join(row[0] for row in rows) + "]")
    sources = {
        digest: _PROVENANCE.validate_json(get_blob(connection, digest))
        for digest in {row[1] for row in rows}
    }
    texts = {
        digest: get_blob(connection, digest).decode()
        for digest in ({row[2] for row in rows} if logs else ())
        if digest
    }
    return tuple(
        replace(observation, provenance=sources[provenance], log=texts.get(log, ""))
        for observation, (_, provenance, log) in zip(bare, rows, strict=True)
    )


def read_passport(connection: sqlite3.Connection, blob: str) -> Passport:
    """Return the passport stored under that digest."""
    return _PASSPORT.validate_json(get_blob(connection, blob))
