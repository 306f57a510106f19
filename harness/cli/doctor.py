"""``wheelgrid doctor``: check whether this machine can run the matrix."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click

from harness.app.engine_check import check_declared
from harness.cli.command import ExplainedCommand
from harness.cli.options import engine_option, matrix_option, mirror_option, project_matrix
from harness.core.arches import ARCHES
from harness.core.engine_places import EnginePlace
from harness.core.errors import ExitCode
from harness.host.cache import Cache, default_cache_root
from harness.host.doctor import checks_json, fix_machine, format_checks, is_ready, run_checks
from harness.images.debian.mirror_check import check_mirror
from harness.images.debian.package_lock import read_locks
from harness.report.console import print_data, say


@click.command(cls=ExplainedCommand, example="wheelgrid doctor --fix")
@click.option("--fix", is_flag=True, help="Fix what can be fixed; print each command first.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--tests", is_flag=True, help="Also check what only this project's tests need.")
@click.option("--engines", "ask_engines", is_flag=True, help="Also check each declared engine.")
@engine_option
@mirror_option
@matrix_option
def doctor(
    *,
    matrix: Path,
    fix: bool,
    as_json: bool,
    tests: bool,
    ask_engines: bool,
    engines: tuple[EnginePlace, ...],
) -> ExitCode:
    """Check this machine: engine, emulation, disk, network, mirror."""
    wanted = {target.arch for target in project_matrix(matrix).targets}
    arches = tuple(arch for arch in ARCHES if arch in wanted)
    locks = read_locks(matrix)
    with ThreadPoolExecutor(1) as pool:  # the slowest check runs beside the others
        mirror = pool.submit(check_mirror, locks, {arch.debian for arch in arches})
        checks = fix_machine(arches, say, tests=tests) if fix else run_checks(arches, tests=tests)
        checks += (mirror.result(),)
    if ask_engines:
        checks += check_declared(engines, Cache(default_cache_root()))
    print_data(checks_json(checks) if as_json else format_checks(checks))
    return ExitCode.AS_EXPECTED if is_ready(checks) else ExitCode.NOTHING_CAN_BE_SAID
