"""A coverage-guided fuzzer of the readers: ``tox -e fuzz -- SECONDS``.

Each reader gets its share of the seconds, in a process of its own with a limit on memory. The
first input that breaks a contract ends its reader; keep it in ``tests/data/fuzz/<reader>/``, where
the unit tests read it again. ``python -m tests.fuzz.readers elf`` fuzzes one reader until it is
interrupted; further words go to libFuzzer.
"""

import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import atheris

with atheris.instrument_imports(
    include=["harness.wheels.archive", "harness.predict", "elftools", "zipfile", "packaging"]
):
    from tests.fuzz.contracts import READERS, SEEDS

_KEPT = Path(__file__).parents[1] / "data" / "fuzz"
_DEFAULT_SECONDS = 60
_MEMORY = 2048
"""MiB of a fuzzing process."""


def main(words: list[str]) -> int:
    """Fuzz the reader that the first word names, or all of them for so many seconds."""
    if words and words[0] in READERS:
        _fuzz(words[0], words[1:])
    seconds = int(words[0]) if words else _DEFAULT_SECONDS
    found = Path(tempfile.mkdtemp(prefix="fuzz-"))
    share = max(1, seconds // len(READERS))
    limits = [f"-max_total_time={share}", f"-rss_limit_mb={_MEMORY}", "-print_final_stats=1"]
    failed = 0
    for name in READERS:
        command = [sys.executable, "-m", __spec__.name, name, *limits]
        status = subprocess.call([*command, f"-artifact_prefix={found}/{name}-"])
        failed += status != 0
    if failed:
        sys.stdout.write(f"{failed} readers broke a contract; their inputs are {found}/*-*\n")
    else:
        found.rmdir()
    return failed


def _fuzz(name: str, words: list[str]) -> None:
    """Fuzz one reader from its seeds and from what was found before; ends the process."""
    with tempfile.TemporaryDirectory(prefix=f"fuzz-{name}-") as folder:
        earlier = {path.name: path.read_bytes() for path in (_KEPT / name).glob("*")}
        _plant(Path(folder), {**SEEDS[name](), **earlier})
        atheris.Setup([name, *words, folder], _one(READERS[name]))
        atheris.Fuzz()


def _plant(folder: Path, seeds: Mapping[str, bytes]) -> None:
    for name, data in seeds.items():
        (folder / name).write_bytes(data)


def _one(reader: Callable[[bytes], object]) -> Callable[[bytes], None]:
    def run(data: bytes) -> None:
        reader(data)

    return run


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
