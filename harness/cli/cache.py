"""``wheelgrid cache``: carry the cache to another machine."""

from pathlib import Path

import click

from harness.app.cache_archive import export_cache, import_cache
from harness.cli.command import ExplainedCommand
from harness.host.cache import Cache, default_cache_root
from harness.report.console import print_data
from harness.report.inventory import format_mib

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.group()
def cache() -> None:
    """Carry the cache to another machine."""


@cache.command(cls=ExplainedCommand, example="wheelgrid cache export cache.tar")
@click.argument("file", type=_FILE)
def export(*, file: Path) -> None:
    """Write the cache to FILE: packages, wheels, interpreters, and the parts of images.

    `wheelgrid image build --all` fills it first. Images that were pulled from a registry are the
    engine's, and not in it. Prints the digest of FILE, for `import --digest`.
    """
    done = export_cache(Cache(default_cache_root()), file)
    print_data(f"{done.entries} entries, {format_mib(done.size)}, sha256 {done.sha256}")


@cache.command("import", cls=ExplainedCommand, example="wheelgrid cache import cache.tar")
@click.argument("file", type=_FILE)
@click.option("--digest", default="", metavar="SHA256", help="The digest that FILE must have.")
def import_(*, file: Path, digest: str) -> None:
    """Add the entries of FILE to the cache; what the cache has stays.

    Each entry is checked first, and nothing is written of a damaged file. Import only what you or
    your CI exported: programs among the entries are run here.
    """
    done = import_cache(Cache(default_cache_root()), file, digest)
    print_data(f"{done.entries} entries, {done.new} of them new")
