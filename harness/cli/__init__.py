"""The command line: run one command, print its errors, and return the exit code.

Each command has one module, which parses options and calls other rooms.
"""

import gc
import os
import signal
import sys
from collections.abc import Sequence

import click

import harness
from harness.cli.build import build
from harness.cli.check import check
from harness.cli.compare import compare
from harness.cli.doctor import doctor
from harness.cli.explain import explain
from harness.cli.history import history
from harness.cli.image import image
from harness.cli.lock import lock
from harness.cli.merge import merge
from harness.cli.passport import passport
from harness.cli.pins import pins
from harness.cli.plan import plan
from harness.cli.policy import policy
from harness.cli.predict import predict
from harness.cli.remedy import remedy
from harness.cli.report import report
from harness.cli.repro import repro
from harness.cli.run import run
from harness.cli.runs import runs
from harness.cli.site import site
from harness.core.errors import ExitCode, HarnessError, MatrixFileError
from harness.report.console import say


@click.group(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 as expected, 1 not as expected, 2 usage or matrix error, "
    "3 engine or image error, 4 a fixture wheel failed to build, 130 interrupted.",
)
@click.version_option(harness.__version__, prog_name="wheelgrid")
def commands() -> None:
    """Will this wheel import there?

    Probe compiled wheels on every interpreter, libc and architecture of the matrix.
    """


for _command in (
    doctor, plan, run, merge, check, predict, explain, runs, history, compare, report, site, build,
    image, passport, remedy, policy, repro, lock, pins,
):  # fmt: skip
    commands.add_command(_command)


GARBAGE_PAUSE = 100_000
"""Allocations between two garbage collections. A command keeps most of its objects until it ends;
Python's default threshold costs a third of the time to render 50,000 cells."""


def main() -> None:
    """Run the command line of this process and exit."""
    gc.set_threshold(GARBAGE_PAUSE)
    for stream in (sys.stdout, sys.stderr):
        # A character that the terminal's encoding lacks is escaped instead of ending the run.
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    sys.exit(execute(sys.argv[1:]))


def execute(words: Sequence[str]) -> int:
    """Run the command line ``words`` and return the exit status."""
    try:
        with commands.make_context("wheelgrid", list(words)) as context:
            status = commands.invoke(context)
        sys.stdout.flush()
    except click.exceptions.Exit as ended:
        return ended.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except HarnessError as error:
        # Each matrix problem is a line that begins with file:line:col.
        prefix = "" if isinstance(error, MatrixFileError) else "wheelgrid: "
        say(f"{prefix}{error}")
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        say("wheelgrid: interrupted")
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        # The reader closed the pipe. Python flushes standard output once more as it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    return int(status or ExitCode.AS_EXPECTED)
