"""Renew the lock from what the index lists now."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from harness.core.cells import Matrix
from harness.core.errors import PackageIndexError
from harness.core.subjects import IndexSource
from harness.wheels.index.fetch import PackageIndex
from harness.wheels.index.lock import NOTHING_PINNED, IndexLock, requirement


def pinned_releases(matrix: Matrix) -> tuple[IndexSource, ...]:
    """Return every index release that the matrix names, sorted.

    Includes companions, the replicas' pips and the build requirements of builder images.
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


def renew_lock(
    releases: Iterable[IndexSource],
    index: PackageIndex,
    before: IndexLock = NOTHING_PINNED,
    report: Callable[[str], None] = print,
) -> IndexLock:
    """Return a lock of ``releases`` as the index lists them today.

    A release that cannot be pinned is copied from ``before``, and ``report`` gets a line. Raises
    ``PackageIndexError`` with every one that ``before`` lacks too.
    """
    found = {}
    problems = []
    for release in releases:
        try:
            found[requirement(release)] = index.lookup(release.name, release.version)
        except PackageIndexError as error:
            kept = before.find(release)
            if kept is None:
                problems.append(str(error))
            else:
                found[requirement(release)] = kept
                report(f"{error}; its old pin is kept")
    if problems:
        raise PackageIndexError("\n".join(problems))
    return IndexLock(generated=datetime.now(UTC).date(), releases=found)
