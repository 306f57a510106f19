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


def test_errors_that_a_variable_names() -> None:
    """They are caught if the file makes the variable of an ImportError."""
    tried = b"try:\n  import a\nexcept %s:\n  a = None\n"
    made = b"catch = () if required else (ImportError,)\n"
    assert [s.guarded for s in find_imports(made + tried % b"catch", "demo")] == [True]
    assert [s.guarded for s in find_imports(made + tried % b"others", "demo")] == [False]


def test_function_that_is_called_in_a_try() -> None:
    """Its imports are guarded if every call of it is."""
    function = b"def load():\n  from . import fast\n  return fast\n"
    tried = b"try:\n  fast = load()  # may fail\nexcept ImportError:\n  HAS = False\n"
    (found,) = find_imports(function + tried, "demo")
    assert found.guarded
    assert found.sets == {b"HAS"}
    for more in (b"load()\n", b"x = load()\n"):
        assert not next(find_imports(function + tried + more, "demo")).guarded
    assert not next(find_imports(function + tried.replace(b"load", b"other"), "demo")).guarded
    method = b"class A:\n  def load():\n    import fast\n"
    assert not next(find_imports(method + tried, "demo")).guarded


CONDITIONS = b"""
if TYPE_CHECKING:
    import typed
elif first and not SECOND:
    import chosen
else:
    import otherwise
_impl = os.environ.get("DEMO_IMPL")
_other = os.environ.get("DEMO_IMPL", "fast")
def f():
    if _impl == "fast":
        if True:
            import wanted
if _other == "fast":
    import default
if os.getenv('DEMO'):
    import asked
"""


def test_conditions() -> None:
    """An ``else`` has the words of all conditions before it."""
    found = {s.names[0]: s for s in find_imports(CONDITIONS, "demo")}
    assert {name for name, each in found.items() if each.asked} == {"typed", "wanted", "asked"}
    words = {b"TYPE_CHECKING", b"first", b"and", b"not", b"SECOND"}
    assert found["chosen"].conditions == found["otherwise"].conditions == words
    assert b"_other" in found["default"].conditions


@pytest.mark.parametrize(
    "source",
    [
        b"from x import (" * 20_000,
        b"import " + b"a," * 200_000,
        b"import a\\\n" * 100_000,
        b"try:\n" * 100_000,
        b"".join(b" " * depth + b"if x:\n" for depth in range(1200)),
        b"'''\"\"\"" * 100_000,
        b"try:\n" + b" import a\n" * 50_000 + b"except:\n" * 50_000,
        b"try:\n  import a\n" + b"except a:\n" * 90_000,
        b"if a" + b" b" * 200 + b":\n" + b"elif a:\n import b\n" * 50_000,
        b"def a():\n import b\n" * 25_000 + b"try:\n a()\n" * 25_000,
        b"x" * 1_000_000,
        (b"x" * 500_000 + b" = ") * 2,
    ],
)
def test_hostile_files_are_read_in_time(source: bytes) -> None:
    start = time.process_time()
    list(find_imports(source, "demo"))
    assert time.process_time() - start < 5  # seconds of this process: others may be busy
