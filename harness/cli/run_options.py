"""The options of a run, as a decorator."""

import re
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from harness.app.prober_options import LATEST, ProberOptions
from harness.cli.options import (
    Command,
    Seconds,
    engine_option,
    environment_flag,
    gather_options,
    image_options,
    matrix_option,
    offline_option,
    store_option,
)
from harness.cli.settings import project_config
from harness.core.engine_places import EnginePlace
from harness.host.engine.hardening import CONTAINER_LIMITS, ContainerLimits
from harness.probe.result_keys import ProbeLimits

_PASSWORD = re.compile(r"//[^/\s]*@")
"""User and password before the host of a URL, which no record keeps."""


def recorded_words(words: Sequence[str]) -> tuple[str, ...]:
    """Return the words of a command line without passwords in URLs, as records keep them."""
    return tuple(_PASSWORD.sub("//", word) for word in words)


def run_options(command: Command) -> Command:
    """Add the options of a run; the command gets one ``options``."""
    return gather_options(
        command,
        "options",
        _run_options,
        click.option(
            "-n",
            "workers",
            type=click.IntRange(min=1),
            metavar="N",
            help="Targets probed at a time; by default as many as there are processors, with "
            "--engine those of the engines.",
        ),
        image_options,
        click.option(
            "--timeout",
            type=Seconds(),
            default=120.0,
            metavar="S",
            help="Timeout of one stage of a cell, in seconds.",
        ),
        click.option(
            "--cell-memory",
            "memory",
            type=click.IntRange(min=64),
            default=CONTAINER_LIMITS.memory >> 20,
            show_default=True,
            metavar="MIB",
            help="Memory of a cell's container, including what it writes to disk.",
        ),
        click.option(
            "--cell-disk",
            "disk",
            type=click.IntRange(min=16),
            default=CONTAINER_LIMITS.tmpfs >> 20,
            show_default=True,
            metavar="MIB",
            help="Disk of a cell's container: the wheels, packed and installed.",
        ),
        click.option(
            "--cell-processes",
            "processes",
            type=click.IntRange(min=16),
            default=CONTAINER_LIMITS.pids,
            show_default=True,
            metavar="N",
            help="Processes and threads of a cell's container.",
        ),
        click.option(
            "--cell-shm",
            "shm",
            type=click.IntRange(min=0),
            default=CONTAINER_LIMITS.shm >> 20,
            show_default=True,
            metavar="MIB",
            help="Shared memory of a cell's container (/dev/shm), which locks and pools of "
            "multiprocessing need.",
        ),
        click.option(
            "--on",
            default="",
            metavar="ADDRESS",
            help="Probe on the workers of a Dask scheduler, as tcp://scheduler:8786; local:N "
            "starts N workers here.",
        ),
        click.option(
            "--out",
            type=click.Path(path_type=Path),
            default=Path("grid"),
            metavar="DIR",
            help="Output folder of run.json and junit.xml; ./grid by default.",
        ),
        store_option,
        click.option(
            "--fresh",
            "remeasure",
            is_flag=True,
            envvar="WHEELGRID_FRESH",
            help="Do not reuse stored results.",
        ),
        click.option(
            "--own-pip/--no-own-pip",
            help="Run each target's own pip under emulation for every wheel. By default the same "
            "pip runs on this machine's arch with the target's tags, which is faster.",
        ),
        click.option(
            "--runtime",
            default="",
            metavar="NAME",
            help="OCI runtime of the containers, by the name that the engine has for it: crun.",
        ),
        engine_option,
        click.option(
            "--require-hardening/--no-require-hardening",
            help="Refuse to probe if the engine does not enforce a container's limits.",
        ),
        offline_option,
        click.option(
            "--require-nogil/--no-require-nogil",
            help="Fail a wheel whose import switches the GIL of a free-threaded Python on. By "
            "default that is a finding.",
        ),
        environment_flag(
            "--latest",
            LATEST,
            "Build Debian images from today's package index instead of the lock.",
        ),
        click.option(
            "--label", default="", metavar="NAME", help="Label; `last-night` finds nightly runs."
        ),
        matrix_option,
    )


def _run_options(  # noqa: PLR0913 - one for each option
    *,
    matrix: Path,
    out: Path,
    workers: int | None,
    images: str,
    registry: str,
    timeout: float,
    memory: int,
    disk: int,
    processes: int,
    shm: int,
    store: Path,
    remeasure: bool,
    own_pip: bool,
    runtime: str,
    engines: tuple[EnginePlace, ...],
    require_hardening: bool,
    require_nogil: bool,
    label: str,
    on: str,
) -> object:  # `RunOptions`, imported when a command runs
    from harness.app.pytest_driver import RunOptions  # noqa: PLC0415 - 0.1 s

    prober = ProberOptions(
        matrix_folder=matrix.resolve(),
        config=project_config(),
        images=images,
        registry=registry,
        limits=ProbeLimits(
            timeout=timeout,
            container=ContainerLimits(
                memory=memory << 20, tmpfs=disk << 20, pids=processes, shm=shm << 20
            ),
            own_pip=own_pip,
        ),
        runtime=runtime,
        require_hardening=require_hardening,
        require_nogil=require_nogil,
        engines=engines,
    )
    return RunOptions(
        prober=prober,
        out=out.resolve(),
        workers=workers or 0,
        command=recorded_words(sys.argv[1:]),
        store=store.resolve(),
        remeasure=remeasure,
        label=label,
        on=on,
    )
