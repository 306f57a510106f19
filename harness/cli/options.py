"""Options that several commands share: decorators in, decorated commands out."""

import functools
import os
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from harness.app.pytest_driver import RunOptions
from harness.app.wiring import IMAGE_CHOICES, LATEST, ROOT
from harness.host.engine.hardening import LIMITS, Limits
from harness.images.debian.mirrors import MIRRORS, named_mirrors
from harness.matrix.plan import Selection
from harness.probe.result_keys import ProbeLimits
from harness.results.query import Query, parse_query
from harness.store import default_store

Command = Callable[..., Any]

_PASSWORD = re.compile(r"//[^/\s]*@")
"""What an address holds before its host, which no record keeps."""


def recorded_words(words: Sequence[str]) -> tuple[str, ...]:
    """Return the words of a command line as records keep them: without passwords in addresses."""
    return tuple(_PASSWORD.sub("//", word) for word in words)


def matrix_folder() -> Path:
    """Return the matrix of the checkout, or the one where the user stands."""
    own = ROOT / "matrix"
    return own if own.is_dir() else Path("matrix")


def matrix_option(command: Command) -> Command:
    """Add ``--matrix``."""
    return click.option(
        "--matrix",
        "matrix",
        type=click.Path(path_type=Path),
        default=matrix_folder,
        metavar="DIR",
        help="Folder of the matrix files.",
    )(command)


def selection_options(command: Command) -> Command:
    """Add the options that choose cells; the command gets one ``selection``."""

    @functools.wraps(command)
    def with_selection(
        *,
        keyword: str,
        targets: tuple[str, ...],
        arches: tuple[str, ...],
        subjects: tuple[str, ...],
        profile: str | None,
        **others: object,
    ) -> object:
        selection = Selection(
            keyword=keyword, targets=targets, arches=arches, subjects=subjects, profile=profile
        )
        return command(selection=selection, **others)

    options: tuple[Callable[[Command], Command], ...] = (
        click.option(
            "-k", "keyword", default="", metavar="EXPR", help="Cells whose id fits, as in pytest."
        ),
        click.option("--target", "targets", multiple=True, metavar="GLOB", help="Target ids."),
        click.option("--arch", "arches", multiple=True, metavar="GLOB", help="Arches."),
        click.option("--subject", "subjects", multiple=True, metavar="GLOB", help="Subject ids."),
        click.option("--profile", metavar="NAME", help="A named selection of the matrix."),
    )
    return _stack(with_selection, options)


def store_option(command: Command) -> Command:
    """Add ``--store``."""
    return click.option(
        "--store",
        type=click.Path(path_type=Path, dir_okay=False),
        default=default_store,
        envvar="WHEELGRID_STORE",
        metavar="FILE",
        help="Where runs are kept; $WHEELGRID_STORE, or a file of the user's data by default.",
    )(command)


def changed_option(command: Command) -> Command:
    """Add ``--changed``."""
    return click.option(
        "--changed",
        metavar="BASE",
        help="Only cells that the change since this git revision touches.",
    )(command)


def durations_option(command: Command) -> Command:
    """Add ``--durations``."""
    return click.option(
        "--durations",
        type=click.Path(path_type=Path, dir_okay=False),
        metavar="STORE",
        help="Balance shards by what cells took in this store; the same one for plan and runs.",
    )(command)


class _QueryType(click.ParamType[Query]):
    """A query, told from other text before anything is done."""

    name = "query"

    def convert(self, value: Any, *_: Any) -> Query:  # noqa: ANN401 - click's
        return value if isinstance(value, Query) else parse_query(str(value))


def query_option(command: Command) -> Command:
    """Add ``-q``; the command gets one ``query``, which without it every cell meets."""
    return click.option(
        "-q",
        "query",
        type=_QueryType(),
        default=Query(),
        metavar="QUERY",
        help="Cells by what is known of them: 'target:alpine-* outcome:import-failed'.",
    )(command)


def registry_option(command: Command) -> Command:
    """Add ``--registry``."""
    return click.option(
        "--registry", default="", metavar="HOST/PREFIX", help="Mirror to pull images from."
    )(command)


