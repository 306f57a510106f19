"""``wheelgrid check``: probe a user's wheels on every target that they fit."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import click

from harness.app.conclusions import Conclude, count_disagreements, count_findings, require_met
from harness.app.execute import choose_cells, run_cells
from harness.app.lock_request import lock_candidates, needed_cells, require_plain
from harness.app.make_ahead import without_compiled
from harness.app.own_tests_request import OwnTestsWords, read_own_tests
from harness.app.pytest_driver import RunOptions
from harness.app.requested import (
    ImportCheck,
    expected_of,
    matches_any,
    not_applicable,
    read_candidates,
)
from harness.app.wiring import open_index, open_passports
from harness.cli.applications import lock_files, read_applications
from harness.cli.command import ExplainedCommand
from harness.cli.dependency_options import dependency_options
from harness.cli.options import (
    SELECTING,
    project_matrix,
    query_option,
    selection_options,
    strict_prediction_option,
    strict_wheel_option,
)
from harness.cli.own_tests_options import own_tests_options
from harness.cli.run_options import run_options
from harness.cli.settings import is_typed, project_config
from harness.core.cells import Cell, Expectation
from harness.core.errors import ExitCode
from harness.core.own_tests import OwnTests
from harness.core.subjects import DependencyOptions, IndexSource
from harness.host.cache import Cache, default_cache_root
from harness.host.compiler_check import MISSING, has_compiler
from harness.matrix.config.config_file import read_config
from harness.matrix.config.config_rows import own_expectations
from harness.matrix.plan import Selection, all_cells, or_default_profile, plan_cells, with_subjects
from harness.report.console import Console, print_data, say
from harness.report.gate import format_gate
from harness.report.planned import format_compiled, format_not_applicable
from harness.results.gate import GatePair, compare_releases, pair_up, with_distinct_ids
from harness.results.grid import Grid, exit_code
from harness.results.query import Query
from harness.wheels.index.lock import LOCK_NAME, read_lock


@click.command(
    cls=ExplainedCommand,
    example="wheelgrid check dist/*.whl --call 'mypkg.add(1, 2) == 3'\n"
    "wheelgrid check numpy==2.4.6 --target 'debian-1*' --arch s390x\n"
    "wheelgrid check requirements.txt --target python-3.13-alpine3.22 --arch aarch64\n"
    "wheelgrid check dist --against mypkg==1.2.3 -q 'arch:ppc64le,s390x'\n"
    "wheelgrid check dist --test 'pytest -q tests' --test-requires pytest --test-files tests",
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
@click.option("--strict/--no-strict", help="With --against: exit 1 for any failure.")
@click.option(
    "--partial/--no-partial",
    "some",
    help="With --against: do not report wheels that only the previous release has.",
)
@click.option(
    "--expect",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Known failures, in the format of matrix/expectations.yaml, instead of the project's.",
)
@dependency_options
@own_tests_options
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
    own_tests: OwnTestsWords,
    strict_wheel: bool,
    strict_prediction: bool,
    selection: Selection,
    query: Query,
    options: RunOptions,
) -> ExitCode:
    """Probe your own wheels on every target that they fit.

    WHEEL is a file, a folder of wheels, or name==version from the package index. Its dependencies
    are installed, as `pip install WHEEL` on the target would, but only as wheels. Of a lock file
    (requirements.txt, pylock.toml, uv.lock) each dependency is probed, with what it needs of the
    lock. Writes the same files as `run`. With --against, the wheels of that release are probed too.
    Targets whose images are compiled are left out if no compiler is installed and nothing selects
    them.
    """
    folder = options.prober.matrix_folder
    matrix = project_matrix(folder)
    chosen = is_typed(*SELECTING, "query")
    selection = or_default_profile(matrix, selection)
    index = open_index(read_lock(folder / LOCK_NAME), say)
    cache = Cache(default_cache_root())
    import_check = ImportCheck(
        imports=imports,
        call=call,
        companions=companions,
        dependencies=dependencies,
        tests=_tests(wheels, own_tests, options, cache),
    )
    if locks := read_applications(lock_files(wheels), only_binary=False):
        require_plain(import_check, against=bool(against))
        candidates = lock_candidates(locks, import_check.dependencies, cache)
    else:
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
    expected = expected_of(expect, all_cells(ours)) if expect else _own(all_cells(ours))
    ours = replace(ours, expectations=expected)
    passports = open_passports(folder, project_config())
    planned = needed_cells(plan_cells(ours, selection), locks, passports)
    cells = choose_cells(planned, query, options.store)
    if not (chosen or has_compiler()):
        cells = _without_compiler(cells, options)
    console = Console()
    conclude: Conclude = partial(_gate, pairs, console, strict, some) if pairs else exit_code
    if expected:
        conclude = require_met(conclude, all_cells(ours), console)
    if strict_wheel:
        conclude = count_findings(conclude, console)
    if strict_prediction:
        conclude = count_disagreements(conclude, console)
    return run_cells(cells, options, console, conclude=conclude)


def _without_compiler(cells: tuple[Cell, ...], options: RunOptions) -> tuple[Cell, ...]:
    """Return the cells whose images need no compiler, and print the other targets.

    All cells, if each needs one.
    """
    possible, compiled = without_compiled(cells, options.prober.images)
    if not (possible and compiled):
        return cells
    print_data(format_compiled(compiled, MISSING), end="")
    return possible


def _tests(
    wheels: tuple[str, ...], words: OwnTestsWords, options: RunOptions, cache: Cache
) -> OwnTests | None:
    """Return the project's own tests; those of its configuration are not for a lock file."""
    if lock_files(wheels) and not is_typed("test"):
        return None
    config = project_config()
    folder = config.parent if config else Path.cwd()
    return read_own_tests(words, folder, options.prober.limits.container.tmpfs, cache)


def _own(cells: Sequence[Cell]) -> tuple[Expectation, ...]:
    """Return the expectations of the project's configuration that match one of ``cells``.

    The others are reported: a job of CI may have the wheels of one architecture alone.
    """
    config = project_config()
    expectations = own_expectations(read_config(config)) if config else ()
    unmatched = [one for one in expectations if not matches_any(one, cells)]
    for one in unmatched:
        say(f"{one.where}: this expectation matches no cell of these wheels")
    return tuple(one for one in expectations if one not in unmatched)


def _gate(
    pairs: tuple[GatePair, ...], console: Console, strict: bool, some: bool, grid: Grid
) -> ExitCode:
    gated = compare_releases(grid, pairs, partial=some)
    say(format_gate(gated), console)
    return gated.code(strict=strict)
