"""Measure predictions: seconds to read each wheel, and predicted cells per second.

``python -m harness.bench.predictions [WHEEL...]``; without arguments, wheels of the cache. The
targets are synthetic: several releases of Python and glibc on every arch, with as many tags as a
real installer has and a link check against thousands of symbols. Times are CPU time.
"""

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from packaging.tags import cpython_tags

from harness.core.arches import ARCHES, Arch
from harness.core.cells import Outcome
from harness.core.passport import Passport, SystemLibrary
from harness.host.cache import default_cache_root
from harness.predict import predict
from harness.wheels.archive.contents import WheelFacts, read_wheel

PYTHONS = tuple((3, minor) for minor in range(9, 16))
GLIBCS = range(17, 43, 5)
WHEELS = 60
ROUNDS = 3
_LIBRARIES = ("libc.so.6", "libm.so.6", "libpthread.so.0", "libdl.so.2", "libgcc_s.so.1")


def main(words: Sequence[str]) -> None:
    """Measure and print."""
    paths = [Path(word) for word in words] or cached_wheels()
    wheels = [timed_read(path) for path in paths]
    passports = sample_passports(libraries_needed(wheels))
    sets = {"python": _symbols_of(wheels, "Py"), "system": _symbols_of(wheels, "")}
    pairs = [(wheel, passport) for wheel in wheels for passport in passports]
    loading = [
        pair
        for pair in pairs
        if predict(*pair, sets.__getitem__).outcome not in (Outcome.REFUSED, Outcome.INSTALL_FAILED)
    ]
    print(f"{len(wheels)} wheels on {len(passports)} targets, on one core:")  # noqa: T201
    for title, cells in (("all cells", pairs), ("installed ones", loading)):
        seconds = timed_prediction(cells, sets.__getitem__)
        rate = ROUNDS * len(cells) / seconds
        print(f"{title:<14} {len(cells):>6}: {rate:,.0f} cells per second")  # noqa: T201


def timed_prediction(
    cells: Sequence[tuple[WheelFacts, Passport]], symbols: Callable[[str], frozenset[str]]
) -> float:
    """Predict ``cells`` in ``ROUNDS`` rounds and return the total seconds."""
    start = time.process_time()
    for _ in range(ROUNDS):
        for wheel, passport in cells:
            predict(wheel, passport, symbols)
    return time.process_time() - start


def timed_read(path: Path) -> WheelFacts:
    """Read a wheel and print the time."""
    start = time.process_time()
    facts = read_wheel(path)
    seconds = time.process_time() - start
    size = path.stat().st_size / 1e6
    if size > 1:
        print(f"{seconds:.3f} s to read {size:5.1f} MB: {path.name}")  # noqa: T201
    return facts


def cached_wheels() -> list[Path]:
    """Return the largest and the smallest wheels of the cache, ``WHEELS`` in all."""
    found = sorted(default_cache_root().glob("index/*/*.whl"), key=lambda path: path.stat().st_size)
    return list(dict.fromkeys([*found[-WHEELS // 6 :], *found[: WHEELS * 5 // 6]]))


def libraries_needed(wheels: Sequence[WheelFacts]) -> tuple[str, ...]:
    """Return all libraries that the wheels need; the synthetic targets have them."""
    needed = {n for w in wheels for m in w.native for n in getattr(m.elf, "needed", ())}
    return tuple(sorted(needed.union(_LIBRARIES)))


def sample_passports(libraries: tuple[str, ...]) -> list[Passport]:
    """Return one passport per Python, glibc and arch."""
    return [
        _passport(python, glibc, arch, libraries)
        for python in PYTHONS
        for glibc in GLIBCS
        for arch in ARCHES
    ]


def _passport(
    python: tuple[int, int], glibc: int, arch: Arch, libraries: tuple[str, ...]
) -> Passport:
    number = f"{python[0]}{python[1]}"
    triplet = arch.gnu_triplet
    platforms = [f"manylinux_2_{minor}_{arch.name}" for minor in range(glibc, 16, -1)]
    platforms += [f"manylinux2014_{arch.name}", f"linux_{arch.name}"]
    return Passport(
        python=f"{python[0]}.{python[1]}.1",
        implementation="cpython",
        soabi=f"cpython-{number}-{triplet}",
        ext_suffix=f".cpython-{number}-{triplet}.so",
        extension_suffixes=(f".cpython-{number}-{triplet}.so", ".abi3.so", ".so"),
        multiarch=triplet,
        platform=f"linux-{arch.name}",
        tags=tuple(map(str, cpython_tags(python, [f"cp{number}"], platforms))),
        installer="pip 25.1",
        libc=f"glibc 2.{glibc}",
        machine=arch.name,
        elf_machine=arch.elf_machine,
        elf_bits=arch.elf_bits,
        elf_little=arch.elf_little,
        page_size=4096,
        kernel="",
        externally_managed=False,
        loader="/lib/ld.so",
        linked=("libc.so.6",),
        exports="python",
        libraries=tuple(
            SystemLibrary(name=name, path=f"/lib/{name}", symbols="system") for name in libraries
        ),
    )


def _symbols_of(wheels: Sequence[WheelFacts], prefix: str) -> frozenset[str]:
    elves = [member.elf for wheel in wheels for member in wheel.native]
    return frozenset(
        f"{s.name}@{s.version}" if s.version else s.name
        for elf in elves
        for s in getattr(elf, "undefined", ())
        if s.name.startswith(prefix)
    )


if __name__ == "__main__":
    main(sys.argv[1:])
