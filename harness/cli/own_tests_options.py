"""The options about a project's own tests, as a decorator."""

from pathlib import Path

import click

from harness.app.own_tests_request import OwnTestsWords
from harness.cli.options import Command, gather_options
from harness.cli.settings import is_typed
from harness.core.own_tests import TEST_SECONDS


def own_tests_options(command: Command) -> Command:
    """Add the options about a project's own tests; the command gets them as ``own_tests``."""
    return gather_options(
        command,
        "own_tests",
        _own_tests,
        click.option(
            "--test",
            default="",
            metavar="COMMAND",
            help="Your own tests, run after the import in the same container, without network: "
            "'pytest -q tests'. No shell reads it.",
        ),
        click.option(
            "--test-requires",
            multiple=True,
            metavar="REQUIREMENTS",
            help="What the tests need besides the wheel, as requirements: 'pytest>=8,hypothesis'.",
        ),
        click.option(
            "--test-files",
            multiple=True,
            type=click.Path(path_type=Path),
            metavar="PATH",
            help="File or folder that is sent to the tests' working directory.",
        ),
        click.option(
            "--test-timeout",
            type=click.FloatRange(min=0, min_open=True),
            default=TEST_SECONDS,
            metavar="S",
            help="Timeout of the tests, in seconds; 15 minutes by default.",
        ),
    )


def _own_tests(
    *,
    test: str,
    test_requires: tuple[str, ...],
    test_files: tuple[Path, ...],
    test_timeout: float,
) -> OwnTestsWords:
    if not test and is_typed("test_requires", "test_files", "test_timeout"):
        raise click.UsageError("name the test command, too: --test 'pytest -q tests'")
    return OwnTestsWords(
        command=test, requires=test_requires, files=test_files, timeout=test_timeout
    )
