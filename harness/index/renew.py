"""Renewing the lock: releases in, what the index has of them now out."""

from collections.abc import Iterable
from datetime import UTC, datetime

from harness.errors import PackageIndexError
from harness.index.fetch import PackageIndex
from harness.index.lock import IndexLock, requirement
from harness.model import IndexSource, Matrix


def pinned_releases(matrix: Matrix) -> tuple[IndexSource, ...]:
    """Return every index release that the matrix names, sorted.

    Companions, the replicas' installers and what builder images build with included.
    """
    sources = [subject.source for subject in matrix.subjects]
    companions = [companion for subject in matrix.subjects for companion in subject.companions]
    installers = [
        IndexSource(name="pip", version=target.replica.pip)
        for target in matrix.targets
        if target.replica is not None
    ]
    tools = [source for builder in matrix.builders for source in builder.requires]
    named = (*sources, *companions, *installers, *tools)
    found = {source for source in named if isinstance(source, IndexSource)}
    return tuple(sorted(found, key=requirement))


def renew_lock(releases: Iterable[IndexSource], index: PackageIndex) -> IndexLock:
    """Return a lock of ``releases`` as the index lists them today.

    Raises ``PackageIndexError`` with every release that cannot be pinned.
    """
    found = {}
    problems = []
    for release in releases:
        try:
            found[requirement(release)] = index.lookup(release.name, release.version)
        except PackageIndexError as error:
            problems.append(str(error))
    if problems:
        raise PackageIndexError("\n".join(problems))
    return IndexLock(generated=datetime.now(UTC).date(), releases=found)
