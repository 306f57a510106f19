"""The command line: words in, an exit code out; every error is put into words here.

One module a command; none holds logic of its own.
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
    "3 engine or image trouble, 4 a fixture wheel does not build, 130 interrupted.",
)
@click.version_option(harness.__version__, prog_name="wheelgrid")
def commands() -> None:
    """Will this wheel import there?

    Observed for every interpreter, libc and architecture of the matrix.
    """


for _command in (
    doctor, plan, run, merge, check, predict, explain, runs, history, compare, report, site, build,
    image, passport, remedy, policy, repro, lock, pins,
):  # fmt: skip
    commands.add_command(_command)


GARBAGE_PAUSE = 100_000
"""Objects made between two looks for garbage. Nearly all that a command makes it keeps to its
end, and looking at Python's own pace is a third of the time of drawing 50,000 cells."""


def main() -> None:
    """Run the command line of this process, and exit."""
    gc.set_threshold(GARBAGE_PAUSE)
    for stream in (sys.stdout, sys.stderr):
        # A terminal that lacks a character shows its escape; it never ends a run.
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    sys.exit(execute(sys.argv[1:]))


def execute(words: Sequence[str]) -> int:
    """Run the command that ``words`` spell and return what to exit with."""
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
        # Problems of the matrix are lines of their own, which begin with their place.
        speaker = "" if isinstance(error, MatrixFileError) else "wheelgrid: "
        say(f"{speaker}{error}")
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        say("wheelgrid: interrupted")
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        # Who read has seen enough. Python flushes standard output once more as it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    return int(status or ExitCode.AS_EXPECTED)
