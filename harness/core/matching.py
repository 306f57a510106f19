"""Match the names that users write with known names: suggestions, globs and arch aliases."""

import difflib
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from functools import cache

from harness.core.arches import find_arch

SHOWN = 24
"""Number of known names that are listed if none is similar."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ``; did you mean 'x'?`` for the nearest of ``known``, else a list of them."""
    names = sorted(set(known))
    near = difflib.get_close_matches(word.lower(), names, n=1)
    if near:
        return f"; did you mean {near[0]!r}?"
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"; known: {' '.join(names[:SHOWN]) or 'none'}{more}"


def matching(pattern: str, names: Sequence[str]) -> tuple[str, ...]:
    """Return the ``names`` that the glob matches, in order."""
    return tuple(name for name in names if fnmatchcase(name, pattern))


def matching_arches(pattern: str, names: Sequence[str]) -> tuple[str, ...]:
    """Return the arches that the glob matches. A pattern without wildcards may be an alias.

    Wildcards match the wheel spelling only: otherwise ``arm*`` would select ``aarch64`` by its
    alias ``arm64``.
    """
    return matching(wheel_spelling(pattern), names)


@cache
def wheel_spelling(arch: str) -> str:
    """Return the wheel spelling of an arch or alias, and any other text unchanged."""
    try:
        return find_arch(arch).name
    except KeyError:
        return arch
