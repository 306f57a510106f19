"""``wheelgrid policy``: the effect of a policy change on wheels of the package index."""

from functools import partial
from pathlib import Path

import click

from harness.app.adhoc import gather_passports, passport_measurer
from harness.app.engine_wiring import open_prober
from harness.app.policy_impact import (
    PolicyTargets,
    concerned,
    find_policies,
    find_releases,
    read_native,
    read_releases,
    shifts_of,
    verify,
)
from harness.app.pytest_driver import RunOptions
from harness.app.requested import read_list
from harness.app.wiring import open_passports, open_pinned
from harness.cli.command import ExplainedCommand
from harness.cli.options import project_matrix
from harness.cli.run_options import run_options
from harness.cli.settings import project_config
from harness.core.errors import ExitCode
from harness.core.passport import Passport
from harness.core.targets import Target
from harness.host.cache import Cache, default_cache_root
from harness.matrix.plan import Selection, selected_targets
from harness.report.console import Console, print_data, say
from harness.report.policies import (
    format_cost,
    format_policy,
    format_scope,
    format_verified,
    policies_markdown,
)
from harness.report.progress import ConsoleJournal


@click.command(
    cls=ExplainedCommand,
    example="wheelgrid policy alpine-also-gnu --verify\n"
    "wheelgrid policy --subjects my-releases.txt --arch x86_64 --markdown > policies.md\n"
    "wheelgrid policy --subjects matrix/subjects-150.txt --markdown > policies-150.md",
)
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option(
    "--subjects",
    "releases",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="File with one name==version per line, or a name for its newest release; "
    "releases.txt of the matrix by default.",
)
@click.option("--target", "targets", multiple=True, metavar="GLOB", help="Target ids.")
@click.option("--arch", "arches", multiple=True, metavar="GLOB", help="Arches.")
@click.option("--measure", is_flag=True, help="Measure targets without a recorded passport.")
@click.option("--verify", "run", is_flag=True, help="Run affected wheels where targets allow it.")
@click.option("--markdown", is_flag=True, help="Print a Markdown page.")
@run_options
def policy(  # noqa: PLR0913  click gives each option by its name
    *,
    names: tuple[str, ...],
    releases: Path | None,
    targets: tuple[str, ...],
    arches: tuple[str, ...],
    measure: bool,
    run: bool,
    markdown: bool,
    options: RunOptions,
) -> ExitCode:
    """Predict wheels of the package index before and after a policy.

    NAME is an id in policies.yaml; all policies by default. File names decide whether a wheel is
    affected, which needs a small part of it; ELF files are read only of affected wheels.
    """
    prober = options.prober
    matrix = project_matrix(prober.matrix_folder)
    policies = find_policies(matrix, names)
    selection = Selection(targets=targets, arches=arches)
    wanted = concerned(policies, selected_targets(matrix, selection))
    index = open_pinned(prober, say)
    recorded = open_passports(prober.matrix_folder, project_config())
    with passport_measurer(partial(open_prober, matrix, prober, ConsoleJournal())) as ask:
        passports = gather_passports(wanted, recorded, ask if measure else _leave_out)
    listed = read_list(releases or prober.matrix_folder / "releases.txt")
    found = find_releases(listed, index, say)
    cache = Cache(default_cache_root())
    known = PolicyTargets(targets=wanted, passports=passports, symbols=recorded.symbols)
    named = read_releases(found, known, index, cache, say)
    facts = read_native(named, policies, index, cache, say)
    shifts = [(one, shifts_of(one, facts)) for one in policies]
    scope = format_scope(
        releases=found,
        wheels=len(facts.named),
        targets=[target.key for target in wanted],
        passports=len(passports),
    )
    cost = format_cost(
        wheels=len(facts.named), closer=len(facts.native), size=facts.size, read=facts.read
    )
    if markdown:
        print_data(policies_markdown(shifts, scope, cost, str(releases or "")), end="")
        return ExitCode.AS_EXPECTED
    print_data(f"{scope}\n")
    for one, moved in shifts:
        print_data(format_policy(one, moved))
        if run:
            verified = verify(one, facts, moved, matrix, options, Console())
            print_data(format_verified(verified))
    print_data(cost)
    return ExitCode.AS_EXPECTED


def _leave_out(_: Target) -> Passport | None:
    return None
