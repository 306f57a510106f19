"""A small file system in memory, for tests of a disk without space."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.host.process import ProcessError, run_process


@contextmanager
def small_disk(folder: Path, *, files: int = 1000) -> Iterator[bool]:
    """Mount a tmpfs of 1 MiB and so many files at ``folder``; yield whether this user may.

    The message of the refusal is asserted.
    """
    folder.mkdir(exist_ok=True)
    options = f"size=1m,nr_inodes={files}"
    words = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    try:
        run_process(words, timeout=60, env={"LC_ALL": "C"})
    except ProcessError as error:
        refusals = ("must be superuser", "permission denied", "only root", "not permitted")
        if not any(refusal in error.output.lower() for refusal in refusals):
            raise
        yield False
        return
    try:
        yield True
    finally:
        run_process(["umount", "--lazy", str(folder)], timeout=60)


def fill(folder: Path, *, leave: int = 0) -> Path:
    """Fill the file system and return the file that does it; ``leave`` bytes stay free."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as stream:
        try:
            while True:
                stream.write(bytes(4096))
        except OSError:
            pass
        stream.truncate(max(0, stream.tell() - leave))
    return filler
