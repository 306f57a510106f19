"""Which modules belong to Python itself (pure)."""

import sys

REMOVED = frozenset(
    {
        "aifc", "asynchat", "asyncore", "audioop", "binhex", "cgi", "cgitb", "chunk", "crypt",
        "distutils", "imghdr", "imp", "lib2to3", "mailcap", "nis", "nntplib", "ossaudiodev",
        "parser", "pipes", "smtpd", "sndhdr", "spwd", "sunau", "symbol", "telnetlib", "uu",
        "xdrlib",
    }
)  # fmt: skip
"""Modules that newer Pythons lack (PEP 594, PEP 632, What's New)."""
REMOVAL = (3, 12)
"""Most of them went then or later; where one is missing before, a distribution split it off."""
ADDED = frozenset({"dataclasses", "graphlib", "tomllib", "zoneinfo"})
"""Modules that older Pythons lack (What's New)."""
ADDITION = (3, 11)


def is_standard(module: str) -> bool:
    """Whether a top-level module is one of Python's own, in some version on some platform."""
    return module in REMOVED | ADDED | sys.stdlib_module_names
