"""Options that several commands share, as decorators."""

import functools
import inspect
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from harness.app.prober_options import IMAGE_CHOICES
from harness.app.wiring import read_matrix
from harness.cli.settings import project_config
from harness.core.cells import Matrix
from harness.core.engine_places import parse_place
from harness.core.own_tests import MOST_SECONDS
from harness.host.package_data import matrix_folder
from harness.matrix.plan import Selection
from harness.results.query import parse_query

Command = Callable[..., Any]


class Seconds(click.FloatRange):
    """A time limit: more than 0 seconds, at most a week, and a number."""

    def __init__(self) -> None:
        super().__init__(min=0, min_open=True, max=MOST_SECONDS)

    def convert(
        self, value: float, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        number: float = super().convert(value, param, ctx)
        if math.isnan(number):  # which is in every range
            self.fail(f"{value} is no number of seconds.", param, ctx)
        return number


def project_matrix(folder: Path) -> Matrix:
    """Return the matrix in ``folder`` with the project's own targets.

    Raises ``MatrixFileError`` with the problems of the matrix and of the configuration.
    """
    return read_matrix(folder, project_config())


matrix_option = click.option(
    "--matrix",
    "matrix",
    type=click.Path(path_type=Path),
    default=matrix_folder,
    metavar="DIR",
    help="Folder of the matrix files.",
)

run_file_option = click.option(
    "--run",
    "run_file",
    type=click.Path(path_type=Path),
    default=Path("grid/run.json"),
    metavar="FILE",
    help="Run to read; ./grid/run.json by default.",
)
"""``--run``, the run file that a cell is looked up in."""


SELECTING = tuple(inspect.signature(Selection).parameters)
"""Parameters of ``selection_options``, for ``is_typed``."""


def selection_options(command: Command) -> Command:
    """Add the options that choose cells; the command gets one ``selection``."""
    return gather_options(
        command,
        "selection",
        Selection,
        click.option(
            "-k", "keyword", default="", metavar="EXPR", help="Cells by id, as in pytest."
        ),
        click.option(
            "--target", "targets", multiple=True, metavar="GLOB", help="TARGET or TARGET/ARCH."
        ),
        click.option("--arch", "arches", multiple=True, metavar="GLOB", help="Arches."),
        click.option(
            "--machine", "machines", multiple=True, metavar="GLOB", help="CPUs and page sizes."
        ),
        click.option("--subject", "subjects", multiple=True, metavar="GLOB", help="Subject ids."),
        click.option("--profile", metavar="NAME", help="A named selection of the matrix."),
    )


strict_wheel_option = click.option(
    "--strict-wheel/--no-strict-wheel",
    help="Exit 1 if a wheel has findings: defects that not every installer accepts.",
)

strict_prediction_option = click.option(
    "--strict-prediction/--no-strict-prediction",
    help="Exit 1 if a prediction differs from what is seen, in outcome or cause.",
)

canaries_option = click.option(
    "--canaries",
    is_flag=True,
    help="Probe wheels of known outcome on every target, too; exit 3 if one is missed, because "
    "nothing of that target is believed then.",
)


def _default_store() -> Path:
    from harness.store import default_store  # noqa: PLC0415 - 0.1 s

    return default_store()


store_option = click.option(
    "--store",
    type=click.Path(path_type=Path, dir_okay=False),
    default=_default_store,
    envvar="WHEELGRID_STORE",
    metavar="FILE",
    help="File of stored runs; by default $WHEELGRID_STORE, or one in the user's data folder.",
)

changed_option = click.option(
    "--changed",
    metavar="BASE",
    help="Only cells that the changes since this git revision affect.",
)

durations_option = click.option(
    "--durations",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="STORE",
    help="Balance shards by the durations in this store; use the same one for plan and runs.",
)

query_option = click.option(
    "-q",
    "query",
    type=parse_query,
    default="",
    metavar="QUERY",
    help="Cells by their properties: 'target:alpine-* outcome:import-failed'.",
)
"""``-q``; by default it matches every cell."""

registry_option = click.option(
    "--registry", default="", metavar="HOST/PREFIX", help="Mirror to pull images from."
)


def image_options(command: Command) -> Command:
    """Add ``--images``, one of ``IMAGE_CHOICES``, and ``--registry``."""
    return stack_options(
        command,
        click.option(
            "--images",
            type=click.Choice(list(IMAGE_CHOICES)),
            default="auto",
            help="Source of target images: auto takes the first that works, local pulls nothing.",
        ),
        registry_option,
        mirror_option,
    )


def mirror_option(command: Command) -> Command:
    """Add ``--debian-mirror``, which applies to the whole process."""
    from harness.images.debian.mirrors import MIRRORS  # noqa: PLC0415 - 0.1 s

    return click.option(
        "--debian-mirror",
        multiple=True,
        metavar="URL",
        expose_value=False,
        callback=_name_mirrors,
        help=f"Debian mirror, tried in the order given; by default ${MIRRORS}, "
        "else the mirrors of this machine's apt.",
    )(command)


def _name_mirrors(context: click.Context, param: click.Parameter, value: tuple[str, ...]) -> None:
    from harness.images.debian.mirrors import MIRRORS, named_mirrors  # noqa: PLC0415 - 0.1 s

    context.meta[str(param.name)] = value  # for `wheelgrid config`
    if value:
        os.environ[MIRRORS] = " ".join(value)  # pytest's workers inherit it
    named_mirrors()  # report a mistake before the command starts


def offline_option(command: Command) -> Command:
    """Add ``--offline``."""
    from harness.host.offline import OFFLINE  # noqa: PLC0415 - beside its use

    return environment_flag(
        "--offline",
        OFFLINE,
        "Use the caches and the engine's images alone; list all that is missing.",
    )(command)


engine_option = click.option(
    "--engine",
    "engines",
    multiple=True,
    type=parse_place,
    metavar="ARCH=ADDRESS",
    help="Engine for an arch: unix://PATH, tcp://HOST:PORT?certs=DIR, ssh://USER@HOST or a "
    "Docker context. A native one is preferred; this machine's emulates what is left.",
)
"""``--engine``; the command gets ``engines``."""


def stack_options(command: Command, *options: Callable[[Command], Command]) -> Command:
    """Apply several decorators; the help lists the options in this order."""
    for option in reversed(options):
        command = option(command)
    return command


def gather_options(
    command: Command,
    name: str,
    gather: Callable[..., object],
    *options: Callable[[Command], Command],
) -> Command:
    """Add options; the command gets as ``name`` what ``gather`` makes of their values.

    Options that ``gather`` has no parameter for reach the command as they are.
    """
    names = tuple(inspect.signature(gather).parameters)

    @functools.wraps(command)
    def with_gathered(**values: object) -> object:
        taken = {each: values.pop(each) for each in names}
        return command(**{name: gather(**taken)}, **values)

    return stack_options(with_gathered, *options)


def environment_flag(name: str, variable: str, text: str) -> Callable[[Command], Command]:
    """Return a flag that sets an environment variable for this process and those it starts."""

    def set_variable(_: click.Context, __: click.Parameter, value: bool) -> None:
        if value:
            os.environ[variable] = "1"

    return click.option(name, is_flag=True, expose_value=False, callback=set_variable, help=text)
