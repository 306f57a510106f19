"""Library search in small root file systems of golden ELF files."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from harness.core.arches import find_arch
from harness.core.errors import ImageError
from harness.passports.library_search import (
    MUSL_DEFAULT,
    LoaderLibraries,
    find_libraries,
    search_folders,
)
from harness.passports.rootfs import Rootfs
from harness.passports.symbolsets import set_id
from tests.support.elves import golden
from tests.support.rootfs import write_rootfs

ARCH = find_arch("x86_64")
MULTIARCH = "usr/lib/x86_64-linux-gnu"
LOADER = "/lib64/ld-linux-x86-64.so.2"
DEMO = golden("x86_64-versions.so")
GOLDEN = golden("x86_64.so")
GLIBC: dict[str, bytes | str] = {
    "lib": "usr/lib",
    "lib64": "usr/lib64",
    "usr/bin/python3": "python3.11",
    "usr/bin/python3.11": golden("x86_64-glibc.exe"),
    "usr/lib64/ld-linux-x86-64.so.2": f"../../{MULTIARCH}/ld-linux-x86-64.so.2",
    f"{MULTIARCH}/ld-linux-x86-64.so.2": GOLDEN,
    f"{MULTIARCH}/libdemo.so.1": "libdemo.so.1.0",
    f"{MULTIARCH}/libdemo.so.1.0": DEMO,
}
MUSL: dict[str, bytes | str] = {
    "usr/bin/python3": golden("x86_64-musl.exe"),
    "lib/ld-musl-x86_64.so.1": GOLDEN,
    "lib/libc.musl-x86_64.so.1": "ld-musl-x86_64.so.1",
    "usr/lib/libdemo.so.1": DEMO,
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def find(folder: Path, entries: Mapping[str, bytes | str]) -> LoaderLibraries:
    with Rootfs(write_rootfs(folder / "root.tar", entries)) as root:
        return find_libraries(root, "python3", ARCH)


def folders(folder: Path, entries: Mapping[str, bytes | str], loader: str) -> tuple[str, ...]:
    with Rootfs(write_rootfs(folder / "root.tar", entries)) as root:
        return search_folders(root, loader, ARCH)


def paths(found: LoaderLibraries) -> dict[str, str]:
    return {library.name: library.path for library in found.libraries}


def test_on_glibc(folder: Path) -> None:
    """The interpreter's loader and the libraries in the multiarch folder are found."""
    found = find(folder, GLIBC)
    assert (found.loader, found.linked) == (LOADER, ("libdemo.so.1",))
    assert paths(found) == {
        "ld-linux-x86-64.so.2": f"/{MULTIARCH}/ld-linux-x86-64.so.2",
        "libdemo.so.1": f"/{MULTIARCH}/libdemo.so.1.0",
    }


def test_symbols_with_their_versions(folder: Path) -> None:
    """Libraries of the interpreter are recorded with all versions of their symbols."""
    found = find(folder, GLIBC)
    demo = next(lib for lib in found.libraries if lib.name == "libdemo.so.1")
    assert set(found.symbol_sets[demo.symbols]) >= {"answer@DEMO_1", "answer@DEMO_2"}
    assert "PyAnswer" in found.symbol_sets[found.exports]
    assert all(set_id(symbols) == name for name, symbols in found.symbol_sets.items())


def test_symbols_of_other_libraries_are_not_recorded(folder: Path) -> None:
    """A library that neither the interpreter nor a wheel may use has no symbols recorded."""
    entries = {**GLIBC, f"{MULTIARCH}/libgolden.so.1": GOLDEN, f"{MULTIARCH}/libz.so.1": "libzz"}
    found = find(folder, {**entries, f"{MULTIARCH}/libzz": GOLDEN})
    recorded = {library.name: bool(library.symbols) for library in found.libraries}
    assert recorded["libgolden.so.1"] is False
    assert recorded["libz.so.1"] is True


def test_other_machine_is_skipped(folder: Path) -> None:
    """A library of another word size is skipped, and the next one is found."""
    entries = {**GLIBC, "usr/lib/libgolden.so.1": GOLDEN}
    entries[f"{MULTIARCH}/libgolden.so.1"] = golden("i686.so")
    assert paths(find(folder, entries))["libgolden.so.1"] == "/usr/lib/libgolden.so.1"


def test_damaged_files_are_skipped(folder: Path) -> None:
    """A linker script, a truncated library and a cycle of links are skipped."""
    entries = {
        **GLIBC,
        f"{MULTIARCH}/libc.so": b"INPUT(libc.so.6)",
        f"{MULTIARCH}/libcut.so.1": DEMO[:100],
        f"{MULTIARCH}/libring.so.1": "libring.so.1",
    }
    assert paths(find(folder, entries)) == paths(find(folder, GLIBC))


def test_interpreter_rpath_comes_first(folder: Path) -> None:
    """The interpreter's RPATH comes first."""
    found = find(folder, {**GLIBC, "usr/own/libdemo.so.1": DEMO})
    assert paths(found)["libdemo.so.1"] == "/usr/own/libdemo.so.1"


def test_ld_so_conf_needs_the_cache(folder: Path) -> None:
    """ld.so.conf and its includes count only with ldconfig's cache."""
    entries = {
        **GLIBC,
        "etc/ld.so.conf": b"include ld.so.conf.d/*.conf\n",
        "etc/ld.so.conf.d/a.conf": b"# ours\n/opt/lib/ # here\ninclude /etc/ld.so.conf\n",
        "etc/ld.so.conf.d/b.off": b"/off\n",
        "opt/lib/libgolden.so.1": GOLDEN,
    }
    assert "libgolden.so.1" not in paths(find(folder, entries))
    found = find(folder, {**entries, "etc/ld.so.cache": b"made"})
    assert paths(found)["libgolden.so.1"] == "/opt/lib/libgolden.so.1"
    assert "/off" not in folders(folder, {**entries, "etc/ld.so.cache": b"made"}, LOADER)


def test_on_musl(folder: Path) -> None:
    """Musl's libc is found by its loader's name and by Alpine's name."""
    found = find(folder, MUSL)
    assert found.loader == "/lib/ld-musl-x86_64.so.1"
    assert paths(found) == {
        "ld-musl-x86_64.so.1": "/lib/ld-musl-x86_64.so.1",
        "libc.musl-x86_64.so.1": "/lib/ld-musl-x86_64.so.1",
        "libdemo.so.1": "/usr/lib/libdemo.so.1",
    }
    assert all(library.symbols for library in found.libraries)


def test_musls_path_file(folder: Path) -> None:
    """/etc/ld-musl-<arch>.path replaces the default folders unless it is empty."""
    loader = "/lib/ld-musl-x86_64.so.1"
    file = "etc/ld-musl-x86_64.path"
    assert folders(folder, MUSL, loader) == MUSL_DEFAULT
    assert folders(folder, {**MUSL, file: b"/a:/b\n/c\n"}, loader) == ("/a", "/b", "/c")
    assert folders(folder, {**MUSL, file: b"\n"}, loader) == MUSL_DEFAULT


@pytest.mark.parametrize("program", [b"#!/bin/sh\n", None])
def test_no_interpreter(folder: Path, program: bytes | None) -> None:
    """A script or a missing interpreter is an error with the next step."""
    entries: dict[str, bytes | str] = {"usr/bin/python3": program} if program else {}
    with pytest.raises(ImageError, match=r"python3: .*targets\.yaml"):
        find(folder, entries)
