"""``wheelgrid passport``: measure targets and record their passports."""

from pathlib import Path

import click

from harness.app.engine_wiring import open_prober
from harness.app.prober_options import ProberOptions
from harness.app.wiring import open_passports
from harness.cli.command import ExplainedCommand
from harness.cli.options import image_options, matrix_option, project_matrix
from harness.cli.settings import project_config
from harness.core.cells import Matrix
from harness.core.errors import ExitCode, UsageError
from harness.core.machines import machine_of
from harness.core.matching import did_you_mean, wheel_spelling
from harness.core.targets import Target
from harness.host.package_data import require_own
from harness.matrix.plan import Selection, plan_cells
from harness.passports.facts import fact_records, read_facts
from harness.passports.recording import PassportChange, record_passports
from harness.probe.prober import Prober
from harness.report.console import print_data
from harness.report.passport import format_entry, format_passport, passport_json
from harness.report.progress import ConsoleJournal


@click.command(
    cls=ExplainedCommand,
    example="wheelgrid passport debian-12/s390x\n"
    "wheelgrid passport --record --images local alpine-3.14 fedora-33/ppc64le\n"
    "wheelgrid passport --facts tests/data/facts.json",
)
@click.argument("targets", nargs=-1, metavar="TARGET[/ARCH]...")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line and target.")
@click.option(
    "--record", is_flag=True, help="Write passports for predictions, and print what changed."
)
@click.option("--profile", default="", metavar="NAME", help="All targets of this profile.")
@click.option(
    "--fresh", "remeasure", is_flag=True, help="Measure again even if the image did not change."
)
@click.option(
    "--facts",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Record the facts in FILE about the environments that replicas stand for, separately "
    "from measurements. No engine is needed.",
)
@image_options
@matrix_option
def passport(  # noqa: PLR0913 -- one parameter an option
    *,
    targets: tuple[str, ...],
    as_json: bool,
    record: bool,
    profile: str,
    remeasure: bool,
    facts: Path | None,
    images: str,
    registry: str,
    matrix: Path,
) -> ExitCode:
    """Measure suffixes, tags and libraries of targets.

    Without an arch, every arch of the target is measured. --record writes the passports, one file
    per target and arch, for `predict`, `explain` and `policy`: into wheelgrid-passports beside
    the project's configuration, or below the matrix folder if there is none. A target whose
    image did not change is not measured again.
    """
    if (record or facts) and not project_config():
        require_own(matrix, "--record" if record else "--facts")
    loaded = project_matrix(matrix)
    if facts:
        return _write_facts(facts, loaded, matrix)
    wanted = _wanted(loaded, targets, profile)
    options = ProberOptions(matrix_folder=matrix, images=images, registry=registry)
    with open_prober(loaded, options, ConsoleJournal()) as prober:
        if record:
            return _record(wanted, prober, matrix, remeasure=remeasure)
        for found in wanted:
            show = passport_json if as_json else format_passport
            print_data(show(found, prober.passport(found)))
    return ExitCode.AS_EXPECTED


def _record(targets: list[Target], prober: Prober, matrix: Path, *, remeasure: bool) -> ExitCode:
    book = open_passports(matrix, project_config())
    missed = False
    entries = record_passports(targets, prober, prober.symbols, book, remeasure=remeasure)
    for number, entry in enumerate(entries, 1):
        missed |= entry.change is PassportChange.MISSED
        print_data(f"{number}/{len(targets)} {format_entry(entry)}")
    for file in book.unused():
        file.unlink()
    return ExitCode.NOTHING_CAN_BE_SAID if missed else ExitCode.AS_EXPECTED


def _write_facts(file: Path, loaded: Matrix, matrix: Path) -> ExitCode:
    book = open_passports(matrix, project_config())
    pages = [book.write(record, {}) for record in fact_records(read_facts(file), loaded.targets)]
    print_data(f"{len(pages)} passports from {file} in {book.folder}")
    return ExitCode.AS_EXPECTED


def _wanted(matrix: Matrix, words: tuple[str, ...], profile: str) -> list[Target]:
    if not words and not profile:
        raise UsageError("name a TARGET, or take a profile's targets: --profile default")
    cells = plan_cells(matrix, Selection(profile=profile)) if profile else ()
    found = {cell.target.key: cell.target for cell in cells}
    found.update((target.key, target) for word in words for target in _targets(matrix, word))
    return list(found.values())


def _targets(matrix: Matrix, words: str) -> list[Target]:
    if on_machine := [t for t in matrix.targets if t.key == words]:
        return on_machine
    name, _, arch = words.partition("/")
    wanted = (name, wheel_spelling(arch)) if arch else (name,)
    plain = [t for t in matrix.targets if not machine_of(t)]
    found = [t for t in plain if (t.id, t.arch_name)[: len(wanted)] == wanted]
    if not found:
        known = [known for t in matrix.targets for known in (t.id, t.key)]
        raise UsageError(f"no target {words!r} in the matrix{did_you_mean(words, known)}")
    return found
