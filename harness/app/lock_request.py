"""Turn the locked dependencies of applications into subjects and cells."""

from collections.abc import Sequence
from pathlib import Path

from harness.app.requested import Candidate, ImportCheck
from harness.core.cells import Cell
from harness.core.errors import UsageError
from harness.core.machines import recorded_on
from harness.core.subjects import DependencyOptions, IndexSource, Subject
from harness.host.cache import Cache
from harness.predict.batch import Passports
from harness.wheels.dependencies.marker_environment import marker_environment
from harness.wheels.locks.application import LockedApplication
from harness.wheels.locks.stored import store_lock


def require_plain(check: ImportCheck, *, against: bool = False) -> None:
    """Raise ``UsageError`` if the user asks for what a lock file decides or only wheels have."""
    asked = check.dependencies
    options = asked and (asked.files or asked.constraints or asked.extras)
    if check.imports or check.call or check.companions or check.tests or options or against:
        raise UsageError(
            "a lock file has its own dependencies; leave out --import, --call, --extra, --with, "
            "--test, --find-links, --constraint and --against"
        )


def lock_candidates(
    applications: Sequence[LockedApplication], resolved: DependencyOptions | None, cache: Cache
) -> tuple[Candidate, ...]:
    """Return a candidate for each locked dependency.

    It takes its own dependencies from the same lock, or none without ``resolved``. Raises
    ``CacheError``.
    """
    found: dict[str, Candidate] = {}
    for application in applications:
        options = resolved and DependencyOptions(lock=store_lock(application, cache))
        for each in application.dependencies:
            subject = Subject(
                id=f"{each.name}-{each.version}",
                group=Path(application.path).name,
                source=each.source,
                imports=(),
                dependencies=options,
            )
            found.setdefault(subject.id, Candidate(subject=subject, tags=frozenset()))
    return tuple(found.values())


def needed_cells(
    cells: Sequence[Cell], applications: Sequence[LockedApplication], passports: Passports
) -> tuple[Cell, ...]:
    """Return the cells whose target needs the dependency, as far as its passport is recorded.

    Raises ``UsageError`` if none is left.
    """
    left = tuple(cell for cell in cells if _is_needed(cell, applications, passports))
    if not left:
        raise UsageError("no selected target needs anything of the lock file; choose others")
    return left


def _is_needed(cell: Cell, applications: Sequence[LockedApplication], passports: Passports) -> bool:
    passport = recorded_on(passports, cell.target) if applications else None
    if passport is None or not isinstance(cell.subject.source, IndexSource):
        return True
    environment = marker_environment(passport)
    return any(
        each.source == cell.subject.source and application.needs(each, environment)
        for application in applications
        for each in application.dependencies
    )
