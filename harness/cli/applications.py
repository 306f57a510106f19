"""``predict`` and ``check`` of lock files: the dependencies of an application, on targets."""

from collections.abc import Sequence
from pathlib import Path

import click

from harness.app.wiring import open_index, open_passports
from harness.core.errors import ExitCode
from harness.core.targets import Target
from harness.host.cache import Cache, default_cache_root
from harness.predict.lock_outlook import DependencyState, LockOutlook
from harness.report.console import Console, print_data, say
from harness.wheels.index.lock import NOTHING_PINNED
from harness.wheels.locks.application import LockedApplication, wheels_only
from harness.wheels.locks.lock_files import is_lock_file, read_lock_file


def lock_files(words: Sequence[str]) -> tuple[str, ...]:
    """Return the lock files among the words of a command line.

    Raises ``click.UsageError`` if there are wheels or releases too.
    """
    found = tuple(word for word in words if is_lock_file(word))
    if found and len(found) < len(words):
        other = next(word for word in words if word not in found)
        raise click.UsageError(f"{found[0]} is a lock file and {other} is not; give one kind")
    return found


def read_applications(words: Sequence[str], *, only_binary: bool) -> tuple[LockedApplication, ...]:
    """Return the dependencies of each lock file. Raises ``UsageError``."""
    read = map(read_lock_file, words)
    return tuple(map(wheels_only, read)) if only_binary else tuple(read)


def predict_locks(
    words: Sequence[str],
    targets: Sequence[Target],
    matrix: Path,
    *,
    only_binary: bool,
    every: bool,
    as_json: bool,
) -> ExitCode:
    """Print what becomes of each lock file on the targets.

    Exits 1 if one does not move to a target, and 3 if that cannot be said.
    """
    # These two take 0.06 s, and most predictions are of wheels.
    from harness.app.lock_prediction import predict_lock  # noqa: PLC0415
    from harness.report.applications import outlook_json, print_outlook  # noqa: PLC0415

    applications = read_applications(words, only_binary=only_binary)
    index, passports = open_index(NOTHING_PINNED, say), open_passports(matrix)
    cache, console = Cache(default_cache_root()), Console()
    outlooks = []
    for application in applications:
        outlook = predict_lock(application, targets, passports, index, cache, say)
        if as_json:
            print_data(outlook_json(outlook), end="")
        else:
            print_outlook(outlook, console, every=every)
        outlooks.append(outlook)
    return _exit_code(outlooks)


def _exit_code(outlooks: Sequence[LockOutlook]) -> ExitCode:
    if not all(outlook.moves(target) for outlook in outlooks for target in outlook.targets):
        return ExitCode.UNEXPECTED
    unknown = any(
        f.state is DependencyState.UNKNOWN for outlook in outlooks for f in outlook.forecasts
    )
    return ExitCode.NOTHING_CAN_BE_SAID if unknown else ExitCode.AS_EXPECTED
