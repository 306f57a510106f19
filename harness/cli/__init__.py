"""The command line: run one command, print its errors, and return the exit code.

Each command has one module, which parses options and calls other rooms.
"""

import gc
import os
import signal
import sys
from collections.abc import Sequence
from importlib import import_module

import click

import harness
from harness.core.errors import ExitCode, HarnessError, MatrixFileError
from harness.core.matching import did_you_mean

COMMANDS = {
    "build": "Build fixture wheels of one or all projects; print their paths.",
    "cache": "Carry the cache to another machine.",
    "check": "Probe your own wheels on every target that they fit.",
    "compare": "Show which cells and recorded inputs changed from BASE to RUN.",
    "config": "Show the settings that hold, and where each comes from.",
    "doctor": "Check this machine: engine, emulation, disk, network, mirror.",
    "explain": "Explain why a wheel fails on a target, or what a cause means.",
    "history": "List when cells and recorded inputs changed, newest first.",
    "image": "Build, list and remove target images.",
    "init": "Write a first configuration from the wheels of a project.",
    "lock": "Pin the index wheels of every release in the matrix again.",
    "merge": "Merge the newest run of each STORE into another store.",
    "passport": "Measure suffixes, tags and libraries of targets.",
    "pins": "Show or renew pinned images, wheels and Debian packages.",
    "plan": "Show the cells that a run would probe, or their shards.",
    "policy": "Predict wheels of the package index before and after a policy.",
    "predict": "Predict which wheels fail on which targets, and why.",
    "push": "Send a stored run to a service.",
    "remedy": "Find small changes that make a wheel import on more targets.",
    "report": "Write a report of a run.",
    "repro": "Print a `docker run` line that reproduces the cell.",
    "run": "Probe cells, show the grid, and write run.json and junit.xml.",
    "runs": "List the stored runs, newest first.",
    "serve": "Serve the stored runs: pages, an API, live runs.",
    "site": "Write a static site: grid, targets, wheels, history, badges, feed.",
    "worker": "Probe cells for runs with `--on ADDRESS` until interrupted.",
}
"""Command → its summary in the list of commands. Its module is imported when it is used."""


class _Commands(click.Group):
    """Imports a command when it is used: module ``harness.cli.<name>`` has ``<name>``."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's interface
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
        if known := super().get_command(ctx, cmd_name):
            return known
        if cmd_name not in COMMANDS:
            ctx.fail(f"No such command {cmd_name!r}{did_you_mean(cmd_name, COMMANDS)}")
        command: click.Command = getattr(import_module(f"harness.cli.{cmd_name}"), cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 as expected, 1 not as expected, 2 usage or matrix error, "
    "3 engine or image error, 4 a fixture wheel failed to build, 130 interrupted.",
)
@click.version_option(harness.__version__, prog_name="wheelgrid")
def commands() -> None:
    """Will this wheel import there?

    Probe compiled wheels on every interpreter, libc and architecture of the matrix.
    """


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
        _say(f"{prefix}{error}")
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        _say("wheelgrid: interrupted")
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        # The reader closed the pipe. Python flushes standard output once more as it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    return int(status or ExitCode.AS_EXPECTED)


def _say(text: str) -> None:
    from harness.report.console import say  # noqa: PLC0415 - `--help` says nothing

    say(text)
