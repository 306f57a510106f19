"""Make a passport of an agent's first answer (pure)."""

from elftools.elf.enums import ENUM_E_MACHINE

from harness.core.arches import Arch
from harness.core.causes import Cause
from harness.core.errors import ImageError
from harness.core.passport import Passport
from harness.probe.answers import HelloAnswer

_MACHINE_NAMES = {
    number: name for name, number in ENUM_E_MACHINE.items() if isinstance(number, int)
}


def passport_of(facts: HelloAnswer) -> Passport:
    """Return the passport of an interpreter, without what is measured in its image."""
    return Passport(
        python=facts.python,
        implementation=facts.implementation,
        soabi=facts.soabi,
        ext_suffix=facts.ext_suffix,
        extension_suffixes=facts.extension_suffixes,
        multiarch=facts.multiarch,
        platform=facts.platform,
        tags=facts.tags,
        installer=facts.installer,
        libc=facts.libc,
        machine=facts.machine,
        elf_machine=_MACHINE_NAMES.get(facts.elf.machine, str(facts.elf.machine)),
        elf_bits=facts.elf.bits,
        elf_little=facts.elf.little,
        page_size=facts.page_size,
        hwcap=facts.hwcap,
        hwcap2=facts.hwcap2,
        hw_platform=facts.hw_platform,
        kernel=facts.kernel,
        externally_managed=facts.externally_managed,
        lacks=facts.lacks,
    )


def assert_arch(passport: Passport, arch: Arch) -> None:
    """Raise ``ImageError`` unless ``uname`` and the interpreter's ELF header match the arch.

    An engine silently reuses a cached image of another architecture.
    """
    elf = (passport.elf_machine, passport.elf_bits, passport.elf_little)
    if elf != (arch.elf_machine, arch.elf_bits, arch.elf_little):
        raise ImageError(
            f"wanted {arch.name}, got an image whose interpreter is "
            f"{passport.elf_machine} ({passport.elf_bits} bit); remove that image and try again",
            cause=Cause.WRONG_ARCH,
        )
    if passport.machine not in arch.machines:
        raise ImageError(
            f"wanted {arch.name}, but `uname -m` in the container says {passport.machine}",
            cause=Cause.WRONG_ARCH,
        )
