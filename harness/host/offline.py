"""Whether this run may use the network: ``--offline`` uses the caches and the engine alone.

Everything that downloads asks here first, in this process and in those that it starts.
"""

import os

OFFLINE = "WHEELGRID_OFFLINE"
"""Environment variable; any value but an empty one and 0 keeps to the caches."""
WHY = "it is not in the cache, and --offline downloads nothing"


def is_offline() -> bool:
    """Return whether nothing may be downloaded."""
    return os.environ.get(OFFLINE, "0") not in ("", "0")
