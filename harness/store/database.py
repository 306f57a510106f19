"""Open the SQLite file of a store, check it and migrate it.

A file that is not a store, is damaged, or is of a newer harness is reported and not changed.
"""

import contextlib
import errno
import hashlib
import sqlite3
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import platformdirs
from pydantic import ValidationError

from harness.core.errors import HarnessError
from harness.host.cache import user_folder
from harness.store.tables import APPLICATION_ID, MIGRATIONS

WAIT = 60.0
"""Seconds to wait for another writer."""


class StoreError(HarnessError):
    """A store cannot be used: not a store, damaged, too new, or not writable."""


class FullStoreError(StoreError):
    """The disk is full; the same may succeed later."""


def default_store() -> Path:
    """Return the store in the user's data directory. Raises ``StoreError`` without one."""
    folder = user_folder(platformdirs.user_data_path)
    if folder is None:
        raise StoreError("this user has no home directory; set HOME, or use --store")
    return folder / "store.db"


@contextlib.contextmanager
def sql_errors(path: Path) -> Iterator[None]:
    """Convert SQLite and file errors to ``StoreError``."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        kind = FullStoreError if _is_full(error) else StoreError
        raise kind(f"{path}: {_complaint(error)}") from error
    except ValidationError as error:
        what = sqlite3.DatabaseError(f"damaged: {error.errors()[0]['msg']}")
        raise StoreError(f"{path}: {_complaint(what)}") from error


def connect(
    path: Path, *, write: bool, migrations: Sequence[str] = MIGRATIONS
) -> sqlite3.Connection:
    """Return a connection to the store at ``path``.

    A writer creates a missing file and migrates an older one. Raises ``StoreError``.
    """
    with sql_errors(path):
        if write:
            path.parent.mkdir(parents=True, exist_ok=True)
        elif not path.exists():
            raise StoreError(
                f"{path}: no such store; `wheelgrid run` writes one, --store selects another"
            )
        connection = sqlite3.connect(
            f"{path.resolve().as_uri()}?mode={'rwc' if write else 'ro'}",
            uri=True,
            timeout=WAIT,
            isolation_level=None,
        )
        try:
            _prepare(connection, path, write=write, migrations=migrations)
        except BaseException:
            connection.close()
            raise
    return connection


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Run one transaction; wait for another writer."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def put_blob(connection: sqlite3.Connection, data: bytes) -> str:
    """Store ``data`` once and return its digest."""
    digest = hashlib.sha256(data).hexdigest()
    known = connection.execute("SELECT 1 FROM blob WHERE digest = ?", (digest,)).fetchone()
    if not known:
        connection.execute("INSERT INTO blob VALUES (?, ?)", (digest, zlib.compress(data)))
    return digest


def get_blob(connection: sqlite3.Connection, digest: str) -> bytes:
    """Return the data of a digest. Raises ``sqlite3.DatabaseError`` if it is damaged."""
    row = connection.execute("SELECT data FROM blob WHERE digest = ?", (digest,)).fetchone()
    try:
        data = zlib.decompress(row[0]) if row else b""
    except zlib.error as error:
        raise sqlite3.DatabaseError(f"damaged: {error}") from error
    if row is None or hashlib.sha256(data).hexdigest() != digest:
        raise sqlite3.DatabaseError(f"damaged: {digest[:12]} is not what was written")
    return data


def _prepare(
    connection: sqlite3.Connection, path: Path, *, write: bool, migrations: Sequence[str]
) -> None:
    version = _check(connection, path, newest=len(migrations))
    if not write:
        if version < len(migrations):
            raise StoreError(
                f"{path}: written by an older harness; `wheelgrid run --store {path}` migrates it"
            )
        return
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    if version == len(migrations):
        return
    with transaction(connection):
        # Check again under the lock: another run may have migrated the file meanwhile.
        for number in range(_check(connection, path, newest=len(migrations)), len(migrations)):
            for statement in _statements(migrations[number]):
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {len(migrations)}")


def _statements(script: str) -> Iterator[str]:
    # Not executescript, which would commit the transaction of the migration.
    statement = ""
    for line in script.splitlines():
        statement += line.partition("--")[0] + "\n"
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    if statement.strip():
        yield statement


def _check(connection: sqlite3.Connection, path: Path, *, newest: int) -> int:
    """Return the version of the file, 0 if it is empty. Raises ``StoreError``."""
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if application != APPLICATION_ID and tables:
        raise StoreError(
            f"{path}: a database of another program, not changed; choose another --store"
        )
    if version > newest:
        raise StoreError(
            f"{path}: written by a newer harness (version {version}, this one knows {newest}); "
            "upgrade wheelgrid, or choose another --store"
        )
    return version if tables else 0


def _is_full(error: sqlite3.Error | OSError) -> bool:
    return getattr(error, "errno", None) == errno.ENOSPC or (
        getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
    )


def _complaint(error: sqlite3.Error | OSError) -> str:
    if _is_full(error):
        return "the disk is full; earlier results are kept, free some space and resume"
    if isinstance(error, OSError):
        return f"cannot be used: {error.strerror or error}; choose another --store"
    words = str(error)
    if "not a database" in words:
        return "not a store; the file is not changed, choose another --store"
    if "malformed" in words or "damaged" in words:
        return (
            f"the store is damaged ({words}) and not changed; "
            "move it away, or recover what `sqlite3 FILE .recover` finds"
        )
    if "locked" in words:
        return f"another run has been writing for {WAIT:.0f} s; try again when it has ended"
    return f"cannot be used: {words}; choose another --store"
