"""Open the workspace in which images, headers and interpreters are made."""

import os
from collections.abc import Callable
from pathlib import Path

from harness.app.prober_options import LATEST
from harness.host.cache import Cache, default_cache_root
from harness.images.debian import Upstream, Workspace
from harness.images.debian.package_lock import read_locks
from harness.images.debian.upstream import Settings
from harness.matrix.files.load import load_suites


def open_workspace(
    folder: Path,
    announce: Callable[[str], None],
    cache: Cache | None = None,
    *,
    locked: bool = True,
) -> Workspace:
    """Return the workspace for images, headers and interpreters, as the matrix folder pins it.

    Raises ``MatrixFileError`` for a broken lock or ``suites.yaml``.
    """
    cache = cache or Cache(default_cache_root(), announce)
    settings = Settings(
        locks=read_locks(folder) if locked else {},
        suites={suite.id: suite for suite in load_suites(folder)} if folder.is_dir() else {},
        latest=bool(os.environ.get(LATEST)),
    )
    return Workspace(cache=cache, upstream=Upstream(settings, cache, announce), announce=announce)
