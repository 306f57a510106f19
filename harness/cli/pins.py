"""``wheelgrid pins``: what the matrix pins, and pinning it again."""

from datetime import UTC, datetime
from pathlib import Path

import click

from harness.cli.command import Command
from harness.cli.options import matrix_option, registry_option
from harness.engine.distribution import newest_digest
from harness.errors import ExitCode
from harness.images.registry import mirrored
from harness.index.lock import LOCK_NAME, NOTHING_PINNED, write_lock
from harness.index.renew import pinned_releases, renew_lock
from harness.renewal import arches_of, ask_registries, image_texts, patch_of, pins_of, renew_images
from harness.report.runfile import write_whole
from harness.wiring import open_index, read_matrix


@click.command(cls=Command, example="wheelgrid pins --update | less")
@click.option("--update", is_flag=True, help="Pin what registries and the package index have now.")
@registry_option
@matrix_option
def pins(*, update: bool, registry: str, matrix: Path) -> ExitCode:
    """Show which images of the matrix are pinned; with --update, pin all anew.

    --update writes digests into the matrix files and renews index.lock.json, and prints what
    changed as a patch; with --registry a mirror says the digests, and the names stay. An image
    whose registry does not answer stays as it is: exit 3.
    """
    texts, read = image_texts(matrix), read_matrix(matrix)
    arches = arches_of(read)
    if not update:
        for pin in pins_of(texts, arches):
            click.echo(f"{pin.image}  {pin.digest or 'not pinned'}  {pin.day}".rstrip())
        return ExitCode.AS_EXPECTED
    lock = matrix / LOCK_NAME
    texts[lock] = lock.read_text("utf-8") if lock.exists() else ""
    index = open_index(NOTHING_PINNED, lambda line: click.echo(line, err=True))
    write_lock(lock, renew_lock(pinned_releases(read), index))
    yaml = {path: text for path, text in texts.items() if path != lock}
    digests = ask_registries(
        pins_of(yaml, arches), lambda image: newest_digest(mirrored(image, registry))
    )
    renewed = renew_images(yaml, digests, datetime.now(UTC).date(), arches)
    for path, text in renewed.items():
        write_whole(path, text.encode())
    click.echo(patch_of(texts, {**renewed, lock: lock.read_text("utf-8")}), nl=False)
    for problem in digests.problems:
        click.echo(problem, err=True)
    return ExitCode.NOTHING_CAN_BE_SAID if digests.problems else ExitCode.AS_EXPECTED
