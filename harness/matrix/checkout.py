"""Find what changed in the checkout since a git revision.

Uncommitted changes count too, so that a laptop selects the same cells as CI.
"""

import io
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from harness.core.cells import Cell, Matrix
from harness.core.errors import MatrixFileError, UsageError
from harness.host.package_data import require_own
from harness.host.process import ProcessError, run_process
from harness.host.tararchive import unpack_tar
from harness.images.debian import PackageSet, SourceChoice
from harness.images.debian.package_lock import FOLDER, SuiteLock, read_whole_locks
from harness.matrix.affected import Edit, affected_cells, affects_all
from harness.matrix.files import load_matrix
from harness.matrix.package_sets import builder_sets, builder_sources, target_sets, target_sources
from harness.matrix.plan import Selection, or_default_profile, plan_cells
from harness.wheels.index.lock import LOCK_NAME, NOTHING_PINNED, IndexLock, read_lock
from harness.wheels.index.renew import pinned_releases

SECONDS = 60.0
"""Timeout of one git command."""


def choose_changed(
    matrix: Matrix, selection: Selection, base: str | None, folder: Path
) -> tuple[Cell, ...]:
    """Return the selected cells; with ``base``, only those affected by the changes since then.

    With ``base``, an empty selection means every cell, or the default profile if the change
    affects all cells. Raises what ``plan_cells`` and ``read_edit`` raise.
    """
    if base is None:
        return plan_cells(matrix, or_default_profile(matrix, selection))
    require_own(folder, "--changed")
    edit = read_edit(base, folder, matrix)
    wanted = or_default_profile(matrix, selection) if affects_all(edit) else selection
    return affected_cells(plan_cells(matrix, wanted), matrix, edit)


def read_edit(base: str, folder: Path, matrix: Matrix) -> Edit:
    """Return what changed since this branch left ``base``, a git revision.

    ``folder`` holds the current files of ``matrix``. Raises ``UsageError`` if git does not know
    the revision or the folder is not in a checkout.
    """
    top = Path(_git(folder, base, "rev-parse", "--show-toplevel").strip())
    fork = _git(top, base, "merge-base", "--", base, "HEAD").strip()
    differ = _git(top, base, "diff", "--name-only", "--no-renames", "-z", fork, "--")
    untracked = _git(top, base, "ls-files", "--others", "--exclude-standard", "-z")
    with tempfile.TemporaryDirectory(prefix="wheelgrid-base-") as scratch:
        was = _extract_matrix(top, base, fork, folder, Path(scratch))
        before, lock = _matrix(was), _lock(was)
        relocked = frozenset(_relocked(matrix, before, was, folder))
    now = _lock(folder)
    return Edit(
        paths=frozenset(filter(None, f"{differ}{untracked}".split("\0"))),
        before=before,
        repinned=frozenset(r for r in pinned_releases(matrix) if lock.find(r) != now.find(r)),
        relocked=relocked,
        resolved_anew=frozenset(
            subject.id
            for subject in matrix.subjects
            if lock.dependency_wheels(subject.id) != now.dependency_wheels(subject.id)
        ),
    )


def _relocked(matrix: Matrix, before: Matrix | None, was: Path, now: Path) -> Iterator[str]:
    """Yield the targets and builders whose locked packages changed.

    A changed suite entry counts too, because it may change which index is used.
    """
    old, new = (read_whole_locks(folder)[0] for folder in (was, now))
    known = {suite.id: suite for suite in before.suites} if before else {}
    changed = {suite.id for suite in matrix.suites if known.get(suite.id) != suite}
    changed |= known.keys() - {suite.id for suite in matrix.suites}
    nothing = SuiteLock(suite="")

    def differs(sets: Iterable[PackageSet], sources: Iterable[SourceChoice]) -> bool:
        return any(
            one.suite in changed
            or old.get(one.suite, nothing).find(one) != new.get(one.suite, nothing).find(one)
            for one in sets
        ) or any(
            suite in changed
            or old.get(suite, nothing).source(choice.name)
            != new.get(suite, nothing).source(choice.name)
            for choice in sources
            for suite in choice.suites
        )

    for target in matrix.targets:
        if differs(target_sets(target), target_sources(target)):
            yield target.key
    for builder in matrix.builders:
        if differs(builder_sets(builder), builder_sources(builder)):
            yield builder.id


def _extract_matrix(top: Path, base: str, commit: str, folder: Path, scratch: Path) -> Path:
    """Write the matrix files of ``commit`` into ``scratch`` and return their folder."""
    inside = folder.resolve().relative_to(top.resolve())
    # The matrix files and package locks, without passports.
    folders = [place.as_posix() for place in (inside, inside / FOLDER)]
    there = [f for f in folders if _git(top, base, "ls-tree", commit, "--", f)]
    if not there:
        return scratch / inside
    argv = ("git", "archive", "--format=tar", commit, "--", *(f":(glob){f}/*" for f in there))
    packed = _run(top, base, *argv)
    unpack_tar(io.BytesIO(packed), scratch)
    return scratch / inside


def _matrix(folder: Path) -> Matrix | None:
    try:
        return load_matrix(folder, None)
    except MatrixFileError:
        return None


def _lock(folder: Path) -> IndexLock:
    """Return the lock of the folder, or an empty one if it is missing or unreadable."""
    try:
        return read_lock(folder / LOCK_NAME)
    except MatrixFileError:
        return NOTHING_PINNED


def _git(where: Path, base: str, *words: str) -> str:
    return _run(where, base, "git", *words).decode("utf-8", "surrogateescape")


def _run(where: Path, base: str, *argv: str) -> bytes:
    try:
        return run_process(argv, timeout=SECONDS, cwd=where)
    except ProcessError as error:
        raise UsageError(
            f"--changed {base}: {error}; name a commit or branch that this checkout has, "
            "fetched with its history"
        ) from error
