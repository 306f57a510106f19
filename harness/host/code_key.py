"""The key of harness code, which is part of the cache key of everything that the code makes."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from harness.host.cache import content_key

_ROOT = Path(__file__).parents[2]
_IGNORED = (
    "harness.cli",
    "harness.core.causes",
    "harness.core.errors",
    "harness.host.cache",
    "harness.host.code_key",
    "harness.host.download",
    "harness.host.process",
    "harness.images.debian",
    "harness.report",
)
"""Modules and packages that decide nothing: they print, report, or obtain bytes by their digest."""


@cache
def code_key(*modules: str, root: Path = _ROOT) -> str:
    """Return a key of the code of ``modules`` and of every harness module that they import.

    Docstrings, comments and line numbers do not change it, nor does code in ``_IGNORED`` unless
    it is among ``modules``. ``root`` is the directory that holds the package ``harness``.
    """
    names = code_modules(*modules, root=root)
    return content_key(*(text for name in names for text in (name, _parse(name, root)[0])))


@cache
def source_key(*packages: str, root: Path = _ROOT) -> str:
    """Return a key of every byte of the Python files in ``packages``.

    It is found in milliseconds, without parsing, but also changes with a comment: for what is
    quickly made again.
    """
    folders = [root.joinpath(*package.split(".")) for package in packages]
    files = sorted(file for folder in folders for file in folder.rglob("*.py"))
    return content_key(
        *(part for file in files for part in (str(file.relative_to(root)), file.read_text("utf-8")))
    )


def code_modules(*modules: str, root: Path = _ROOT) -> tuple[str, ...]:
    """Return ``modules`` and the harness modules that they import, transitively, sorted."""
    found = dict.fromkeys(modules)
    waiting = [*modules]
    while waiting:
        new = [name for name in _parse(waiting.pop(), root)[1] if name not in found]
        found.update(dict.fromkeys(new))
        waiting += new
    return tuple(sorted(found))


@cache
def _parse(module: str, root: Path) -> tuple[str, tuple[str, ...]]:
    """Return the text of a module's code and the harness modules that it imports."""
    path = _module_path(module, root)
    if path is None:
        raise ValueError(f"there is no module {module} below {root}")
    tree = ast.parse(path.read_bytes())
    return _dump(tree), tuple(_imported(tree, root))


def _imported(tree: ast.Module, root: Path) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            package = getattr(node, "module", None)
            for alias in node.names:
                # ``from package import name`` reads a submodule, or else the package.
                full = f"{package}.{alias.name}" if package else alias.name
                name = full if not package or _module_path(full, root) else package
                if name.startswith("harness.") and not _is_ignored(name):
                    yield name


def _is_ignored(module: str) -> bool:
    return any(module == name or module.startswith(f"{name}.") for name in _IGNORED)


def _module_path(module: str, root: Path) -> Path | None:
    base = root.joinpath(*module.split("."))
    candidates = (base.with_suffix(".py"), base / "__init__.py")
    return next((path for path in candidates if path.is_file()), None)


def _dump(node: object) -> str:
    """Return what ``ast.dump`` does without docstrings, the same text on every Python version."""
    match node:
        case ast.Expr(value=ast.Constant(value=str())):
            return ""  # the docstring of a module, class, function or attribute
        case list():
            return f"[{','.join(filter(None, map(_dump, node)))}]"
        case ast.AST():
            # Newer versions add fields, which are empty for older syntax.
            fields = (f"{k}={_dump(v)}" for k, v in ast.iter_fields(node) if v not in (None, []))
            return f"{type(node).__name__}({','.join(fields)})"
    return repr(node)
