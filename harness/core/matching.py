"""Names as people write them: near misses, globs, and the aliases of an arch.

In: what the user wrote and what there is. Out: the names meant, or the nearest one.
"""

import difflib
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from harness.core.arches import find_arch

SHOWN = 24
"""Names that are listed where none is near."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ``; did you mean 'x'?`` for the nearest of ``known``, or else what is known."""
    names = sorted(set(known))
    near = difflib.get_close_matches(word.lower(), names, n=1)
    if near:
        return f"; did you mean {near[0]!r}?"
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"; known: {' '.join(names[:SHOWN]) or 'none'}{more}"


def matching(pattern: str, names: Sequence[str]) -> tuple[str, ...]:
    """Return those of ``names`` that the glob matches, in their order."""
    return tuple(name for name in names if fnmatchcase(name, pattern))


def matching_arches(pattern: str, names: Sequence[str]) -> tuple[str, ...]:
    """Return those arches that the glob matches; without a wildcard an alias is accepted.

    A wildcard is held against the wheel spelling alone: ``arm*`` would otherwise select
    ``aarch64`` by its alias ``arm64``.
    """
    return matching(wheel_spelling(pattern), names)


def wheel_spelling(arch: str) -> str:
    """Return the wheel spelling of an arch or alias, and anything else as it is."""
    try:
        return find_arch(arch).name
    except KeyError:
        return arch
