"""The CPU models that an emulator knows."""

from harness.core.arches import Arch
from harness.core.errors import MachineError
from harness.host.cache import Cache
from harness.host.doctor.emulation import emulator_version, make_program
from harness.host.process import ProcessError, run_process
from harness.host.static_emulator import find_static_emulator

_SECONDS = 10
_FAMILIES = ("x86", "PowerPC", "s390")
"""First words of a line that has a model as its second one."""


def cpu_models(arch: Arch, cache: Cache) -> tuple[str, ...]:
    """Return the models of the emulator that runs ``arch``; none if it cannot be asked.

    Raises ``CacheError`` if the test program cannot be stored.
    """
    try:
        if emulator_version(arch, cache):
            # Options of QEMU's user mode are environment variables too, so this asks the
            # emulator that the kernel uses.
            words, env = [str(make_program(arch, cache))], {"QEMU_CPU": "help"}
        else:
            words, env = [str(find_static_emulator(arch).path), "-cpu", "help"], {}
        # QEMU ends with status 1 after its help, up to 9.0 at least.
        answer = run_process(["sh", "-c", '"$@" || :', "sh", *words], timeout=_SECONDS, env=env)
    except (ProcessError, MachineError):
        return ()
    return parse_models(answer.decode("ascii", "replace"))


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
