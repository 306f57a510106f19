"""The cross compiler: ``zig cc`` on the host for every arch, never under emulation.

In: a fixture project, an arch, a Python, trees of headers. Out: the binaries of its
wheel, as (path in the wheel, bytes). zig brings the C headers and the symbols of every
glibc, so that what it links asks for no newer symbol than the tag promises.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.version import Version

from harness.arches import Arch
from harness.builders.headers import HeaderTree
from harness.builders.project import Extension, FixtureProject
from harness.cache import Cache
from harness.process import run_process

COMPILE_SECONDS = 300

_FLAGS = (
    "-O1",
    "-g0",
    "-fPIC",
    "-DNDEBUG",  # an assert() in a header would compile its path in
    "-fno-sanitize=undefined",  # zig's default, for which no target has a runtime
    "-Wall",
    "-Wextra",
    "-Werror",
    "-Wl,-s",
    "-Wl,--disable-new-dtags",  # DT_RPATH, as auditwheel writes it
)

_ARCH_FLAGS = {
    # What GCC and every manylinux image mean by long double there; zig means IEEE's, for
    # which glibc has functions only from 2.32 on.
    "ppc64le": ("-mabi=ibmlongdouble",),
}

# zig refuses an older one. The arch's symbols start with GLIBC_2.17 all the same, and
# auditwheel is asked about every wheel.
_ZIG_OLDEST_GLIBC = {"ppc64le": "2.19"}


@dataclass(frozen=True, kw_only=True, slots=True)
class CompileTarget:
    """What is compiled for."""

    arch: Arch
    glibc: str
    """Version that the platform tag promises."""
    python: str = ""
    """Minor version whose headers are used; empty for what is no extension module."""
    python_tree: HeaderTree | None = None
    cxx_tree: HeaderTree | None = None
    """Where C++ headers and runtime libraries are; None for C."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Binary:
    """One file for the compiler to make."""

    path: str
    """Where it lies in the wheel."""
    sources: tuple[str, ...]
    """Relative to the project's folder."""
    arguments: tuple[str, ...] = ()
    """Its own arguments for the compiler."""
    needs: tuple[str, ...] = ()
    """Paths of the binaries that it links with; they come before it."""


def extension_suffix(python: str, arch: Arch, *, limited: bool) -> str:
    """Return the suffix of an extension module as upstream's Python up to 3.14 builds it on glibc.

    That is EXT_SUFFIX of the builder images: ``.cpython-311-x86_64-linux-gnu.so``.
    """
    if limited:
        return ".abi3.so"
    return f".cpython-{python.replace('.', '')}-{arch.gnu_triplet}.so"


def zig_target(arch: Arch, glibc: str) -> str:
    """Return zig's name of the target: ``arm-linux-gnueabihf.2.17``."""
    version = max(glibc, _ZIG_OLDEST_GLIBC.get(arch.name, glibc), key=Version)
    return f"{arch.zig}-gnu{arch.zig_abi}.{version}"


def planned_binaries(project: FixtureProject, arch: Arch, python: str) -> tuple[Binary, ...]:
    """Return the binaries of the project's wheel, each after those it links with."""
    planned = []
    if library := project.library:
        soname = f"-Wl,-soname,{Path(library.path).name}"
        planned.append(
            Binary(path=library.path, sources=library.sources, arguments=("-shared", soname))
        )
    if executable := project.executable:
        planned.append(
            Binary(path=executable.path, sources=executable.sources, arguments=("-pie",))
        )
    needs = tuple(binary.path for binary in planned)
    planned += [_extension_binary(e, arch, python, needs) for e in project.extensions]
    return tuple(planned)


def _extension_binary(
    extension: Extension, arch: Arch, python: str, needs: tuple[str, ...]
) -> Binary:
    suffix = extension_suffix(python, arch, limited=extension.py_limited_api)
    macros = (f"-D{name}={value}" for name, value in extension.define_macros)
    rpaths = (f"-Wl,-rpath,{folder}" for folder in extension.runtime_library_dirs)
    libraries = (f"-l{name}" for name in extension.libraries)
    return Binary(
        path=extension.name.replace(".", "/") + suffix,
        sources=extension.sources,
        arguments=("-shared", *extension.extra_compile_args, *macros, *rpaths, *libraries),
        needs=needs,
    )


def compiler_command(
    binary: Binary, target: CompileTarget, cxx_headers: tuple[Path, ...], out: Path
) -> tuple[str, ...]:
    """Return the command that makes ``binary`` at ``out / binary.path`` from its folder."""
    driver = ("c++", "-nostdinc++", "-nostdlib++") if target.cxx_tree else ("cc",)
    return (
        *(sys.executable, "-m", "ziglang"),
        *driver,
        *("-target", zig_target(target.arch, target.glibc)),
        *_FLAGS,
        *_ARCH_FLAGS.get(target.arch.name, ()),
        # With -I, since zig puts the C library before -isystem and libstdc++'s
        # #include_next wants it behind.
        *(f"-I{folder}" for folder in cxx_headers),
        *_python_headers(target),
        *binary.sources,
        *binary.arguments,
        *(str(out / path) for path in binary.needs),
        *_cxx_libraries(target),
        *("-o", str(out / binary.path)),
    )


def _python_headers(target: CompileTarget) -> Iterator[str]:
    if target.python_tree:
        include = target.python_tree.root / "usr/include"
        # pyconfig.h there includes <ARCH-TRIPLET/pythonX.Y/pyconfig.h>.
        for folder in (include / f"python{target.python}", include):
            yield from ("-isystem", str(folder))


def _cxx_libraries(target: CompileTarget) -> Iterator[str]:
    if target.cxx_tree:
        folder = target.cxx_tree.root / "usr/lib" / target.arch.gnu_triplet
        yield from (str(folder / "libstdc++.so.6"), str(folder / "libgcc_s.so.1"))


def _find_cxx_headers(target: CompileTarget) -> tuple[Path, ...]:
    if not target.cxx_tree:
        return ()
    include = target.cxx_tree.root / "usr/include"
    version = next(include.glob("c++/*")).name
    return (include / "c++" / version, include / target.arch.gnu_triplet / "c++" / version)


def compile_binaries(
    binaries: tuple[Binary, ...], target: CompileTarget, *, folder: Path, out: Path, cache: Cache
) -> Iterator[tuple[str, bytes]]:
    """Compile below ``out`` and yield each binary's path in the wheel and its bytes.

    ``folder`` is the project's. Raises ``ProcessError`` with the compiler's output.
    """
    zig = cache.root / "zig"
    caches = {"ZIG_GLOBAL_CACHE_DIR": f"{zig}/global", "ZIG_LOCAL_CACHE_DIR": f"{zig}/local"}
    headers = _find_cxx_headers(target)
    for binary in binaries:
        (out / binary.path).parent.mkdir(parents=True, exist_ok=True)
        command = compiler_command(binary, target, headers, out)
        run_process(command, timeout=COMPILE_SECONDS, cwd=folder, env=caches, merge=True)
        yield binary.path, (out / binary.path).read_bytes()
