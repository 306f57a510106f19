"""SOABI names in a Makefile and in importlib."""

import pytest

from harness.images.cpython.soabi_names import SoabiNames, named_makefile, read_last

_MAKEFILE = """\
CC=\t\tcc
SOABI=\t\tcpython-39-x86_64-linux-gnu
MULTIARCH=\tx86_64-linux-gnu
MULTIARCH_CPPFLAGS = -DMULTIARCH=\\"x86_64-linux-gnu\\"
EXT_SUFFIX=\t.cpython-39-x86_64-linux-gnu.so
LIBPL=\t\t$(prefix)/lib/python3.9/config-$(VERSION)$(ABIFLAGS)-x86_64-linux-gnu
HOST_GNU_TYPE=\tx86_64-pc-linux-gnu

Python/dynload_shlib.o: $(srcdir)/Python/dynload_shlib.c Makefile
\t$(CC) -c $(PY_CORE_CFLAGS) \\
\t\t-DSOABI='"$(SOABI)"' \\
\t\t-o $@ $(srcdir)/Python/dynload_shlib.c
"""


def test_all_variables_get_the_triplet() -> None:
    """SOABI, EXT_SUFFIX, MULTIARCH and LIBPL have the same triplet."""
    text = named_makefile(_MAKEFILE, SoabiNames(builds="ppc64le-linux-gnu"), "3.9")
    assert "SOABI=cpython-39-ppc64le-linux-gnu\n" in text
    assert "MULTIARCH=ppc64le-linux-gnu\n" in text
    assert 'MULTIARCH_CPPFLAGS=-DMULTIARCH=\\"ppc64le-linux-gnu\\"\n' in text
    assert "EXT_SUFFIX=.cpython-39-ppc64le-linux-gnu.so\n" in text
    assert "/config-3.9-ppc64le-linux-gnu\n" in text
    assert "x86_64-linux-gnu" not in text


def test_other_variables_stay() -> None:
    """Only five variables change."""
    text = named_makefile(_MAKEFILE, SoabiNames(builds="x86_64-linux-musl"), "3.9")
    assert "HOST_GNU_TYPE=\tx86_64-pc-linux-gnu\n" in text
    assert "ALT_SOABI" not in text


def test_empty_variables_are_filled() -> None:
    """The configure of 3.13 finds no triplet with zig's headers."""
    bare = "SOABI=\t\tcpython-313\nMULTIARCH=\t\nEXT_SUFFIX=\t.cpython-313.so\n"
    text = named_makefile(bare, SoabiNames(builds="s390x-linux-musl"), "3.13")
    assert text == (
        "SOABI=cpython-313-s390x-linux-musl\n"
        "MULTIARCH=s390x-linux-musl\n"
        "EXT_SUFFIX=.cpython-313-s390x-linux-musl.so\n"
    )


def test_second_name_becomes_alt_soabi() -> None:
    """Alpine's fallback follows the own name in dynload_shlib.c."""
    names = SoabiNames(builds="x86_64-linux-musl", second="x86_64-linux-gnu")
    text = named_makefile(_MAKEFILE, names, "3.9")
    flags = """-DSOABI='"$(SOABI)"' -DALT_SOABI='"cpython-39-x86_64-linux-gnu"' \\"""
    assert flags in text


def test_last_name_is_appended_in_importlib() -> None:
    """Fedora's other name follows all names of the C table, in both lists."""
    names = SoabiNames(builds="ppc64le-linux-gnu", last="powerpc64le-linux-gnu")
    source = "X.extend(_imp.extension_suffixes())\ny = Loader, _imp.extension_suffixes()\n"
    other = "(_imp.extension_suffixes() + ['.cpython-39-powerpc64le-linux-gnu.so'])"
    assert read_last(source, names, "3.9") == f"X.extend({other})\ny = Loader, {other}\n"


def test_unexpected_importlib_is_an_error() -> None:
    """Otherwise the replica would lack the fallback."""
    with pytest.raises(ValueError, match="does not contain _imp"):
        read_last("nothing here", SoabiNames(builds="a", last="b"), "3.9")
