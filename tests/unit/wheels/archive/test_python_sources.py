"""What Python files say about shared libraries."""

import pytest

from harness.wheels.archive.python_sources import SourceFacts, SourceReader

DLL = "demo/win32-x86_64/_demo.dll"
NAMED = b"""
if sys.platform == 'linux':
    libname = '_libdemo.so'
elif sys.platform == 'win32':
    libname = "_demo.dll"
"""


@pytest.mark.parametrize(
    ("members", "source", "facts"),
    [
        ((), b"import ctypes\nctypes.CDLL(path)", SourceFacts(opens_libraries=True)),
        ((), b"cdll.LoadLibrary(path)", SourceFacts(opens_libraries=True)),
        (
            (),
            b"sys.setdlopenflags(os.RTLD_GLOBAL)",
            SourceFacts(opens_libraries=True, opens_globally=True),
        ),
        ((), b"import ctypes.util\nMYCDLL2 = 1", SourceFacts()),
        ((DLL,), NAMED, SourceFacts(lacks="_libdemo.so", instead=DLL)),
        ((DLL, "demo/linux-x86_64/_libdemo.so"), NAMED, SourceFacts()),
        ((), NAMED, SourceFacts()),
        (
            ("demo/freeglut64.vc14.dll",),
            b"x = 'libGL.so'; y = 'freeglut64.vc14.dll'",
            SourceFacts(),
        ),
        ((DLL,), b"'\xff_libdemo.so'", SourceFacts()),
    ],
)
def test_facts(members: tuple[str, ...], source: bytes, facts: SourceFacts) -> None:
    """Only words and file names in quotes count; a library for Linux must be missing."""
    reader = SourceReader(members)
    reader.add("demo/empty.py", b"")
    reader.add("demo/setup-x.py", source)
    assert reader.facts() == facts


def sources(**files: bytes) -> SourceFacts:
    """Return the facts of files: ``demo__core`` is ``demo/core.py``; ``_x`` is native."""
    names = {f"{name.replace('__', '/', 1)}.py": source for name, source in files.items()}
    native = ("demo/_x.cpython-311-x86_64-linux-gnu.so", "_alone.abi3.so")
    reader = SourceReader((*names, *native))
    for name, source in names.items():
        reader.add(name, source)
    return reader.facts()


def test_what_an_import_imports_in_any_case() -> None:
    """The statements of the modules that it imports count, too; attributes are no modules."""
    facts = sources(
        demo____init__=b"from . import core\nfrom .core import value\nimport os",
        demo__core=b"from ._x import *\nfrom other.part import (\n    name,  # of it\n)",
        demo__late=b"import never",
        beside=b"import _alone, demo.core as c",
    )
    reached = {"demo._x", "other", "other.part", "other.part.name", "os"}
    assert set(facts.imports) == {"demo", "beside"}
    assert set(facts.imports["demo"]) == reached
    assert set(facts.imports["beside"]) == {"_alone", *reached}


def test_namespace_packages_share_their_top_with_other_projects() -> None:
    reader = SourceReader(("room/ours/__init__.py",))
    reader.add("room/ours/__init__.py", b"import room.theirs.api")
    assert reader.facts().imports["room.ours"] == ("room", "room.theirs", "room.theirs.api")


TRIED = b"try:\n  from demo._x import *\nexcept ImportError:\n  HAS_X = False\n"


def test_native_module_that_the_code_goes_on_without() -> None:
    """It is imported in a try; what is in tests does not count."""
    guarded = b"def f():\n  try:\n    from demo import _x as lib\n  except ImportError:\n    pass"
    assert sources(demo____init__=guarded).guarded == {"demo._x"}
    once = {"demo____init__": guarded, "demo__tests": b"from demo import _x"}
    assert sources(**once).guarded == {"demo._x"}
    assert not sources(**once, demo__core=b"from . import _x").guarded
    assert not sources(**once, demo__core=b"def f():\n  from . import _x").guarded
    assert not sources(demo____init__=b"import demo").guarded


def test_native_module_that_a_tried_module_needs() -> None:
    """As PyYAML's, whose ``cyaml`` nothing else imports in any case."""
    tried = {
        "demo____init__": b"import os\n" + TRIED.replace(b"demo._x", b".fast"),
        "demo__fast": b"from ._x import Parser",
        "demo__compat": b"import demo\nif demo.HAS_X:\n  from demo._x import *",
    }
    assert sources(**tried).guarded == {"demo._x"}
    assert not sources(**tried, demo__core=b"from .fast import Parser").guarded
    assert not sources(**tried, demo__core=b"import demo._x").guarded
    public = {"demo____init__": b"from ._x import *", "beside": TRIED.replace(b"._x", b"")}
    assert not sources(**public).guarded


