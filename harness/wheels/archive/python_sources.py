"""Read what a wheel's Python files say about shared libraries. Only text is searched."""

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

MOST_SOURCE = 1 << 20
"""Bytes of one file; larger ones are generated tables."""
_OPENS = re.compile(rb"\b(?:CDLL|PyDLL|cdll|pydll|LoadLibrary|RTLD_GLOBAL|dlopen)\b")
_LITERAL = re.compile(rb"[\"']([^\"'\s/\\]{1,80}\.(?:so|dll|dylib))[\"']")
_FOREIGN = (".dll", ".dylib")


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceFacts:
    """What the Python files of a wheel say."""

    opens_libraries: bool = False
    """Whether one opens shared libraries itself: by ctypes, cffi or the loader's flags."""
    lacks: str = ""
    """A library for Linux that a file names and the wheel lacks: ``_libwasmtime.so``; empty if
    there is none, or if the wheel has no library for another platform that the file names."""
    instead: str = ""
    """The member for another platform: ``wasmtime/win32-x86_64/_wasmtime.dll``."""


class SourceReader:
    """Collects the facts of Python files, one after the other."""

    def __init__(self, members: tuple[str, ...]) -> None:
        self._members = {PurePosixPath(name).name: name for name in members}
        self._opens = False
        self._lacks: tuple[str, str] = ("", "")

    def add(self, source: bytes) -> None:
        """Read the bytes of one Python file, in any encoding."""
        self._opens = self._opens or _OPENS.search(source) is not None
        if not self._lacks[0]:
            self._lacks = self._lacking(
                {name.decode("ascii", "replace") for name in _LITERAL.findall(source)}
            )

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
        return SourceFacts(opens_libraries=self._opens, lacks=lacks, instead=instead)


def _stem(library: str) -> str:
    """Return ``wasmtime`` of ``_libwasmtime.so`` and of ``_wasmtime.dll``."""
    return library.rpartition(".")[0].lstrip("_").removeprefix("lib").lstrip("_").casefold()
