"""Make missing images and wheels ahead, in processes of their own, while workers probe others.

A cold run otherwise waits for the network and for single-threaded steps with idle processors. One
process makes the images that are pulled or assembled, another those with a compiled interpreter,
and a third the cells' wheels with the headers that they need. The locks of the cache ensure that
nothing is made twice.
"""

import contextlib
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from harness.app.engine_wiring import open_images, open_readiness, same_images
from harness.app.prober_options import IMAGE_CHOICES, ProberOptions, options_word, read_options
from harness.app.wiring import open_passports, open_pinned, open_provider, read_matrix
from harness.core.cells import Cell, Matrix
from harness.core.errors import EngineError, HarnessError
from harness.core.machines import recorded_on
from harness.core.targets import ImageWay, Target
from harness.host.engine.docker import connect
from harness.host.process import RunningProcess, end_with_parent, start_process
from harness.images.source import has_way
from harness.matrix.cell_list import dump_cells, load_cells
from harness.probe.journal import Journal

NICENESS = 19
"""Probes have time limits and show their results; images have neither."""
CLOSING_SECONDS = 10.0
"""Seconds to end a compilation and remove its files after SIGINT."""
TICK = 0.1
_IMAGES, _WHEELS = "images", "wheels"


def is_compiled(target: Target, images: str) -> bool:
    """Return whether the target's image needs a compiled interpreter if no registry has it.

    A registry may be out of reach, so it is not relied on. ``images`` is a key of
    ``IMAGE_CHOICES``.
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
    targets: Sequence[Target], cells: Sequence[Cell], options: ProberOptions, journal: Path
) -> Iterator[None]:
    """Make the images of ``targets`` and the wheels of ``cells`` until the context ends.

    What is made is announced in the journal; a failure is left to the worker that needs the image
    or the wheel. Nothing is started without targets.
    """
    slow = [t.key for t in targets if is_compiled(t, options.images)]
    quick = [t.key for t in targets if not is_compiled(t, options.images)]
    with contextlib.ExitStack() as stack:
        listed = stack.enter_context(tempfile.NamedTemporaryFile(prefix="cells-"))
        listed.write(dump_cells(cells))
        listed.flush()
        work = (_IMAGES, quick), (_IMAGES, slow), (_WHEELS, [listed.name] if targets else [])
        for number, (what, items) in enumerate(work, 1):
            if items:
                words = [sys.executable, "-m", __name__, what, f"ahead-{number}", str(journal)]
                words += [options_word(options), *items]
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


def make_wheels(
    cells: Sequence[Cell], matrix: Matrix, options: ProberOptions, journal: Journal
) -> None:
    """Build or fetch the wheels of the cells, as far as recorded passports say which these are."""
    passports = open_passports(options.matrix_folder, options.config)
    with contextlib.suppress(HarnessError):
        wheels = open_provider(matrix, options, open_pinned(options, journal.announce))
        for cell in cells:
            with contextlib.suppress(HarnessError):
                if passport := recorded_on(passports, cell.target):
                    journal.activity(cell.target.key, f"getting the wheel of {cell.subject.id}")
                    wheels.wheels_for(cell.subject, cell.target, passport)
            journal.activity(cell.target.key, "")


def _main(what: str, name: str, journal: str, word: str, *items: str) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored below `nohup … &`
    end_with_parent()
    os.nice(NICENESS)
    options = read_options(word)
    matrix = read_matrix(options.matrix_folder, options.config)
    opened = Journal(Path(journal), name)
    with contextlib.suppress(KeyboardInterrupt):
        if what == _IMAGES:
            make_images(items, matrix, options, opened)
        else:
            make_wheels(load_cells(Path(items[0]).read_bytes()), matrix, options, opened)


if __name__ == "__main__":
    _main(*sys.argv[1:])
