"""Renew the package locks of a matrix from the distribution's signed indexes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.app.workspace import open_workspace
from harness.core.cells import Matrix
from harness.images.debian import PackageSet, SourceChoice
from harness.images.debian.lock_renewal import renew_locks
from harness.images.debian.package_lock import (
    FOLDER,
    SuiteLock,
    format_lock,
    lock_path,
    read_whole_locks,
)
from harness.matrix.package_sets import package_sets, source_packages


@dataclass(frozen=True, kw_only=True, slots=True)
class RenewedPackages:
    """The new text of each lock file, and the problems."""

    texts: Mapping[Path, str]
    problems: tuple[str, ...]


def renew_packages(
    matrix: Matrix, folder: Path, announce: Callable[[str], None], *, accept_seen: bool
) -> RenewedPackages:
    """Return locks of all packages that the matrix needs, from today's signed indexes.

    Every pinned package is downloaded unless it is cached; with a full cache this takes two
    minutes. A lock file that cannot be read is replaced. If a part of its content cannot be
    fetched, the file stays and is reported.
    """
    before, unreadable = read_whole_locks(folder)
    for problem in unreadable:
        announce(problem)
    sets, sources = package_sets(matrix), source_packages(matrix)
    renewal = renew_locks(
        sets,
        sources,
        before,
        open_workspace(folder, announce, locked=False).upstream,
        accept_seen=accept_seen,
    )
    texts = {
        lock_path(folder, suite): format_lock(lock)
        for suite, lock in renewal.locks.items()
        if suite in before
        or not lock_path(folder, suite).exists()
        or _is_whole(lock, sets, sources)
    }
    kept = [
        f"{path} stays unchanged: not all of its packages could be fetched"
        for path in sorted((folder / FOLDER).glob("*.lock"))
        if path.stem not in before and path not in texts
    ]
    return RenewedPackages(texts=texts, problems=(*renewal.problems, *kept))


def _is_whole(lock: SuiteLock, sets: Sequence[PackageSet], sources: Sequence[SourceChoice]) -> bool:
    """Whether a lock has every package set and source of its suite."""
    return all(lock.find(one) for one in sets if one.suite == lock.suite) and all(
        lock.source(choice.name) for choice in sources if lock.suite in choice.suites
    )
