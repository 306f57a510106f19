"""The CPU models that an emulator knows, and those that it starts."""

import textwrap

from harness.core.arches import Arch
from harness.core.errors import MachineError
from harness.host.cache import Cache
from harness.host.doctor.emulation import emulator_version, make_program
from harness.host.process import ProcessError, run_process
from harness.host.static_emulator import find_static_emulator

_SECONDS = 10
_TOLD = 200  # characters of an emulator's message
_FAMILIES = ("x86", "PowerPC", "s390")
"""First words of a line that has a model as its second one."""


def cpu_models(arch: Arch, cache: Cache) -> tuple[str, ...]:
    """Return the models of the emulator that runs ``arch``; none if it cannot be asked.

    Raises ``CacheError`` if the test program cannot be stored.
    """
    try:
        # QEMU ends with status 1 after its help, up to 9.0 at least.
        answer = _run(("sh", "-c", '"$@" || :', "sh"), arch, "help", cache)
    except (ProcessError, MachineError):
        return ()
    return parse_models(answer)


def cpu_refusal(arch: Arch, cpu: str, cache: Cache) -> str:
    """Return what the emulator of ``arch`` says if it does not start with a CPU; empty if it does.

    It may know a model that it implements in part only, as those of s390x, or no such option.
    Raises ``CacheError`` as above.
    """
    try:
        _run((), arch, cpu, cache)
    except MachineError:
        return ""  # the session reports it
    except ProcessError as error:
        lines = [line for line in error.output.splitlines() if ": warning: " not in line]
        return textwrap.shorten((lines or [error.reason])[0], _TOLD, placeholder=" …")
    return ""


def _run(before: tuple[str, ...], arch: Arch, cpu: str, cache: Cache) -> str:
    """Run the test program on a CPU and return its output, and the emulator's."""
    words, env = [str(make_program(arch, cache))], {}
    if emulator_version(arch, cache):
        # Options of QEMU's user mode are environment variables too, so this asks the emulator
        # that the kernel uses.
        env = {"QEMU_CPU": cpu}
    else:
        words = [str(find_static_emulator(arch).path), "-cpu", cpu, *words]
    output = run_process([*before, *words], timeout=_SECONDS, env=env, merge=True)
    return output.decode("ascii", "replace")


def parse_models(answer: str) -> tuple[str, ...]:
    """Return the models in the output of ``qemu-<arch> -cpu help``."""
    models = []
    for line in answer.splitlines():
        words = line.split()
        if line.startswith("Recognized"):
            break  # features follow
        if len(words) == 1 or (words and words[0] in _FAMILIES):
            models.append(words[words[0] in _FAMILIES])
    return tuple(models)
