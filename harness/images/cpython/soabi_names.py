"""Write the SOABI names of a naming into a Makefile and into importlib.

Pure. SOABI and MULTIARCH hold the same triplet in every CPython on Linux from 3.5 on.
"""

import re
from dataclasses import dataclass

_VARIABLE = re.compile(
    r"^(?P<name>SOABI|MULTIARCH|MULTIARCH_CPPFLAGS|EXT_SUFFIX|LIBPL)[ \t]*=.*$", re.MULTILINE
)
_SOABI = """-DSOABI='"$(SOABI)"'"""
_READ = "_imp.extension_suffixes()"


@dataclass(frozen=True, kw_only=True, slots=True)
class SoabiNames:
    """The triplets of a naming on an arch; see ``harness.core.targets.Naming``."""

    builds: str
    second: str = ""
    last: str = ""

    def soabi(self, python: str, triplet: str = "") -> str:
        """Return the SOABI for a minor version: ``cpython-39-x86_64-linux-gnu``."""
        return f"cpython-{python.replace('.', '')}-{triplet or self.builds}"


def named_makefile(text: str, names: SoabiNames, python: str) -> str:
    """Return a Makefile with these names instead of the configured ones.

    ``second`` becomes ALT_SOABI, which follows SOABI in CPython's suffix table.
    """
    values = {
        "SOABI": names.soabi(python),
        "MULTIARCH": names.builds,
        "MULTIARCH_CPPFLAGS": f'-DMULTIARCH=\\"{names.builds}\\"',
        "EXT_SUFFIX": f".{names.soabi(python)}.so",
        "LIBPL": f"$(prefix)/lib/python{python}/config-{python}-{names.builds}",
    }
    named = _VARIABLE.sub(lambda line: f"{line['name']}={values[line['name']]}", text)
    if not names.second:
        return named
    second = names.soabi(python, names.second)
    return named.replace(_SOABI, f"""{_SOABI} -DALT_SOABI='"{second}"'""")


def read_last(text: str, names: SoabiNames, python: str) -> str:
    """Return ``importlib/_bootstrap_external.py`` with ``last`` after all other suffixes."""
    if _READ not in text:
        raise ValueError(f"importlib's _bootstrap_external.py does not contain {_READ}")
    return text.replace(_READ, f"({_READ} + ['.{names.soabi(python, names.last)}.so'])")
