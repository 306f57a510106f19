"""zig as an ordinary C compiler: an arch and a libc in, a directory with ``cc`` and ``ar`` out.

The wrappers keep every path and target out of the Makefile, so what an interpreter
records of its own build (``sysconfig``) is the same on every machine.
"""

import importlib.metadata
import importlib.util
import shlex
import tempfile
from pathlib import Path

from harness.core.arches import Arch
from harness.core.errors import BuildError
from harness.host.process import run_process

_OLDEST_GLIBC = {"ppc64le": "2.19", "riscv64": "2.27"}
"""The oldest glibc that zig links for, where that is not manylinux2014's 2.17."""

_FLAGS = (
    "-O1",
    "-g0",
    # zig's static objects are not position-independent, and without it the copy relocation of
    # environ breaks against a real musl: the interpreter dies in getenv.
    "-fPIC",
    "-DNDEBUG",
    "-fomit-frame-pointer",
    "-fno-sanitize=undefined",  # zig's default, for which no target has a runtime
    "-Wno-error=date-time",
    "-Wno-unused-command-line-argument",
    "-w",
)

# Told nothing, zig links statically with all of musl, which takes it 45 s to compile.
_LINK_FLAGS = {"musl": ("-dynamic",)}

_LEVEL = "-O0"
"""What is compiled is not optimized unless its Makefile says so: most of it never runs."""

_ARCH_FLAGS = {("ppc64le", "glibc"): ("-mabi=ibmlongdouble",)}
"""What GCC means by long double there; zig means IEEE's, which glibc has from 2.32 on."""

_COMPILER = """#!/bin/sh
for word; do
    case $word in -c | -E) exec "{zig}" clang @"{compile}" "$@" ;; esac
done
exec "{zig}" {tool} {flags} "$@"
"""
_ARCHIVER = """#!/bin/sh
exec "{zig}" ar "$@"
"""
_PROBE_SECONDS = 60
_FOLDER = "<zig>"


def zig_version() -> str:
    """Return the version of zig, which every key of what it compiles holds."""
    return importlib.metadata.version("ziglang")


def zig_target(arch: Arch, libc: str) -> str:
    """Return what interpreters for ``arch`` on ``libc`` are compiled for."""
    if libc == "musl":
        return f"{arch.zig}-musl{arch.zig_abi}"
    return f"{arch.zig}-gnu{arch.zig_abi}.{_OLDEST_GLIBC.get(arch.name, '2.17')}"


def write_wrappers(folder: Path, arch: Arch, libc: str) -> None:
    """Write ``cc``, ``c++`` and ``ar`` into ``folder``. Raises ``BuildError`` without zig.

    What only compiles goes to zig's clang itself, which takes 25 ms for a small file where
    ``zig cc`` takes 60: that hashes what it reads and keeps every object. zig links.
    """
    zig = _find_zig()
    flags = ("-target", zig_target(arch, libc), *_FLAGS, *_ARCH_FLAGS.get((arch.name, libc), ()))
    link = (*flags, *_LINK_FLAGS.get(libc, ()))
    folder.mkdir(parents=True)
    compile_flags = folder / "compile"
    compile_flags.write_text("\n".join(map(shlex.quote, _clang_flags(zig, flags))) + "\n")
    texts = {
        name: _COMPILER.format(zig=zig, tool=name, compile=compile_flags, flags=" ".join(link))
        for name in ("cc", "c++")
    }
    for name, text in {**texts, "ar": _ARCHIVER.format(zig=zig)}.items():
        path = folder / name
        path.write_text(text)
        path.chmod(0o755)


def _clang_flags(zig: Path, flags: tuple[str, ...]) -> tuple[str, ...]:
    """Return what ``zig cc`` tells its clang to compile a file of C with ``flags``."""
    with tempfile.TemporaryDirectory(prefix="flags-") as name:
        Path(name, "x.c").touch()
        said = run_process(
            (zig, "cc", *flags, "-c", "x.c"),
            timeout=_PROBE_SECONDS,
            cwd=Path(name),
            # A cache of its own: of what it has compiled before it says nothing.
            env={
                "ZIG_VERBOSE_CC": "1",
                "ZIG_GLOBAL_CACHE_DIR": name,
                "ZIG_LOCAL_CACHE_DIR": name,
            },
            merge=True,
        )
    # zig quotes nothing, and only its own folder may have a space.
    text = said.decode().replace(str(zig.parent), _FOLDER).split(" clang x.c ", 1)[1]
    words = [word.replace(_FOLDER, str(zig.parent)) for word in text.split()]
    words = words[: words.index("-c")]
    depend = words.index("-MD")  # -MD -MV -MF file
    return (*words[:depend], *words[depend + 4 :], _LEVEL)


def _find_zig() -> Path:
    spec = importlib.util.find_spec("ziglang")
    if spec is None or spec.origin is None:
        raise BuildError("no package ziglang here; pip install ziglang")
    return Path(spec.origin).with_name("zig")
