"""Make missing target images ahead, in processes of their own, while workers probe others.

A cold run otherwise waits for the network and for single-threaded steps with idle processors. One
process makes the images that are pulled or assembled, another those with a compiled interpreter.
The locks of the cache ensure that nothing is made twice.
"""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from harness.app.engine_wiring import open_images, open_readiness, same_images
from harness.app.wiring import IMAGE_CHOICES, ProberOptions, open_pinned, read_matrix
from harness.core.cells import Cell, Matrix
from harness.core.errors import EngineError, HarnessError
from harness.core.targets import ImageWay, Target
from harness.host.engine.docker import connect
from harness.host.process import RunningProcess, end_with_parent, start_process
from harness.images.source import has_way
from harness.probe.journal import Journal

NICENESS = 19
"""Probes have time limits and show their results; images have neither."""
CLOSING_SECONDS = 10.0
"""Seconds to end a compilation and remove its files after SIGINT."""
TICK = 0.1


def is_compiled(target: Target, images: str) -> bool:
    """Return whether a way to the target's image compiles an interpreter, and none is sure before.

    A registry is not: it may be out of reach. ``images`` is a key of ``IMAGE_CHOICES``.
    """
    ways = [way for way in IMAGE_CHOICES[images] if has_way(target, way)]
    local = [way for way in ways if way is not ImageWay.REGISTRY]
    return local[:1] == [ImageWay.REPLICA]


def without_compiled(
    cells: Sequence[Cell], images: str
) -> tuple[tuple[Cell, ...], tuple[str, ...]]:
    """Return the cells whose images need no compiler, and the keys of the other cells' targets.

    ``images`` is a key of ``IMAGE_CHOICES``.
    """
    compiled = dict.fromkeys(c.target.key for c in cells if is_compiled(c.target, images))
    return tuple(cell for cell in cells if cell.target.key not in compiled), tuple(compiled)


def missing_images(
    targets: Sequence[Target], matrix: Matrix, options: ProberOptions
) -> tuple[Target, ...]:
    """Return the targets whose image is not in the engine, once for each image.

    The least effort comes first. Empty if no engine answers.
    """
    with contextlib.suppress(EngineError):
        connect().close()
        is_ready, same = open_readiness(matrix, options), same_images(matrix, options)
        firsts = dict[str, Target]()
        for target in targets:
            firsts.setdefault(same.get(target.key, target.key), target)
        missing = [target for target in firsts.values() if not is_ready(target.key)]
        return tuple(sorted(missing, key=lambda t: is_compiled(t, options.images)))
    return ()


@contextlib.contextmanager
def making_ahead(
    targets: Sequence[Target], options: ProberOptions, journal: Path
) -> Iterator[None]:
    """Make the images of ``targets`` in the background until the context ends.

    What is made is announced in the journal; a failure is left to the worker that needs the image.
    """
    slow = [t.key for t in targets if is_compiled(t, options.images)]
    quick = [t.key for t in targets if not is_compiled(t, options.images)]
    with contextlib.ExitStack() as stack:
        for name, keys in (("ahead-1", quick), ("ahead-2", slow)):
            if keys:
                words = [sys.executable, "-m", __name__, name, str(journal), options.images]
                words += [options.registry, str(options.matrix_folder)]
                words += [str(options.config or ""), *keys]
                process = stack.enter_context(start_process(words, output=Path(os.devnull)))
                stack.callback(_end, process)
        yield


def _end(process: RunningProcess) -> None:
    """Interrupt the process if it still runs, and wait for its end."""
    if process.status() is None:
        process.interrupt()
    deadline = time.monotonic() + CLOSING_SECONDS
    while process.status() is None and time.monotonic() < deadline:
        time.sleep(TICK)


def make_images(
    keys: Sequence[str], matrix: Matrix, options: ProberOptions, journal: Journal
) -> None:
    """Make the images of the targets with these keys, one after the other."""
    targets = {target.key: target for target in matrix.targets}
    with contextlib.suppress(HarnessError):
        images = open_images(options, open_pinned(options, journal.announce), journal.announce)
        for key in keys:
            journal.activity(key, "getting the image")
            with contextlib.suppress(HarnessError):
                images.get(targets[key])
            journal.activity(key, "")


def _main(name: str, journal: str, images: str, *others: str) -> None:
    registry, matrix, config, *keys = others
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored below `nohup … &`
    end_with_parent()
    os.nice(NICENESS)
    options = ProberOptions(matrix_folder=Path(matrix), images=images, registry=registry)
    with contextlib.suppress(KeyboardInterrupt):
        read = read_matrix(Path(matrix), Path(config) if config else None)
        make_images(keys, read, options, Journal(Path(journal), name))


if __name__ == "__main__":
    _main(*sys.argv[1:])