@pytest.mark.parametrize(
    ("elsewhere", "guarded"),
    [
        (b"if TYPE_CHECKING or not HAS_X:\n  import a\nelse:\n  from ._x import y", True),
        (b"if TYPE_CHECKING:\n  from ._x import y", True),
        (b"_i = os.environ.get('I')\nif _i == 'c':\n  from ._x import y", True),
        (b"_i = os.environ.get('I', 'c')\nif _i == 'c':\n  from ._x import y", False),
        (b"if sys.platform == 'linux':\n  from ._x import y", False),
        (b"if not TYPE_CHECKING:\n  from ._x import y", False),
    ],
)
def test_condition_that_depends_on_a_try(elsewhere: bytes, guarded: bool) -> None:
    """As multidict's and SQLAlchemy's; rapidfuzz lets users ask for the native modules."""
    found = sources(demo____init__=b"", demo___compat=TRIED, demo__core=elsewhere)
    assert bool(found.guarded) is guarded


def test_native_module_of_compiled_python_files() -> None:
    """As mypyc makes it: without the native modules the Python files are imported."""
    names = ("demo/md.cpython-311-x.so", "demo/md__mypyc.cpython-311-x.so")
    reader = SourceReader(names)
    assert not reader.facts().guarded
    reader.add("demo/md.py", b"")
    assert reader.facts().guarded == {"demo.md__mypyc"}


@pytest.mark.parametrize(
    ("source", "named"),
    [
        (b"ctypes.CDLL(here / 'libz3.so')", True),
        (b"ctypes.CDLL(here + '/lib/libz3.so')", True),
        (b"ctypes.CDLL('libz3.%s' % ext)", True),
        (b"ctypes.CDLL(f'libz3.{ext}')", True),
        (b"ctypes.CDLL(f'{here}/libz3{ext}')", True),
        (b"ctypes.CDLL('libz3' + ext)", True),
        (b"for f in glob('libz3.so*'): ctypes.CDLL(f)", True),
        (b"np.ctypeslib.load_library('libz3', here)", True),
        (b"open('libz3.so')", False),
        (b"ctypes.CDLL('libz3_extra.so'); x = 'libz33.so'; y = 'libz3.so.txt'", False),
        (b"ctypes.CDLL(libz3)", False),
    ],
)
def test_library_that_a_file_names(source: bytes, named: bool) -> None:
    """Its file name is in quotes, with or without suffix, and some file opens libraries."""
    member = "z3/lib/libz3.so"
    reader = SourceReader((member, "z3/lib/libother.so"))
    reader.add("z3/core.py", source)
    assert reader.facts().named == (frozenset({member}) if named else frozenset())


def test_library_that_only_a_test_names() -> None:
    """What tests open, users do not."""
    reader = SourceReader(("z3/lib/libz3.so",))
    reader.add("z3/tests/core.py", b"ctypes.CDLL('libz3.so')")
    assert reader.facts().named == frozenset()


@pytest.mark.parametrize(
    ("source", "absent"),
    [
        (b"from .core import value\nfrom . import value, late", {}),
        (b"from ._x import f\nimport demo.stubs.part", {}),
        (b"import demo.core\nfrom .gone import value", {"demo": "demo.gone"}),
        (b"import demo._code", {"demo": "demo._code"}),
        (b"from demo.core.gone import value", {}),
        (b"try:\n    from .gone import value\nexcept ImportError:\n    value = 1", {}),
        (b"def late():\n    from .gone import value", {}),
        (b"import sys\nsys.modules['demo.gone'] = sys\nimport demo.gone", {}),
        (b"__path__.append('elsewhere')\nfrom .gone import value", {}),
        (b"from other.gone import value", {}),
    ],
)
def test_module_that_the_wheel_needs_and_lacks(source: bytes, absent: dict[str, str]) -> None:
    """Neither attributes count, nor what is guarded, nor packages that bring modules themselves."""
    files = {"demo/__init__.py": source, "demo/core.py": b"", "demo/stubs/part.pyi": b""}
    reader = SourceReader((*files, "demo/_x.cpython-311-x86_64-linux-gnu.so", "demo/_code.c"))
    for name, text in files.items():
        if name.endswith(".py"):
            reader.add(name, text)
    assert reader.facts().absent == absent


def test_python_file_beside_a_native_module_of_its_name_is_not_imported() -> None:
    """Finders look for extension modules first; such a file is for PyPy."""
    facts = sources(demo____init__=b"from . import _x", demo___x=b"import cffi, demo.gone")
    assert facts.imports == {"demo": ("demo._x",)}
    assert not facts.absent


def test_module_that_a_module_of_the_wheel_needs() -> None:
    facts = sources(demo____init__=b"from . import core", demo__core=b"from .gone import value")
    assert facts.absent == {"demo": "demo.gone"}
