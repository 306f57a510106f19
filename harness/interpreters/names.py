"""What an interpreter's names change in its source and Makefile: text in, text out.

Pure. SOABI and MULTIARCH are one triplet in every CPython on Linux from 3.5 on.
"""

import re
from dataclasses import dataclass

_NAMED = re.compile(
    r"^(?:SOABI|MULTIARCH|MULTIARCH_CPPFLAGS|EXT_SUFFIX|LIBPL)\s*=.*$", re.MULTILINE
)
_TRIPLET = re.compile(r"^MULTIARCH\s*=\s*(\S+)$", re.MULTILINE)
_SOABI = """-DSOABI='"$(SOABI)"'"""
_READ = "_imp.extension_suffixes()"


@dataclass(frozen=True, kw_only=True, slots=True)
class Names:
    """The triplets of one naming on one arch; empty where there is none."""

    builds: str
    second: str = ""
    last: str = ""

    def soabi(self, python: str, triplet: str = "") -> str:
        """Return the SOABI of that minor version: ``cpython-39-x86_64-linux-gnu``."""
        return f"cpython-{python.replace('.', '')}-{triplet or self.builds}"


def named_makefile(text: str, names: Names) -> str:
    """Return a Makefile under other names than it was configured with.

    ``second`` becomes ALT_SOABI, which CPython's own table has in that place.
    """
    triplet = triplet_of(text)
    renamed = _NAMED.sub(lambda line: line[0].replace(triplet, names.builds), text)
    if not names.second:
        return renamed
    own = re.search(r"^SOABI\s*=\s*(cpython-\w+?)-", text, re.MULTILINE)
    if own is None:
        raise ValueError("a Makefile without SOABI")
    second = f"""-DALT_SOABI='"{own[1]}-{names.second}"'"""
    return renamed.replace(_SOABI, f"{_SOABI} {second}")


def triplet_of(text: str) -> str:
    """Return the triplet that a Makefile was configured with."""
    found = _TRIPLET.search(text)
    if found is None:
        raise ValueError("a Makefile without MULTIARCH")
    return found[1]


def read_last(text: str, names: Names, python: str) -> str:
    """Return ``importlib/_bootstrap_external.py`` that reads the last name after all others."""
    if _READ not in text:
        raise ValueError(f"importlib's _bootstrap_external.py without {_READ}")
    return text.replace(_READ, f"({_READ} + ['.{names.soabi(python, names.last)}.so'])")
