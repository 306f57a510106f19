"""Obtain everything that cells need before they are probed: images and wheels.

``image build --all`` does it ahead of time. ``--offline`` does it before a run, from the caches
alone, so that all that is missing is reported at once.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from harness.app.engine_wiring import open_images, open_wheels
from harness.app.prober_options import ProberOptions
from harness.app.wiring import open_passports, open_pinned
from harness.app.workspace import open_workspace
from harness.core.cells import Cell, Matrix
from harness.core.errors import EngineError, HarnessError, ImageError, InfrastructureError
from harness.core.observations import ImageRef
from harness.core.passport import Passport
from harness.core.targets import Target
from harness.images.debian_root import native_arch
from harness.wheels.provider import WheelProvider


@dataclass(frozen=True, kw_only=True, slots=True)
class ObtainedItem:
    """An image or a wheel that is there now, or why it is not."""

    what: str
    """A target's key, or a cell's id."""
    target: Target | None = None
    image: ImageRef | None = None
    size: int = 0
    """Bytes of the image."""
    seconds: float = 0.0
    """Until the image was there."""
    error: HarnessError | None = None


def needed_targets(cells: Sequence[Cell], matrix: Matrix) -> tuple[Target, ...]:
    """Return the targets of the cells, and those that install wheels for emulated ones."""
    targets = {cell.target.key: cell.target for cell in cells}
    here, ids = native_arch().name, {target.id for target in targets.values()}
    native = (t for t in matrix.targets if t.arch_name == here and t.id in ids)
    return tuple((targets | {target.key: target for target in native}).values())


def obtain_all(
    cells: Sequence[Cell],
    matrix: Matrix,
    options: ProberOptions,
    announce: Callable[[str], None],
) -> Iterator[ObtainedItem]:
    """Yield the images that the cells need, then their wheels, each as it is obtained.

    A wheel depends on what the target's installer accepts. A target without a recorded passport
    gets its wheels when it is probed. Raises ``EngineError`` if no engine answers.
    """
    index = open_pinned(options, announce)
    workspace = open_workspace(options.matrix_folder, announce)
    yield from obtain_images(needed_targets(cells, matrix), options, announce)
    wheels = open_wheels(matrix, options, index, workspace)
    passports = open_passports(options.matrix_folder, options.config)
    for cell in cells:
        if passport := passports.recorded(cell.target.key):
            yield _wheels(cell, wheels, passport)


def obtain_images(
    targets: Iterable[Target], options: ProberOptions, announce: Callable[[str], None]
) -> Iterator[ObtainedItem]:
    """Yield the image of each target as it is obtained.

    Raises ``EngineError`` if no engine is left that answers.
    """
    images = open_images(options, open_pinned(options, announce), announce, warn=announce)
    for target in targets:
        start = time.monotonic()
        try:
            ref = images.get(target)
            size = images.size(ref, target)
        except InfrastructureError as error:
            if isinstance(error, EngineError) and not isinstance(error, ImageError):
                raise
            yield ObtainedItem(what=target.key, target=target, error=error)
        else:
            spent = time.monotonic() - start
            yield ObtainedItem(what=target.key, target=target, image=ref, size=size, seconds=spent)


def _wheels(cell: Cell, wheels: WheelProvider, passport: Passport) -> ObtainedItem:
    try:
        wheels.wheels_for(cell.subject, cell.target, passport)
    except InfrastructureError as error:
        return ObtainedItem(what=cell.id, error=error)
    return ObtainedItem(what=cell.id)


def missing_lines(items: Sequence[ObtainedItem]) -> tuple[str, ...]:
    """Return a line for each thing that is missing: what, and how many need it."""
    lines: dict[str, list[str]] = {}
    for item in items:
        if item.error is not None:
            lines.setdefault(str(item.error), []).append(item.what)
    return tuple(f"missing for {names[0]}{_more(names)}: {why}" for why, names in lines.items())


def _more(names: Sequence[str]) -> str:
    return f" and {len(names) - 1} more" if len(names) > 1 else ""