def image_options(command: Command) -> Command:
    """Add ``--images``, one of ``IMAGE_CHOICES``, and ``--registry``."""
    options: tuple[Callable[[Command], Command], ...] = (
        click.option(
            "--images",
            type=click.Choice(list(IMAGE_CHOICES)),
            default="auto",
            help="Where target images come from: auto takes the first that works, "
            "local pulls nothing.",
        ),
        registry_option,
        mirror_option,
    )
    return _stack(command, options)


def mirror_option(command: Command) -> Command:
    """Add ``--debian-mirror``, which the whole process goes by."""
    return click.option(
        "--debian-mirror",
        multiple=True,
        metavar="URL",
        expose_value=False,
        callback=_name_mirrors,
        help=f"Mirror of Debian, tried in the order given; by default ${MIRRORS}, "
        "else those of this machine's apt.",
    )(command)


def _name_mirrors(_: click.Context, __: click.Parameter, value: tuple[str, ...]) -> None:
    if value:
        os.environ[MIRRORS] = " ".join(value)  # pytest's workers go by it too
    named_mirrors()  # a mistake is reported before anything is done


def _follow_index(_: click.Context, __: click.Parameter, value: bool) -> None:
    if value:
        os.environ[LATEST] = "1"


def run_options(command: Command) -> Command:
    """Add the options that say how cells are run; the command gets one ``options``."""

    @functools.wraps(command)
    def with_options(  # noqa: PLR0913 - one for each option
        *,
        matrix: Path,
        out: Path,
        workers: int,
        images: str,
        registry: str,
        timeout: float,
        memory: int,
        disk: int,
        store: Path,
        fresh: bool,
        own_pip: bool,
        require_hardening: bool,
        label: str,
        **others: object,
    ) -> object:
        options = RunOptions(
            matrix=matrix.resolve(),
            out=out.resolve(),
            workers=workers,
            images=images,
            registry=registry,
            limits=ProbeLimits(
                timeout=timeout,
                container=Limits(memory=memory << 20, tmpfs=disk << 20),
                own_pip=own_pip,
            ),
            require_hardening=require_hardening,
            command=recorded_words(sys.argv[1:]),
            store=store.resolve(),
            fresh=fresh,
            label=label,
        )
        return command(options=options, **others)

    options: tuple[Callable[[Command], Command], ...] = (
        click.option(
            "-n",
            "workers",
            type=click.IntRange(min=1),
            default=lambda: os.cpu_count() or 1,
            metavar="N",
            help="Targets at a time; as many as there are processors.",
        ),
        image_options,
        click.option(
            "--timeout",
            type=click.FloatRange(min=0, min_open=True),
            default=120.0,
            metavar="S",
            help="Seconds that one stage of a cell may take.",
        ),
        click.option(
            "--cell-memory",
            "memory",
            type=click.IntRange(min=64),
            default=LIMITS.memory >> 20,
            show_default=True,
            metavar="MIB",
            help="Memory of a cell's container; what it writes to disk counts too.",
        ),
        click.option(
            "--cell-disk",
            "disk",
            type=click.IntRange(min=16),
            default=LIMITS.tmpfs >> 20,
            show_default=True,
            metavar="MIB",
            help="Disk of a cell's container: the wheels, packed and installed.",
        ),
        click.option(
            "--out",
            type=click.Path(path_type=Path),
            default=Path("grid"),
            metavar="DIR",
            help="Where run.json and junit.xml go; ./grid by default.",
        ),
        store_option,
        click.option(
            "--fresh", is_flag=True, envvar="WHEELGRID_FRESH", help="Reuse no stored result."
        ),
        click.option(
            "--own-pip",
            is_flag=True,
            help="Run each target's own pip under emulation for every wheel, instead of the same "
            "pip of the same target on this machine's arch, told the target's own tags. Slower.",
        ),
        click.option(
            "--require-hardening",
            is_flag=True,
            help="Probe nothing in containers whose limits the engine does not enforce.",
        ),
        click.option(
            "--latest",
            is_flag=True,
            expose_value=False,
            callback=_follow_index,
            help="Make Debian's images of what its index has today, instead of what is locked.",
        ),
        click.option(
            "--label", default="", metavar="NAME", help="What the run is; last-night means nightly."
        ),
        matrix_option,
    )
    return _stack(with_options, options)


def _stack(command: Command, options: tuple[Callable[[Command], Command], ...]) -> Command:
    for option in reversed(options):
        command = option(command)
    return command
