"""The schema of a store's file, as migrations in order.

Rows are only added, but for ``activity``. ``blob`` holds shared data, compressed with zlib and
named by its SHA-256. If a run has two rows of a cell in ``seen``, the last one counts.
"""

APPLICATION_ID = 0x57475244
"""``WGRD``: bytes 68 to 71 of the file (https://sqlite.org/fileformat.html#application_id)."""

MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE blob (digest TEXT PRIMARY KEY, data BLOB NOT NULL) WITHOUT ROWID;
    CREATE TABLE run (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        started_at TEXT NOT NULL,      -- UTC, ISO 8601
        label TEXT NOT NULL,
        shard TEXT NOT NULL,           -- K/N, or empty
        harness TEXT NOT NULL,
        roster TEXT NOT NULL,          -- blob: the cells of this run
        whole TEXT NOT NULL,           -- blob: the cells of all shards together
        cells INTEGER NOT NULL         -- how many there are in roster
    );
    CREATE INDEX run_label ON run (label, number);
    -- A run that is resumed has several; the last one counts. A killed run has none.
    CREATE TABLE ending (
        number INTEGER PRIMARY KEY,
        run INTEGER NOT NULL,
        circumstances TEXT NOT NULL,   -- JSON
        exit_code INTEGER NOT NULL
    );
    CREATE INDEX ending_run ON ending (run);
    CREATE TABLE seen (
        number INTEGER PRIMARY KEY,
        run INTEGER NOT NULL,
        cell TEXT NOT NULL,
        outcome TEXT NOT NULL,
        cause TEXT NOT NULL,
        key TEXT NOT NULL,             -- all that the result depends on, or empty
        cached INTEGER NOT NULL,
        seconds REAL NOT NULL,
        record TEXT NOT NULL,          -- JSON: an observation without provenance and log
        provenance TEXT NOT NULL,      -- blob: JSON
        log TEXT NOT NULL              -- blob, or empty
    );
    CREATE INDEX seen_run ON seen (run);
    CREATE INDEX seen_cell ON seen (cell);
    CREATE INDEX seen_key ON seen (key) WHERE key != '';
    -- A cell that is not what it was when it was last seen; its first sighting too.
    CREATE TABLE transition (
        seen INTEGER PRIMARY KEY,
        before INTEGER,                -- number in seen; NULL: its first sighting
        cell TEXT NOT NULL
    );
    CREATE INDEX transition_cell ON transition (cell);
    CREATE TABLE passport (id TEXT PRIMARY KEY, passport TEXT NOT NULL) WITHOUT ROWID;  -- blob
    -- Which passport an image shows in one environment, so that it need not be asked again.
    CREATE TABLE environment (
        key TEXT PRIMARY KEY, passport TEXT NOT NULL
    ) WITHOUT ROWID;
    """,
    """
    -- What the workers of a run do just now; no row of an idle worker, or of a run that has ended.
    CREATE TABLE activity (
        run INTEGER NOT NULL, worker TEXT NOT NULL, doing TEXT NOT NULL,
        PRIMARY KEY (run, worker)
    ) WITHOUT ROWID;
    """,
)
VERSION = len(MIGRATIONS)
