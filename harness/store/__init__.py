"""Store all runs in one SQLite file: cells, transitions, passports, logs.

``tables.py`` defines the schema, ``database.py`` opens the file, ``rows.py`` converts rows,
``run_store.py`` writes and reads runs, ``run_lookup.py`` finds them, ``history.py`` queries across
runs, ``reuse.py`` serves stored results to the prober, ``recorder.py`` stores a run in progress,
``run_lock.py`` allows one writer per run, ``merge.py`` merges shards.
"""

from harness.store.database import StoreError, default_store
from harness.store.rows import RunInfo
from harness.store.run_store import Store, open_store

__all__ = ["RunInfo", "Store", "StoreError", "default_store", "open_store"]
