"""Read what a wheel's Python files say about libraries and imports. Only text is searched."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from harness.wheels.archive.data_schemes import site_path
from harness.wheels.archive.guarded_modules import NamedModules, guarded_modules
from harness.wheels.archive.import_statements import ImportStatement, find_imports

LIBRARY = re.compile(r"\.so(?:\.\d+)*$")
"""How the file name of a shared library ends."""
MOST_SOURCE = 1 << 20
"""Bytes of one file; larger ones are generated tables."""
_OPENS = re.compile(rb"\b(?:CDLL|PyDLL|cdll|pydll|LoadLibrary|RTLD_GLOBAL|dlopen|load_library)\b")
_GLOBALLY = re.compile(rb"\b(?:RTLD_GLOBAL|setdlopenflags)\b")
_TEXT = re.compile(rb"[\"']([^\"'\n]{3,200})[\"']")
_SUFFIX = re.compile(r"\.so(?:\.[\d.]+|\.\*|\*)?|\.?(?:%s|\{\w*\})|")
"""What a text may have after a library's name without suffix: ``libz3.so*``, ``libz3.%s``."""
_LITERAL = re.compile(rb"[\"']([^\"'\s/\\]{1,80}\.(?:so|dll|dylib))[\"']")
_FOREIGN = (".dll", ".dylib")
_ADDS = re.compile(rb"\bsys\s*\.\s*(?:modules|meta_path|path_hooks)\b|\b__path__\b|\bextend_path\b")
"""What code has that brings modules of its package from elsewhere."""
_TESTS = frozenset({"test", "tests", "testing", "_tests", "conftest"})


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceFacts:
    """What the Python files of a wheel say."""

    opens_libraries: bool = False
    """Whether one opens shared libraries itself: by ctypes, cffi or the loader's flags."""
    opens_globally: bool = False
    """Whether one opens them so that what is loaded later finds their symbols (RTLD_GLOBAL)."""
    lacks: str = ""
    """A library for Linux that a file names and the wheel lacks: ``_libwasmtime.so``; empty if
    there is none, or if the wheel has no library for another platform that the file names."""
    instead: str = ""
    """The member for another platform: ``wasmtime/win32-x86_64/_wasmtime.dll``."""
    named: frozenset[str] = frozenset()
    """Members that are libraries and that a file names, tests left out: ``z3/lib/libz3.so`` for
    ``"libz3.so"`` and ``"libz3.%s"``. None if no file opens libraries."""
    guarded: frozenset[str] = frozenset()
    """The wheel's native modules that its Python code goes on without (``guarded_modules``), and
    those that only other native modules import, which have Python files beside."""
    imports: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Module → what its import imports in any case: native modules of the wheel, and modules of
    others. Only for packages and modules that are in no other package."""
    absent: dict[str, str] = field(default_factory=dict)
    """Module → the first module of its own package that its import needs in any case, and that
    the wheel has no file of. Nothing for packages that bring modules from elsewhere."""


class SourceReader:
    """Collects the facts of Python files, one after the other."""

    def __init__(self, members: tuple[str, ...]) -> None:
        self._members = {PurePosixPath(name).name: name for name in members}
        self._native = frozenset(_module(n) for n in members if n.endswith(".so")) - {""}
        self._libraries: dict[str, set[str]] = {}
        for name in members:
            if LIBRARY.search(name):
                stem = PurePosixPath(name).name.partition(".so")[0]
                self._libraries.setdefault(stem, set()).add(name)
        self._named: set[str] = set()
        self._opens = self._globally = False
        self._lacks: tuple[str, str] = ("", "")
        self._statements: dict[str, list[ImportStatement]] = {}
        """By Python module."""
        self._present = {place for name in members for place in _places(name)}
        self._packages: set[str] = set()
        self._adding: set[str] = set()
        """Top-level names of packages that bring modules from elsewhere."""

    def add(self, name: str, source: bytes) -> None:
        """Read the bytes of the Python file of that member name, in any encoding."""
        self._opens = self._opens or _OPENS.search(source) is not None
        self._globally = self._globally or _GLOBALLY.search(source) is not None
        if not self._lacks[0]:
            self._lacks = self._lacking(
                {name.decode("ascii", "replace") for name in _LITERAL.findall(source)}
            )
        if self._libraries and _TESTS.isdisjoint(name.split("/")):
            for text in _TEXT.findall(source):
                self._named.update(self._libraries_in(text.decode("utf-8", "replace")))
        if module := _module(name):
            package = PurePosixPath(name).stem == "__init__"
            if package:
                self._packages.add(module)
            if _ADDS.search(source):
                self._adding.add(module.partition(".")[0])
            parent = module if package else module.rpartition(".")[0]
            self._statements[module] = list(find_imports(source, parent))

    def _libraries_in(self, text: str) -> Iterable[str]:
        """Return the members whose file name the text is, or has as its last part."""
        last = re.split(r"[/\\]", text)[-1]
        for end in {last.find(".so"), last.find("."), last.find("%"), last.find("{"), len(last)}:
            stem = last[: max(end, 0)]
            if stem in self._libraries and _SUFFIX.fullmatch(last[end:]):
                return self._libraries[stem]
        return ()

    def _lacking(self, literals: set[str]) -> tuple[str, str]:
        foreign = {
            _stem(name): self._members[name]
            for name in sorted(literals)
            if name.endswith(_FOREIGN) and name in self._members
        }
        for name in sorted(literals):
            if name.endswith(".so") and name not in self._members and _stem(name) in foreign:
                return name, foreign[_stem(name)]
        return "", ""

    def facts(self) -> SourceFacts:
        lacks, instead = self._lacks
        roots = [m for m in self._statements if m.rpartition(".")[0] not in self._statements]
        absent: dict[str, str] = {}
        imports = {r: reached for r in roots if (reached := tuple(self._reached(r, absent)))}
        return SourceFacts(
            opens_libraries=self._opens,
            opens_globally=self._globally,
            lacks=lacks,
            instead=instead,
            named=frozenset(self._named if self._opens else ()),
            guarded=guarded_modules(self._naming(), self._native, frozenset(roots))
            | self._compiled(),
            imports=imports,
            absent=absent,
        )

    def _naming(self) -> NamedModules:
        """Return what statements name, without packages of their module, and without tests."""
        return {
            module: [
                (name, statement)
                for statement in statements
                for name in dict.fromkeys(self._modules_in(statement.names))
                if name in self._native or name in self._statements
                if not f"{module}.".startswith(f"{name}.")
            ]
            for module, statements in self._statements.items()
            if self._native and _TESTS.isdisjoint(module.split("."))
        }

    def _compiled(self) -> set[str]:
        """Return the modules of mypyc that only other native modules import.

        Those have Python files beside, which are imported if the native ones are not found
        (https://mypyc.readthedocs.io/en/latest/getting_started.html).
        """
        beside = self._native.intersection(self._statements)
        return {module for module in self._native if beside and module.endswith("__mypyc")}

    def _reached(self, root: str, absent: dict[str, str]) -> Iterator[str]:
        """Yield what the import of ``root`` imports in any case, and note what is absent."""
        seen = {root: None}
        waiting = [root]
        while waiting:
            module = waiting.pop()
            statements = self._statements.get(module)
            if statements is None or (module in self._native and module not in self._packages):
                yield module  # a native module comes before a Python file of its name
                continue
            always = [statement for statement in statements if statement.always]
            for name in (n for s in always for n in s.names if n in s.modules):
                if root not in absent and self._is_absent(root, name):
                    absent[root] = name
            names = (n for s in always for n in self._modules_in(s.names))
            new = [name for name in dict.fromkeys(names) if name not in seen]
            seen.update(dict.fromkeys(new))
            waiting += reversed(new)

    def _is_absent(self, root: str, module: str) -> bool:
        """Whether it is of a package of the wheel, which has no file and no folder of it."""
        parent = module.rpartition(".")[0]
        own = module.startswith(f"{root}.") and root.partition(".")[0] not in self._adding
        return own and parent in self._packages and module not in self._present

    def _modules_in(self, names: Iterable[str]) -> Iterator[str]:
        """Yield the modules among ``names``, each after its packages.

        What the wheel has no file of, in a package of its own, is an attribute.
        """
        for name in names:
            parts, own = name.split("."), False
            for depth in range(1, len(parts) + 1):
                module = ".".join(parts[:depth])
                if own and module not in self._statements and module not in self._native:
                    break
                own = own or module in self._statements
                yield module


def _stem(library: str) -> str:
    """Return ``wasmtime`` of ``_libwasmtime.so`` and of ``_wasmtime.dll``."""
    return library.rpartition(".")[0].lstrip("_").removeprefix("lib").lstrip("_").casefold()


def _module(member: str) -> str:
    """Return the dotted name of a module's or package's file; empty if it cannot be imported."""
    *folders, last = site_path(member).split("/")
    stem = last.partition(".")[0]
    parts = folders if stem == "__init__" and folders else [*folders, stem]
    return ".".join(parts) if all(part.isidentifier() for part in parts) else ""


def _places(member: str) -> Iterator[str]:
    """Yield the dotted names by which a file and the folders above it may be imported."""
    *folders, last = site_path(member).split("/")
    for depth in range(1, len(folders) + 1):
        yield ".".join(folders[:depth])
    if PurePosixPath(last).suffix in (".py", ".pyc", ".so"):
        yield ".".join((*folders, last.partition(".")[0]))
