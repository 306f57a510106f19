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
        ((), b"sys.setdlopenflags(os.RTLD_GLOBAL)", SourceFacts(opens_libraries=True)),
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
    reader.add(b"")
    reader.add(source)
    assert reader.facts() == facts
