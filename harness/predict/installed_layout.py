"""Compute where a wheel's modules and libraries lie after installation."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from harness.predict.identity import cached_by_identity
from harness.wheels.archive.contents import NativeMember, WheelFacts
from harness.wheels.archive.data_schemes import site_path
from harness.wheels.archive.elf import ElfFacts

PYTHON_SUFFIXES = (".py", ".pyc")
_OTHER_STARTS = ("PyModExport_", "_cffi_pypyinit_")
"""Functions that start a module instead: from Python 3.15 on (PEP 793), and cffi's on PyPy."""
STARTS = ("PyInit", *_OTHER_STARTS)
"""How the names of functions that start a module begin."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class InstalledLayout:
    """One installed wheel, as the import system and the loader find it."""

    wheel: WheelFacts
    files: Mapping[str, Mapping[str, str]]
    """Module → suffix → member: ``{"demo._inner": {".abi3.so": "demo/_inner.abi3.so"}}``; a
    package is ``demo.__init__``."""
    folders: frozenset[str]
    """Packages, including namespace packages (PEP 420)."""
    natives: Mapping[str, NativeMember]
    """ELF files by member name."""
    places: Mapping[str, NativeMember]
    """ELF files by path from site-packages."""
    extensions: tuple[str, ...]
    """Extension modules, sorted."""

    def members_of(self, module: str) -> Mapping[str, str]:
        """Return suffix → member of the module or package of that name; empty if there is none."""
        return self.files.get(module) or self.files.get(f"{module}.__init__") or {}

    def find(self, module: str, suffixes: tuple[str, ...]) -> str | None:
        """Return the member that ``import module`` loads, empty for a namespace, or None.

        As ``importlib.machinery.FileFinder``: packages before modules, and in one directory
        extension modules before Python files.
        """
        for name in (f"{module}.__init__", module):
            members = self.files.get(name)
            if members is None:
                continue
            for suffix in (*suffixes, *PYTHON_SUFFIXES):
                if suffix in members:
                    return members[suffix]
        return "" if module in self.folders else None


@cached_by_identity
def layout_of(wheel: WheelFacts) -> InstalledLayout:
    """Return the layout of ``wheel`` after installation."""
    files: dict[str, dict[str, str]] = {}
    folders: set[str] = set()
    for member in wheel.members:
        path = site_path(member.name)
        module, suffix = _module(path)
        if module:
            files.setdefault(module, {}).setdefault(suffix, member.name)
        folders.update(_folders(path))
    return InstalledLayout(
        wheel=wheel,
        files=files,
        folders=frozenset(folders),
        natives={native.name: native for native in wheel.native},
        places={site_path(native.name): native for native in wheel.native},
        extensions=tuple(sorted({m for native in wheel.native if (m := extension(native))})),
    )


def extension(native: NativeMember) -> str:
    """Return the module of an ELF file, empty for a library or a program.

    An extension module exports its init function. For an unreadable file the name decides.
    """
    module, suffix = _module(site_path(native.name))
    name = module.removesuffix(".__init__").rpartition(".")[2]
    match native.elf:
        case ElfFacts(exported=exported):
            symbols = {symbol.partition("@")[0] for symbol in exported if symbol.startswith("PyI")}
            known = init_function(name) in symbols
        case _:
            known = suffix.startswith((".cpython-", ".pypy", ".abi3"))
    return module.removesuffix(".__init__") if known else ""


def init_function(name: str) -> str:
    """Return the name of a module's init function (PEP 3121; PEP 489 if it is not ASCII)."""
    if name.isascii():
        return f"PyInit_{name}"
    return "PyInitU_" + name.encode("punycode").decode("ascii").replace("-", "_")


def starts(elf: ElfFacts, name: str) -> bool:
    """Whether a file exports a function that starts the module of that name."""
    names = {init_function(name), *(start + name for start in _OTHER_STARTS)}
    return not names.isdisjoint(symbol.partition("@")[0] for symbol in elf.exported)


def _folders(path: str) -> Iterator[str]:
    """Yield the folders above a file as packages, since any folder can be imported."""
    parts = path.split("/")[:-1]
    for depth, part in enumerate(parts, start=1):
        if not part.isidentifier():
            return
        yield ".".join(parts[:depth])


def _module(path: str) -> tuple[str, str]:
    """Return module and suffix of an importable file: ``("demo._inner", ".abi3.so")``."""
    *folders, last = path.split("/")
    stem, dot, rest = last.partition(".")
    importable = PurePosixPath(last).suffix in (".so", *PYTHON_SUFFIXES)
    if not (importable and all(part.isidentifier() for part in (*folders, stem))):
        return "", ""
    return ".".join((*folders, stem)), dot + rest
