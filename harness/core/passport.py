"""The passport of a target: the properties of its interpreter and the libraries of its loader.

Many libraries export the same symbols, so passports hold the id of a symbol set, which is a hash
of its content. ``Symbols`` maps an id to its set.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

Symbols = Callable[[str], frozenset[str]]
"""Maps the id of a symbol set to its symbols: ``malloc``, or ``malloc@GLIBC_2.17`` with a
version. Raises ``PassportError`` for an unknown id."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SystemLibrary:
    """A library that the loader of a target finds without a search path of the wheel."""

    name: str
    """The soname that ELF files need: ``libc.so.6``."""
    path: str
    """Its path in the image, with links resolved."""
    needed: tuple[str, ...] = ()
    """The sonames that it needs itself."""
    symbols: str = ""
    """Id of the set of exported symbols; empty if not recorded."""


class ExecStack(StrEnum):
    """What happens to a library that needs an executable stack and is loaded by ``dlopen``."""

    UNKNOWN = ""
    GRANTED = "granted"
    REFUSED = "refused"
    """It does not load: glibc 2.41 and later (its NEWS, "dlopen and dlmopen")."""
    IGNORED = "ignored"
    """It loads and the stack stays as it was: musl reads the size there and not the permission."""


def exec_stack_of(libc: str) -> ExecStack:
    """Return what ``libc`` does, which is written as in a passport: ``glibc 2.36``."""
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
    """The properties of a target image on one arch, as its own interpreter reports them."""

    python: str
    """Full version: ``3.11.2``."""
    implementation: str
    soabi: str
    ext_suffix: str
    """The suffix of modules that it builds."""
    extension_suffixes: tuple[str, ...]
    """The suffixes that it imports, in order (``importlib.machinery.EXTENSION_SUFFIXES``)."""
    multiarch: str
    platform: str
    """``sysconfig.get_platform()``."""
    tags: tuple[str, ...]
    """The tags that its installer accepts, best first: ``cp311-cp311-manylinux_2_36_x86_64``."""
    installer: str
    """``pip 23.0.1``."""
    libc: str
    """``glibc 2.36`` or ``musl 1.2.3``; empty if the interpreter does not report it."""
    machine: str
    """``uname -m`` in the container."""
    elf_machine: str
    elf_bits: int
    elf_little: bool
    page_size: int
    """Bytes."""
    kernel: str
    """Release of the kernel in the container; empty in a recorded passport."""
    externally_managed: bool
    """The PEP 668 marker is present."""
    lacks: tuple[str, ...] = ()
    """The modules that it has no file of, sorted: of its standard library (from 3.10 on, by
    ``sys.stdlib_module_names``) what a distribution packages apart and what is for other systems;
    and of installers. Empty if unknown."""
    loader: str = ""
    """Path of the dynamic loader that the interpreter names; empty if the image was not read."""
    linked: tuple[str, ...] = ()
    """Libraries that the interpreter is linked with, which are loaded before any module."""
    exports: str = ""
    """Id of the set of symbols that the interpreter exports to modules."""
    exec_stack: ExecStack = ExecStack.UNKNOWN
    libraries: tuple[SystemLibrary, ...] = ()
    """The libraries that the loader finds without a search path of the wheel, sorted by name."""
    hwcap: int = 0
    """AT_HWCAP of the auxiliary vector (getauxval(3)); 0 in a recorded passport."""
    hwcap2: int = 0
    """AT_HWCAP2; 0 if there is none, and in a recorded passport."""
    hw_platform: str = ""
    """AT_PLATFORM: ``v7l``; empty if there is none, and in a recorded passport."""
    isa_level: int = 0
    """The x86-64 level of the CPU that was asked for; 0 if none was."""

    @property
    def minor(self) -> str:
        """Minor version of the interpreter: ``3.11``."""
        return ".".join(self.python.split(".")[:2])

    @property
    def free_threaded(self) -> bool:
        """Whether the interpreter is built without the GIL (PEP 703)."""
        return re.search(r"cpython-\d+d?t", self.soabi) is not None

    @property
    def variant(self) -> str:
        """The minor version as targets spell it: ``3.11``, ``3.13t`` or ``pypy3.11``."""
        prefix = "pypy" if self.implementation == "PyPy" else ""
        return f"{prefix}{self.minor}{'t' if self.free_threaded else ''}"
