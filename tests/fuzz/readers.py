"""A coverage-guided fuzzer of the readers: ``python tests/fuzz/readers.py elf|wheel [FOLDER]``.

Needs ``pip install atheris`` and stops at the first input that breaks the contract: keep
that in ``tests/data/fuzz/<reader>/``, where the unit tests read it again. Further words go
to libFuzzer: ``-max_total_time=300``.
"""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import atheris

with atheris.instrument_imports(
    include=["harness.wheels.archive", "harness.predict", "elftools", "zipfile"]
):
    from tests.fuzz.contracts import READERS, SEEDS


def main(words: list[str]) -> None:
    """Fuzz the reader that the first word names, with seeds in a separate folder."""
    name, *rest = words[1:]
    folder = (
        Path(rest.pop(0)) if rest and not rest[0].startswith("-") else Path(f"/tmp/fuzz-{name}")
    )
    folder.mkdir(parents=True, exist_ok=True)
    _plant(folder, SEEDS[name]())
    atheris.Setup([words[0], *rest, str(folder)], _one(READERS[name]))
    atheris.Fuzz()


def _plant(folder: Path, seeds: Mapping[str, bytes]) -> None:
    for name, data in seeds.items():
        (folder / name).write_bytes(data)


def _one(reader: Callable[[bytes], object]) -> Callable[[bytes], None]:
    def run(data: bytes) -> None:
        reader(data)

    return run


if __name__ == "__main__":
    main(sys.argv)
