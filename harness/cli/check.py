"""``wheelgrid check``: probe a user's wheels on every target that they fit."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import click

from harness.app.execute import (
    Conclude,
    choose_cells,
    count_disagreements,
    count_findings,
    require_met,
    run_cells,
)
from harness.app.make_ahead import without_compiled
from harness.app.pytest_driver import RunOptions
from harness.app.requested import ImportCheck, expected_of, not_applicable, read_candidates
from harness.app.wiring import open_index, read_matrix
from harness.cli.command import ExplainedCommand
from harness.cli.dependency_options import dependency_options
from harness.cli.options import (
    query_option,
    run_options,
    selection_options,
    strict_prediction_option,
    strict_wheel_option,
)
from harness.core.errors import ExitCode
from harness.core.subjects import DependencyOptions, IndexSource
from harness.host.compiler import MISSING, has_compiler
from harness.matrix.plan import Selection, all_cells, or_default_profile, plan_cells, with_subjects
from harness.report.console import Console, print_data, say
from harness.report.gate import format_gate
from harness.report.planned import format_compiled, format_not_applicable
from harness.results.gate import GatePair, compare_releases, pair_up, with_distinct_ids
from harness.results.grid import Grid, exit_code
from harness.results.query import Query
from harness.wheels.facts_reader import start_reading_process
from harness.wheels.index.lock import LOCK_NAME, read_lock


@click.command(
    cls=ExplainedCommand,
    example="wheelgrid check dist/*.whl --call 'mypkg.add(1, 2) == 3'\n"
    "wheelgrid check numpy==2.4.6 --target 'debian-1*' --arch s390x\n"
    "wheelgrid check dist --against mypkg==1.2.3 -q 'arch:ppc64le,s390x'",
)
@click.argument("wheels", nargs=-1, required=True, metavar="WHEEL...")
@click.option(
    "--import",
    "imports",
    multiple=True,
    metavar="NAME",
    help="Module to import, in place of the packages and extension modules of the wheel.",
)
@click.option("--call", default="", metavar="EXPR", help="Python expression that must be true.")
@click.option(
    "--against",
    multiple=True,
    metavar="NAME==VERSION",
    help="Previous release: exit 1 only for regressions against it.",
)
@click.option("--strict", is_flag=True, help="With --against: exit 1 for any failure.")
@click.option(
    "--partial",
    "some",
    is_flag=True,
    help="With --against: do not report wheels that only the previous release has.",
)
@click.option(
    "--expect",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Known failures, in the format of matrix/expectations.yaml.",
)
@dependency_options
@strict_wheel_option
@strict_prediction_option
@selection_options
@query_option
@run_options
def check(  # noqa: PLR0913 - one for each option
    *,
    wheels: tuple[str, ...],
    imports: tuple[str, ...],
    call: str,
    against: tuple[str, ...],
    strict: bool,
    some: bool,
    expect: Path | None,
    companions: tuple[IndexSource, ...],
    dependencies: DependencyOptions | None,
    strict_wheel: bool,
    strict_prediction: bool,
    selection: Selection,
    query: Query,
    options: RunOptions,
) -> ExitCode:
    """Probe your own wheels on every target that they fit.

    WHEEL is a file, a folder of wheels, or name==version from the package index. Its dependencies
    are installed, as `pip install WHEEL` on the target would, but only as wheels. Writes the same
    files as `run`. With --against, the wheels of that release are probed too. Targets whose images
    are compiled are left out if no compiler is installed and nothing selects them.
    """
    start_reading_process()
    matrix = read_matrix(options.matrix)
    chosen = selection != Selection() or bool(query.terms)
    selection = or_default_profile(matrix, selection)
    index = open_index(read_lock(options.matrix / LOCK_NAME), say)
    import_check = ImportCheck(
        imports=imports, call=call, companions=companions, dependencies=dependencies
    )
    candidates = read_candidates(wheels, import_check, index)
    subjects = tuple(candidate.subject for candidate in candidates)
    released = with_distinct_ids(
        subjects, [c.subject for c in read_candidates(against, import_check, index)]
    )
    pairs = pair_up(subjects, released)
    wanted = plan_cells(matrix, replace(selection, keyword="", subjects=()))
    targets = tuple({cell.target.key: cell.target for cell in wanted}.values())
    print_data(format_not_applicable(not_applicable(candidates, targets)), end="")
    ours = with_subjects(matrix, (*subjects, *released))
    if expect:
        ours = replace(ours, expectations=expected_of(expect, all_cells(ours)))
    cells = choose_cells(plan_cells(ours, selection), query, options.store)
    if not (chosen or has_compiler()):
        cells, compiled = without_compiled(cells, options.images)
        print_data(format_compiled(compiled, MISSING) if compiled else "", end="")
    console = Console()
    conclude: Conclude = partial(_gate, pairs, console, strict, some) if pairs else exit_code
    if expect:
        conclude = require_met(conclude, all_cells(ours), console)
    if strict_wheel:
        conclude = count_findings(conclude, console)
    if strict_prediction:
        conclude = count_disagreements(conclude, console)
    return run_cells(cells, options, console, conclude=conclude)


def _gate(
    pairs: tuple[GatePair, ...], console: Console, strict: bool, some: bool, grid: Grid
) -> ExitCode:
    gated = compare_releases(grid, pairs, partial=some)
    say(format_gate(gated), console)
    return gated.code(strict=strict)
