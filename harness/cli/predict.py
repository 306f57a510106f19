"""``wheelgrid predict``: predict whether wheels import on targets, without running them."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import click

from harness.app.lock_request import require_plain
from harness.app.prober_options import ProberOptions
from harness.app.requested import ImportCheck, has_arch, read_candidates
from harness.app.wiring import open_passports, open_pinned, open_provider, open_reader
from harness.cli.applications import lock_files, predict_locks
from harness.cli.command import ExplainedCommand
from harness.cli.dependency_options import dependency_options
from harness.cli.options import matrix_option, project_matrix, strict_wheel_option
from harness.cli.settings import project_config
from harness.core.cells import Outcome
from harness.core.errors import ExitCode
from harness.core.subjects import DependencyOptions, IndexSource
from harness.matrix.plan import Selection, selected_targets
from harness.predict.batch import predict_cells
from harness.predict.cell_prediction import CellPrediction
from harness.report.console import print_data, say
from harness.report.predictions import format_predictions, predictions_json


@click.command(
    cls=ExplainedCommand,
    example="wheelgrid predict dist/*.whl --target 'alpine-*'\n"
    "wheelgrid predict psycopg-binary==3.0.4 --arch x86_64\n"
    "wheelgrid predict requirements.txt --target 'python-3.13-alpine*' --arch aarch64",
)
@click.argument("wheels", nargs=-1, required=True, metavar="WHEEL...")
@click.option("--target", "targets", multiple=True, metavar="GLOB", help="Target ids.")
@click.option("--arch", "arches", multiple=True, metavar="GLOB", help="Arches.")
@click.option("--import", "imports", multiple=True, metavar="NAME", help="Module to import.")
@click.option("--all", "every", is_flag=True, help="Targets of every arch; every explanation.")
@click.option(
    "--only-binary", is_flag=True, help="Of a lock file: compile no sdist, as pip's option."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object per target and wheel.")
@dependency_options
@strict_wheel_option
@matrix_option
def predict(  # noqa: PLR0913 - one for each option
    *,
    wheels: tuple[str, ...],
    targets: tuple[str, ...],
    arches: tuple[str, ...],
    imports: tuple[str, ...],
    every: bool,
    only_binary: bool,
    as_json: bool,
    companions: tuple[IndexSource, ...],
    dependencies: DependencyOptions | None,
    strict_wheel: bool,
    matrix: Path,
) -> ExitCode:
    """Predict which wheels fail on which targets, and why.

    WHEEL is a file, name==version from the package index, or a lock file: requirements.txt,
    pylock.toml or uv.lock, all of whose pins are predicted. Uses recorded passports, without an
    engine. Predicts too where a dependency has no wheel or does not import; for files, --no-deps
    needs no package index. Failures are grouped by cause; targets of an architecture that a file is
    not built for are left out. Exits 1 if a wheel that an installer accepts is predicted not to
    import.
    """
    loaded = project_matrix(matrix)
    selected = selected_targets(loaded, Selection(targets=targets, arches=arches))
    passports = open_passports(matrix, project_config())
    import_check = ImportCheck(imports=imports, companions=companions, dependencies=dependencies)
    if locks := lock_files(wheels):
        require_plain(import_check)
        return predict_locks(
            locks, selected, passports, only_binary=only_binary, every=every, as_json=as_json
        )
    prober = ProberOptions(matrix_folder=matrix)
    index, reader = open_pinned(prober, say), open_reader()
    candidates = read_candidates(wheels, import_check, index, reader)
    provider = open_provider(loaded, prober, index)
    here = {
        candidate.subject: [each for each in selected if every or has_arch(candidate, each)]
        for candidate in candidates
    }
    predictions = tuple(
        prediction
        for subject, fitting in here.items()
        for prediction in predict_cells([subject], fitting, passports, provider, reader)
    )
    left_out = {subject.id: len(selected) - len(fitting) for subject, fitting in here.items()}
    if as_json:
        print_data(predictions_json(predictions), end="")
    else:
        width = shutil.get_terminal_size().columns
        text = format_predictions(predictions, width=width, every=every, left_out=left_out)
        print_data(text, end="")
    return _exit_code(predictions, strict_wheel=strict_wheel)


def _exit_code(predictions: Sequence[CellPrediction], *, strict_wheel: bool) -> ExitCode:
    defective = {each.wheel for each in predictions if each.findings}
    if strict_wheel and defective:
        say(f"--strict-wheel: wheels with findings: {len(defective)}")
        return ExitCode.UNEXPECTED
    outcomes = {each.prediction.outcome for each in predictions if each.prediction}
    failing = outcomes - {Outcome.PASS, Outcome.REFUSED}
    return ExitCode.UNEXPECTED if failing else ExitCode.AS_EXPECTED
