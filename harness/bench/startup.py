"""Measure how soon commands answer: ``--help``, and one wheel predicted on all passports.

``python -m harness.bench.startup [WHEEL]``; without a wheel, an abi3 fixture wheel is built. Exits
with 1 if a command takes longer than its limit.
"""

import resource
import sys
import time
from collections.abc import Sequence

from harness.host.process import run_process

ROUNDS = 5
"""Runs of each command. The fastest counts, since other programs slow the rest."""
LIMITS = {"--help": 0.25, "predict --all": 0.8}
"""Seconds of wall clock."""
_PROGRAM = (sys.executable, "-m", "harness")
_SECONDS = 300


def main(words: Sequence[str]) -> int:
    """Measure, print and return the exit status."""
    wheel = words[0] if words else _fixture_wheel()
    commands = {"--help": ("--help",), "predict --all": ("predict", "--all", "--no-deps", wheel)}
    slow = False
    for title, command in commands.items():
        wall, cpu = min(_measure(command) for _ in range(ROUNDS))
        slow |= wall > LIMITS[title]
        print(f"{title:<14} {wall:.2f} s, {cpu:.2f} s of CPU; limit {LIMITS[title]} s")  # noqa: T201
    return int(slow)


def _measure(words: Sequence[str]) -> tuple[float, float]:
    """Return the seconds of wall clock and of CPU time of one command."""
    before, start = _children(), time.perf_counter()
    run_process((*_PROGRAM, *words), timeout=_SECONDS)
    return time.perf_counter() - start, _children() - before


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _fixture_wheel() -> str:
    words = ("build", "abi3", "--arch", "x86_64", "--builder", "cross-glibc")
    return run_process((*_PROGRAM, *words), timeout=_SECONDS).decode().splitlines()[0]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
