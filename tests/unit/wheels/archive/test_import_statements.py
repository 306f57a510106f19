"""Import statements of Python files, found without parsing them."""

import time

import pytest

from harness.wheels.archive.import_statements import ImportStatement, find_imports

SOURCE = b'''
"""Words
import nothing
"""
import a.b as c, d
from . import e
from ..f import (g,  # a comment
    h as i)
from .j import k, \\
    l
if condition:
    import maybe
def function():
    import lazily
class Box:
    import inside
with warnings.catch_warnings():
    import quietly
with suppress(ImportError):
    import gently
try:
    import fast
except ImportError:
    import slow
try:
    import needed
except ImportError as error:
    raise RuntimeError from error
try:
    import wanted
except ValueError:
    pass
except (OSError, ImportError):
    def later():
        raise ValueError
try:
    def run():
        import apart
except:
    pass
from yield_ import *
from ...... import beyond
importlib.reload(a)
from 1x import y
'''


def names(**kinds: bool) -> set[str]:
    def fits(found: ImportStatement) -> bool:
        return all(getattr(found, kind) is value for kind, value in kinds.items())

    return {
        name for found in find_imports(SOURCE, "pack.sub") if fits(found) for name in found.names
    }


def test_names() -> None:
    """Relative ones are resolved; strings, comments and what is no statement hold none."""
    assert names() == {
        "a.b", "d", "pack.sub", "pack.sub.e", "pack.f", "pack.f.g", "pack.f.h",
        "pack.sub.j", "pack.sub.j.k", "pack.sub.j.l",
        "maybe", "lazily", "inside", "quietly", "gently", "fast", "slow", "needed", "wanted",
        "apart", "yield_",
    }  # fmt: skip


def test_what_always_runs() -> None:
    """Nothing in a condition or function, and nothing whose failure is caught."""
    outside = {name for name in names() if name in ("a.b", "d") or name.startswith("pack")}
    assert names(always=True) == {*outside, "quietly", "needed", "yield_"}


def test_guards() -> None:
    """Handlers that raise, or that catch something else, guard nothing."""
    assert names(guarded=True) == {"gently", "fast", "wanted"}


@pytest.mark.parametrize(
    "source",
    [
        b"from x import (" * 20_000,
        b"import " + b"a," * 200_000,
        b"import a\\\n" * 100_000,
        b"try:\n" * 100_000,
        b"".join(b" " * depth + b"if x:\n" for depth in range(1200)),
        b"'''\"\"\"" * 100_000,
    ],
)
def test_hostile_files_are_read_in_time(source: bytes) -> None:
    start = time.monotonic()
    list(find_imports(source, "demo"))
    assert time.monotonic() - start < 5
