"""``wheelgrid image``: build, list and remove target images."""

import time
from collections.abc import Mapping
from pathlib import Path

import click

from harness.app.engine_wiring import open_images, open_pool
from harness.app.obtain_all import ObtainedItem, missing_lines, obtain_all, obtain_images
from harness.app.prober_options import ProberOptions
from harness.app.wiring import open_pinned
from harness.cli.command import ExplainedCommand
from harness.cli.options import (
    engine_option,
    image_options,
    matrix_option,
    offline_option,
    project_matrix,
    registry_option,
    selection_options,
)
from harness.cli.settings import project_config
from harness.core.cells import Cell, Matrix
from harness.core.engine_places import EnginePlace
from harness.core.errors import ExitCode
from harness.host.cache import Cache, default_cache_root
from harness.host.engine import Engine
from harness.images.debian.package_lock import read_locks
from harness.images.inventory import StoredItem, list_inventory, remove_items
from harness.images.source import ImageStorage
from harness.matrix.package_sets import header_entries
from harness.matrix.plan import Selection, plan_cells
from harness.report.console import print_data, say
from harness.report.inventory import format_built, format_inventory, format_mib, format_sum
from harness.report.untrusted import visible

A_DAY = 24 * 3600.0


@click.group()
def image() -> None:
    """Build, list and remove target images."""


@image.command(
    cls=ExplainedCommand, example='wheelgrid image build --target "alpine-*" --arch x86_64'
)
@selection_options
@click.option(
    "--all",
    "everything",
    is_flag=True,
    help="Also get the wheels of the cells, and all that a later run with --offline needs.",
)
@offline_option
@image_options
@engine_option
@matrix_option
def build(
    *,
    selection: Selection,
    everything: bool,
    images: str,
    registry: str,
    engines: tuple[EnginePlace, ...],
    matrix: Path,
) -> ExitCode:
    """Build the images of the targets that a run would probe.

    Each is built in the engine that would run its cells, which keeps the images that it has.
    Prints a line for each: way, seconds, size, origin.
    """
    read = project_matrix(matrix)
    cells = plan_cells(read, selection)
    options = ProberOptions(
        matrix_folder=matrix,
        config=project_config(),
        images=images,
        registry=registry,
        engines=engines,
    )
    if everything:
        return _build_all(cells, read, options)
    failed = False
    targets = {cell.target.key: cell.target for cell in cells}
    for item in obtain_images(targets.values(), options, say):
        _print_built(item)
        if item.error:
            failed = True
            say(f"{item.what}: {item.error}")
    return ExitCode.NOTHING_CAN_BE_SAID if failed else ExitCode.AS_EXPECTED


def _build_all(cells: tuple[Cell, ...], matrix: Matrix, options: ProberOptions) -> ExitCode:
    """Print a line for each image, the number of cells with all their wheels, and what lacks."""
    found = []
    for item in obtain_all(cells, matrix, options, say):
        found.append(item)
        _print_built(item)
    wheels = [item for item in found if item.target is None]
    print_data(f"wheels of {sum(i.error is None for i in wheels)} of {len(cells)} cells")
    for line in (lines := missing_lines(found)):
        say(line)
    return ExitCode.NOTHING_CAN_BE_SAID if lines else ExitCode.AS_EXPECTED


def _print_built(item: ObtainedItem) -> None:
    if item.image and item.target:
        print_data(format_built(item.target, item.image, size=item.size, seconds=item.seconds))


@image.command("list", cls=ExplainedCommand, example="wheelgrid image list --unused")
@click.option("--unused", is_flag=True, help="List only what no target of the matrix uses.")
@registry_option
@engine_option
@matrix_option
def list_images(
    *, unused: bool, registry: str, engines: tuple[EnginePlace, ...], matrix: Path
) -> None:
    """List the images built here and their cache entries.

    Prints a line for each: size, age, name, the targets that use it. The size of an image
    includes layers that it shares with others.
    """
    options = ProberOptions(matrix_folder=matrix, registry=registry, engines=engines)
    items = _inventory(options, _engines(options))
    items = tuple(item for item in items if not (unused and item.targets))
    print_data(format_inventory(items, now=time.time()))


@image.command("prune", cls=ExplainedCommand, example="wheelgrid image prune --dry-run")
@click.option("--dry-run", is_flag=True, help="Print what would be removed; remove nothing.")
@click.option("--all", "everything", is_flag=True, help="Also remove what the matrix uses.")
@registry_option
@engine_option
@matrix_option
def prune_images(
    *,
    dry_run: bool,
    everything: bool,
    registry: str,
    engines: tuple[EnginePlace, ...],
    matrix: Path,
) -> None:
    """Remove images and cache entries that no target of the matrix uses.

    All of them can be built again; the next run rebuilds what --all removes.
    """
    options = ProberOptions(matrix_folder=matrix, registry=registry, engines=engines)
    opened = _engines(options)
    items = tuple(i for i in _inventory(options, opened) if everything or not i.targets)
    if not dry_run:
        cache = Cache(default_cache_root())
        items = remove_items(items, opened, cache, announce=say)
        if left := cache.remove_leftovers(older_than=A_DAY):
            print_data(f"removed leftovers of killed processes: {format_mib(left)}")
    for item in items:
        print_data(f"{'would remove' if dry_run else 'removed'} {visible(item.title)}")
    print_data(f"{'would remove' if dry_run else 'removed'} in all: {format_sum(items)}")


def _engines(options: ProberOptions) -> Mapping[str, Engine]:
    """Return every engine that answers, by its name. Raises ``EngineError`` if none does."""
    pool = open_pool(options, say)
    return {pooled.name: pooled.engine for pooled in pool.all()} or {"": pool.here().engine}


def _inventory(options: ProberOptions, engines: Mapping[str, Engine]) -> tuple[StoredItem, ...]:
    store = open_images(options, open_pinned(options, say), say)
    read = project_matrix(options.matrix_folder)
    uses = {target.key: store.uses(target) for target in read.targets}
    uses["fixture wheels"] = (
        ImageStorage(image="", entries=header_entries(read, read_locks(options.matrix_folder))),
    )
    return list_inventory(engines, Cache(default_cache_root()), uses)
