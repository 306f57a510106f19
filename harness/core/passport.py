"""The passport of a target: what its interpreter says of itself, what its loader finds.

Values only. A set of exported symbols is named by its content, since many libraries of many
targets export the same: ``Symbols`` gives the set that an id stands for.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

Symbols = Callable[[str], frozenset[str]]
"""The id of a symbol set → its symbols: ``malloc``, or ``malloc@GLIBC_2.17`` where it has a
version. Raises ``PassportError`` for an id that it does not have."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SystemLibrary:
    """A library that the loader of a target finds by itself."""

    name: str
    """What an ELF file asks for: ``libc.so.6``."""
    path: str
    """Where it is in the image, links followed."""
    needed: tuple[str, ...] = ()
    """The libraries that it asks for in turn."""
    symbols: str = ""
    """Id of the set of symbols that it exports; empty where they were not recorded."""


class ExecStack(StrEnum):
    """What becomes of a library that asks for an executable stack and is loaded by ``dlopen``."""

    UNKNOWN = ""
    GRANTED = "granted"
    REFUSED = "refused"
    """It does not load: glibc 2.41 and later (its NEWS, "dlopen and dlmopen")."""
    IGNORED = "ignored"
    """It loads, and its stack stays as it was: musl reads the size there and no permission."""


def exec_stack_of(libc: str) -> ExecStack:
    """Return the policy of a libc that is given as in a passport: ``glibc 2.36``."""
    name, _, version = libc.partition(" ")
    numbers = tuple(int(number) for number in re.findall(r"\d+", version))
    match name:
        case "musl":
            return ExecStack.IGNORED
        case "glibc" if numbers:
            return ExecStack.REFUSED if numbers >= (2, 41) else ExecStack.GRANTED
        case _:
            return ExecStack.UNKNOWN


@dataclass(frozen=True, kw_only=True, slots=True)
class Passport:
    """Everything measured once about a target image on one arch, by its own interpreter."""

    python: str
    """Full version: ``3.11.2``."""
    implementation: str
    soabi: str
    ext_suffix: str
    """The one name that it builds."""
    extension_suffixes: tuple[str, ...]
    """What it imports, in order (``importlib.machinery.EXTENSION_SUFFIXES``)."""
    multiarch: str
    platform: str
    """``sysconfig.get_platform()``."""
    tags: tuple[str, ...]
    """What its installer accepts, best first: ``cp311-cp311-manylinux_2_36_x86_64``."""
    installer: str
    """``pip 23.0.1``."""
    libc: str
    """``glibc 2.36`` or ``musl 1.2.3``; empty where the interpreter does not tell."""
    machine: str
    """``uname -m`` in the container."""
    elf_machine: str
    elf_bits: int
    elf_little: bool
    page_size: int
    kernel: str
    externally_managed: bool
    """PEP 668 marker present."""
    loader: str = ""
    """Path of the dynamic loader that the interpreter names; empty where nobody looked."""
    linked: tuple[str, ...] = ()
    """Libraries that the interpreter itself is linked with, so that they are loaded already."""
    exports: str = ""
    """Symbols that the interpreter exports to the modules it loads, as a symbol set's id."""
    exec_stack: ExecStack = ExecStack.UNKNOWN
    libraries: tuple[SystemLibrary, ...] = ()
    """What the loader finds without any search path of a wheel's, sorted by name."""

    @property
    def minor(self) -> str:
        """Minor version of the interpreter: ``3.11``."""
        return ".".join(self.python.split(".")[:2])
