"""Renewing what is pinned of the distribution: a matrix in, the new text of its locks out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.app.wiring import open_workspace
from harness.core.cells import Matrix
from harness.core.errors import MatrixFileError
from harness.images.debian.lock_renewal import renew_locks
from harness.images.debian.package_lock import format_lock, lock_path, read_locks
from harness.matrix.package_sets import package_sets, source_packages


@dataclass(frozen=True, kw_only=True, slots=True)
class RenewedPackages:
    """The locks of every suite, as text, and what stayed as it was."""

    texts: Mapping[Path, str]
    problems: tuple[str, ...]


def renew_packages(
    matrix: Matrix, folder: Path, announce: Callable[[str], None], *, accept_seen: bool
) -> RenewedPackages:
    """Return the locks of all that the matrix takes, as the signed indexes have it today.

    Downloads what the cache lacks, since nothing is pinned that cannot be fetched. Takes two
    minutes where it is all there. A lock that cannot be read is made anew.
    """
    try:
        before = read_locks(folder)
    except MatrixFileError as error:
        announce(f"{error}")
        before = {}
    renewal = renew_locks(
        package_sets(matrix),
        source_packages(matrix),
        before,
        open_workspace(folder, announce, locked=False).upstream,
        accept_seen=accept_seen,
    )
    return RenewedPackages(
        texts={
            lock_path(folder, suite): format_lock(lock) for suite, lock in renewal.locks.items()
        },
        problems=renewal.problems,
    )
