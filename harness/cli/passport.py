"""``wheelgrid passport``: what a target says of itself."""

from pathlib import Path

import click

from harness.cli.command import Command
from harness.cli.options import image_options, matrix_option
from harness.errors import UsageError
from harness.model import Matrix, Target
from harness.report.passport import format_passport, passport_json
from harness.report.progress import SpokenJournal
from harness.spelling import did_you_mean, wheel_spelling
from harness.wiring import LabOptions, open_lab, read_matrix


@click.command(cls=Command, example="wheelgrid passport debian-12/s390x")
@click.argument("target", metavar="TARGET[/ARCH]")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line and target.")
@image_options
@matrix_option
def passport(*, target: str, as_json: bool, images: str, registry: str, matrix: Path) -> None:
    """Measure what an interpreter builds, imports and installs.

    Without an arch: on every arch that the target has.
    """
    loaded = read_matrix(matrix)
    targets = _targets(loaded, target)
    options = LabOptions(matrix_folder=matrix, images=images, registry=registry)
    journal = SpokenJournal(lambda line: click.echo(line, err=True))
    with open_lab(loaded, options, journal) as lab:
        for found in targets:
            measured = lab.passport(found)
            show = passport_json if as_json else format_passport
            click.echo(show(found, measured))


def _targets(matrix: Matrix, words: str) -> list[Target]:
    name, _, arch = words.partition("/")
    wanted = (name, wheel_spelling(arch)) if arch else (name,)
    found = [t for t in matrix.targets if (t.id, t.arch_name)[: len(wanted)] == wanted]
    if not found:
        known = [known for t in matrix.targets for known in (t.id, t.key)]
        raise UsageError(f"no target {words!r} in the matrix{did_you_mean(words, known)}")
    return found
