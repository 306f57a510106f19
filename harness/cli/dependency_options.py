"""The options about dependencies, as a decorator."""

import os
from pathlib import Path
from urllib.parse import urlsplit

import click

from harness.app.dependency_request import read_dependency_options
from harness.app.requested import read_release
from harness.cli.options import Command, gather_options
from harness.cli.settings import is_typed
from harness.core.subjects import DependencyOptions


def dependency_options(command: Command) -> Command:
    """Add the options about dependencies; the command gets ``companions`` and ``dependencies``."""
    return gather_options(
        command,
        "dependencies",
        _dependencies,
        click.option(
            "--deps/--no-deps", default=True, help="Whether to install what the wheels depend on."
        ),
        click.option(
            "--extra",
            "extras",
            multiple=True,
            metavar="NAME",
            help="Extra of the wheels to install too, as in 'demo[NAME]'.",
        ),
        click.option(
            "--with",
            "companions",
            multiple=True,
            type=read_release,
            metavar="NAME==VERSION",
            help="Release to install besides.",
        ),
        click.option(
            "--find-links",
            multiple=True,
            type=click.Path(path_type=Path),
            metavar="DIR",
            help="Folder of further wheels for dependencies, such as those of the same release.",
        ),
        click.option(
            "--constraint",
            type=click.Path(path_type=Path, dir_okay=False),
            metavar="FILE",
            help="Versions of dependencies, one line each, like numpy<2.",
        ),
        click.option(
            "--index-url",
            default="",
            metavar="URL",
            expose_value=False,
            callback=_name_index,
            help="Package index; by default that of the user's pip.",
        ),
    )


def _dependencies(
    *,
    deps: bool,
    extras: tuple[str, ...],
    find_links: tuple[Path, ...],
    constraint: Path | None,
) -> DependencyOptions | None:
    if not deps and is_typed("extras", "find_links", "constraint"):
        raise click.UsageError("--no-deps resolves nothing; leave it out, or the other option")
    if not deps:
        return None
    return read_dependency_options(find_links=find_links, constraint=constraint, extras=extras)


def _name_index(context: click.Context, param: click.Parameter, value: str) -> None:
    context.meta[str(param.name)] = value  # for `wheelgrid config`
    if not value or value == os.environ.get("PIP_INDEX_URL"):
        return  # what pip's own variable says is left to who reads it
    if urlsplit(value).scheme not in ("http", "https") or not urlsplit(value).hostname:
        raise click.BadParameter("write an address that starts with https:// or http://")
    os.environ["PIP_INDEX_URL"] = value  # pytest's workers inherit it
