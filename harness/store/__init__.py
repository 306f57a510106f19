"""What was ever measured, in one SQLite file: runs, cells, transitions, passports, logs.

In: observations as they come. Out: runs as they were, and what history says of a cell.
``tables.py`` is the file's shape, ``database.py`` opens it, ``rows.py`` says what a row stands for,
``run_store.py`` writes and reads runs, ``run_lookup.py`` finds them, ``report/listing.py`` tells of
them, ``history.py`` asks across runs, ``reuse.py`` is what a prober asks of it, ``recorder.py``
takes a run in as it goes, ``run_lock.py`` lets one process at a time write it, ``merge.py`` joins
the shards of a run.
"""

from harness.store.database import StoreError, default_store
from harness.store.rows import RunInfo
from harness.store.run_store import Store, open_store

__all__ = ["RunInfo", "Store", "StoreError", "default_store", "open_store"]
