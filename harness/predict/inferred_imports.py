"""Infer what users import of an installed wheel: its packages and modules, then its extensions.

The layout of the installed files decides. ``top_level.txt`` is a hint, since build backends write
it before they choose the files, and newer ones do not write it: of a wheel without anything else
to import it names what is, and of several modules those whose failure is one of the wheel.
"""

import keyword
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from packaging.utils import canonicalize_name

from harness.predict.installed_layout import PYTHON_SUFFIXES, InstalledLayout, extension
from harness.predict.load_closure import kind_of
from harness.wheels.archive.elf import ElfFacts

MOST_SUBMODULES = 120
"""A probe imports no more of a wheel; scipy has about as many extension modules."""
_MOST_FOLDERS = 20
"""Modules that lie deeper are left out."""
NOT_FOR_USERS = frozenset(
    f"{name}{ending}"
    for name in ("test", "doc", "example", "script", "benchmark")
    for ending in ("", "s")
)
"""Folders and modules of tests, documents and scripts, at any depth."""
_PROJECT = re.compile(r"[\w.-]+")
_STRAY = NOT_FOR_USERS | {"bin", "build", "dist", "setup", "conftest", "noxfile"}
"""What sdists hold and wheels install by mistake beside their packages."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ImportPlan:
    """What to import of a wheel, in order."""

    required: tuple[str, ...] = ()
    """A failure of one is a failure of the wheel."""
    submodules: tuple[str, ...] = ()
    """Extension modules by their dotted names, parents first. Their failure is one of the wheel
    if its file cannot be loaded, and else a finding."""

    beside: frozenset[str] = frozenset()
    """Those of ``submodules`` that are packages or modules of their own, in a wheel with extras.
    Their failure is one of the wheel, unless they lack what an extra brings (``blackd``)."""
    extras: frozenset[str] = frozenset()
    """Projects that only extras require, as normalized names."""

    @property
    def names(self) -> tuple[str, ...]:
        return self.required + self.submodules

    @property
    def tried(self) -> tuple[str, ...]:
        """The submodules that a probe imports."""
        return self.submodules[:MOST_SUBMODULES]


@lru_cache(maxsize=1 << 12)
def plan_imports(layout: InstalledLayout, imports: tuple[str, ...] = ()) -> ImportPlan:
    """Return the plan for a wheel; ``imports``, if any, are what to import instead.

    An empty plan means that the wheel has nothing to import.
    """
    if imports:
        return ImportPlan(required=imports)
    required, loose = _top_level(layout)
    extensions = [name for name in _own_extensions(layout) if _is_for_users(name)]
    others = dict.fromkeys(sorted([*extensions, *loose], key=lambda name: (name.count("."), name)))
    own, extras = _own_name(layout), _projects_of_extras(layout.wheel.requires_dist)
    beside = tuple(name for name in required if name != own) if extras and own in required else ()
    return ImportPlan(
        required=tuple(name for name in required if name not in beside),
        submodules=(*beside, *(name for name in others if name not in required)),
        beside=frozenset(beside),
        extras=extras,
    )


def _projects_of_extras(lines: tuple[str, ...]) -> frozenset[str]:
    """Return the projects of requirements with a marker about extras. Lines are not parsed."""
    asked = (line.partition(";") for line in lines)
    found = (_PROJECT.match(wanted) for wanted, _, marker in asked if "extra" in marker)
    return frozenset(canonicalize_name(name.group()) for name in found if name)


def _own_name(layout: InstalledLayout) -> str:
    return layout.wheel.name.distribution.replace("-", "_")


def _own_extensions(layout: InstalledLayout) -> Iterator[str]:
    """Yield the extension modules, without those that the package chooses from by its machine.

    A wheel for several machines has them in folders of their own, which are no packages.
    """
    elves = {extension(n): n.elf for n in layout.wheel.native if isinstance(n.elf, ElfFacts)}
    several = len({kind_of(elf) for module, elf in elves.items() if module}) > 1
    for module in layout.extensions:
        parent = module.rpartition(".")[0]
        if not several or not parent or _is_importable(layout, f"{parent}.__init__"):
            yield module


def _top_level(layout: InstalledLayout) -> tuple[tuple[str, ...], list[str]]:
    """Return the packages and modules, and the loose modules of namespace packages (PEP 420)."""
    tree = _tree(layout)
    own = _own_name(layout)
    hinted = layout.wheel.top_level
    installed = [name for name in sorted(tree.get("", ())) if not name.startswith("__")]
    tops = [name for name in installed if name not in _STRAY or name == own]
    tops = [name for name in tops if not name.startswith("_")] or tops
    tops = tops or [name for name in installed if name in hinted]
    named = [name for name in tops if name in hinted] or tops
    required: list[str] = []
    loose: list[str] = []
    for name in tops:
        packages, modules = _inside(layout, tree, name)
        if name not in named:
            loose += [*packages, *modules]
            continue
        alone = not packages and len(modules) == 1
        required += [*packages, *(modules if alone or name in modules else ())]
        loose += [] if alone else [module for module in modules if module != name]
    return tuple(dict.fromkeys(required)), loose


def _inside(
    layout: InstalledLayout, tree: dict[str, set[str]], name: str
) -> tuple[list[str], list[str]]:
    """Return ``name`` as a package or a module; of a namespace package, those that it holds."""
    if _is_importable(layout, f"{name}.__init__"):
        return [name], []
    if _is_importable(layout, name):
        return [], [name]
    packages: list[str] = []
    modules: list[str] = []
    for child in sorted(tree.get(name, ())):
        if not child.startswith("_") and child not in NOT_FOR_USERS:
            below = _inside(layout, tree, f"{name}.{child}")
            packages += below[0]
            modules += below[1]
    return packages, modules


def _tree(layout: InstalledLayout) -> dict[str, set[str]]:
    """Return the names below each folder that lead to a module; below "" the top-level names."""
    tree: dict[str, set[str]] = {}
    for module in layout.files:
        if _is_importable(layout, module):
            parts = module.removesuffix(".__init__").split(".")
            for depth, part in enumerate(parts[:_MOST_FOLDERS]):
                if not _is_name(part):
                    break
                tree.setdefault(".".join(parts[:depth]), set()).add(part)
    return tree


def _is_importable(layout: InstalledLayout, module: str) -> bool:
    """Whether a file of ``module`` is Python code, or exports the module's init function."""
    suffixes = layout.files.get(module, {})
    native = any(member in layout.natives for member in suffixes.values())
    extension = native and module.removesuffix(".__init__") in layout.extensions
    return extension or any(suffix in PYTHON_SUFFIXES for suffix in suffixes)


def _is_for_users(module: str) -> bool:
    parts = module.split(".")
    return NOT_FOR_USERS.isdisjoint(parts) and parts[0] not in _STRAY and all(map(_is_name, parts))


def _is_name(part: str) -> bool:
    """Whether an import statement can name it."""
    return part.isidentifier() and not keyword.iskeyword(part) and part != "__pycache__"
