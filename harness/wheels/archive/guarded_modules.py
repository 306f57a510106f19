"""Find the native modules that a wheel's Python code goes on without (pure).

It tries to import each, or a Python module that imports it, and needs neither elsewhere, except in
a condition that depends on such a try: ``HAS_FAST``, which the ``except`` sets.
"""

from collections.abc import Collection, Mapping, Sequence

from harness.wheels.archive.import_statements import ImportStatement

NamedModules = Mapping[str, Sequence[tuple[str, ImportStatement]]]
"""Python module → the modules of the same wheel that its statements name."""


def guarded_modules(
    named: NamedModules, native: frozenset[str], roots: Collection[str]
) -> frozenset[str]:
    """Return those of ``native``; ``roots`` are what users import in any case."""
    tried = _tried(named, roots)
    others = _without_needed(named, tried)
    for module in [name for name in tried if name in named]:
        for name, _ in named[module]:
            if name in native:
                tried.setdefault(name, set()).update(tried[module])
    needed = {name for module in others for name in _needed(named.get(module, ()), tried)}
    return native & tried.keys() - needed


def _tried(named: NamedModules, roots: Collection[str]) -> dict[str, set[bytes]]:
    """Return the modules that are imported in a try, with the variables that its handler sets."""
    tried: dict[str, set[bytes]] = {}
    for statements in named.values():
        for name, statement in statements:
            if statement.guarded and name in statement.names and name not in roots:
                tried.setdefault(name, set()).update(statement.sets)
    return tried


def _without_needed(named: NamedModules, tried: dict[str, set[bytes]]) -> list[str]:
    """Take from ``tried`` what modules outside of it need; return those modules."""
    others = [module for module in named if module not in tried]
    for module in others:
        needed = _needed(named.get(module, ()), tried)
        for name in needed:
            del tried[name]
        others += needed
    return others


def _needed(
    statements: Sequence[tuple[str, ImportStatement]], tried: Mapping[str, set[bytes]]
) -> list[str]:
    """Return those of ``tried`` that are needed whatever became of the try."""
    needed = (
        name
        for name, each in statements
        if name in tried and not each.guarded and not each.asked
        if tried[name].isdisjoint(each.conditions)
    )
    return list(dict.fromkeys(needed))
