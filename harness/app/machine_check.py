"""Check the machines of a run before anything runs: a wrong one would be a miss, cell by cell."""

import os
import textwrap
from collections.abc import Iterable, Iterator

from harness.core.arches import Arch
from harness.core.errors import UsageError
from harness.core.machines import Machine, machine_of
from harness.core.matching import did_you_mean
from harness.core.targets import Target
from harness.host.cache import Cache, default_cache_root
from harness.host.cpu_models import cpu_models, cpu_refusal

_TOLD = 300
"""Characters of the models that an emulator knows."""


def check_machines(targets: Iterable[Target]) -> None:
    """Check that the emulators start with the CPUs, and that the page sizes are available here.

    Raises ``UsageError`` with every problem.
    """
    asked = {(t.arch, m.name): m for t in targets if (m := machine_of(t))}
    problems = [line for (arch, _), machine in asked.items() for line in _problems(arch, machine)]
    if problems:
        raise UsageError("\n".join(problems))


def _problems(arch: Arch, machine: Machine) -> Iterator[str]:
    where = f"machine {machine.name} on {arch.name}"
    least = os.sysconf("SC_PAGE_SIZE")
    if 0 < machine.page_size < least:
        yield (
            f"{where}: pages of {machine.page_size} bytes are smaller than those of this "
            f"machine, {least}; an emulator can only make them larger"
        )
    if not machine.cpu:
        return
    cache = Cache(default_cache_root())
    model, known = machine.cpu.partition(",")[0], cpu_models(arch, cache)
    if known and model not in known:
        some = textwrap.shorten(" ".join(known), _TOLD, placeholder=" …")
        yield (
            f"{where}: this QEMU has no CPU model {model!r}{did_you_mean(model, known)} "
            f"It knows {some} (`qemu-{arch.qemu}-static -cpu help` lists all)"
        )
    elif refusal := cpu_refusal(arch, machine.cpu, cache):
        yield f"{where}: the emulator does not start with the CPU {machine.cpu!r}: {refusal}"
