"""A click command with an example in its help, whose options have defaults in a configuration."""

from typing import Any

import click

from harness.cli.settings import take_settings
from harness.core.errors import MatrixFileError
from harness.matrix.config.config_file import ConfigFile


class ExplainedCommand(click.Command):
    """A click command whose ``--help`` ends with an example."""

    def __init__(self, *args: Any, example: str, **kwargs: Any) -> None:  # noqa: ANN401 - click's
        super().__init__(*args, **kwargs)
        self.example = example
        take_settings(self)

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - click's
        """Run the command, if the project's configuration has no unknown key and no wrong value.

        Raises ``MatrixFileError`` with its problems and those of the matrix.
        """
        if config := ctx.find_object(ConfigFile):
            _check(config, ctx)
        return super().invoke(ctx)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Example"):
            for line in self.example.splitlines():
                formatter.write(f"  {line}\n")
        super().format_epilog(ctx, formatter)


def _check(config: ConfigFile, ctx: click.Context) -> None:
    from harness.matrix.config.config_rows import read_rows, wrong_keys  # noqa: PLC0415 - slow

    if not wrong_keys(config):
        return
    if folder := ctx.params.get("matrix"):
        from harness.app.wiring import read_matrix  # noqa: PLC0415 - slow, and rarely needed

        read_matrix(folder, config.path)
    raise MatrixFileError([str(problem) for problem in read_rows(config).problems])
