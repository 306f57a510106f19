"""``wheelgrid pins``: show and renew what the matrix pins."""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import click

from harness.app.index_renewal import renew_index
from harness.app.package_renewal import renew_packages
from harness.app.wiring import read_matrix
from harness.cli.command import ExplainedCommand
from harness.cli.options import matrix_option, mirror_option, registry_option
from harness.core.cells import Matrix
from harness.core.errors import ExitCode, MatrixFileError
from harness.host.engine.docker import connect
from harness.host.package_data import require_own
from harness.images.debian.package_lock import describe_lock, read_locks
from harness.images.registry import mirrored
from harness.matrix.pin_renewal import (
    arches_of,
    ask_registries,
    image_texts,
    patch_of,
    pins_of,
    renew_images,
)
from harness.report.console import print_data, say
from harness.results.runfile import write_whole
from harness.wheels.index.lock import LOCK_NAME, NOTHING_PINNED, IndexLock, format_lock, read_lock

_IMAGES, _WHEELS, _PACKAGES = "images", "wheels", "packages"


@click.command(cls=ExplainedCommand, example="wheelgrid pins --update | less")
@click.option("--update", is_flag=True, help="Renew the pins.")
@click.option(
    "--only",
    type=click.Choice([_IMAGES, _WHEELS, _PACKAGES]),
    multiple=True,
    help="Renew only these; all by default.",
)
@click.option(
    "--accept-seen",
    is_flag=True,
    help="If a mirror's index lists packages that its pool does not have yet, take those of the "
    "previous index, which is no longer signed.",
)
@mirror_option
@registry_option
@matrix_option
def pins(
    *, update: bool, only: tuple[str, ...], accept_seen: bool, registry: str, matrix: Path
) -> ExitCode:
    """Show or renew pinned images, wheels and Debian packages.

    --update writes image digests into the matrix files, renews index.lock.json and
    packages/*.lock, and prints the changes as a patch. With --registry, digests come from a
    mirror and names stay. A pin that cannot be renewed stays and is reported: exit 3.
    """
    if update:
        require_own(matrix, "--update")
    read = read_matrix(matrix)
    if not update:
        _show(read, matrix)
        return ExitCode.AS_EXPECTED
    chosen = only or (_IMAGES, _WHEELS, _PACKAGES)
    renewed: list[_Renewed] = []
    if _PACKAGES in chosen:
        packages = renew_packages(read, matrix, say, accept_seen=accept_seen)
        renewed.append(_Renewed(texts=packages.texts, problems=packages.problems))
    if _WHEELS in chosen:
        renewed.append(_renew_wheels(read, matrix))
    if _IMAGES in chosen:
        renewed.append(_renew_images(read, matrix, registry))
    after = {path: text for each in renewed for path, text in each.texts.items()}
    before = {path: path.read_bytes().decode() for path in after if path.exists()}
    for path, text in after.items():
        path.parent.mkdir(exist_ok=True)
        write_whole(path, text.encode())
    print_data(patch_of(before, after), end="")
    problems = [problem for each in renewed for problem in each.problems]
    for problem in problems:
        say(problem)
    return ExitCode.NOTHING_CAN_BE_SAID if problems else ExitCode.AS_EXPECTED


@dataclass(frozen=True, kw_only=True, slots=True)
class _Renewed:
    """New texts of files, and why other pins stayed."""

    texts: Mapping[Path, str]
    problems: tuple[str, ...] = ()


def _show(read: Matrix, matrix: Path) -> None:
    for pin in pins_of(image_texts(matrix), arches_of(read)):
        print_data(f"{pin.image}  {pin.digest or 'not pinned'}  {pin.day}".rstrip())
    for lock in read_locks(matrix).values():
        print_data(f"Debian {lock.suite}  {describe_lock(lock)}")


def _renew_wheels(read: Matrix, matrix: Path) -> _Renewed:
    path = matrix / LOCK_NAME
    problems: list[str] = []
    lock = renew_index(read, matrix, before=_read_or_empty(path), report=problems.append)
    return _Renewed(texts={path: format_lock(lock)}, problems=tuple(problems))


def _renew_images(read: Matrix, matrix: Path, registry: str) -> _Renewed:
    texts, arches = image_texts(matrix), arches_of(read)
    with closing(connect()) as engine:
        digests = ask_registries(
            pins_of(texts, arches), lambda image: engine.registry_digest(mirrored(image, registry))
        )
    return _Renewed(
        texts=renew_images(texts, digests, datetime.now(UTC).date(), arches),
        problems=digests.problems,
    )


def _read_or_empty(path: Path) -> IndexLock:
    """Return the lock, or an empty one if it is missing or broken."""
    try:
        return read_lock(path)
    except MatrixFileError:
        return NOTHING_PINNED
