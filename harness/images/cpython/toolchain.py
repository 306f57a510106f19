"""Write ``cc``, ``c++`` and ``ar`` wrappers of zig for an arch and a libc.

They keep paths and targets out of the Makefile, so an interpreter records the same ``sysconfig``
on every machine.
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
"""The oldest glibc that zig links for, if it is not manylinux2014's 2.17."""

_FLAGS = (
    "-O1",
    "-g0",
    # zig's static objects are not position-independent by default. The copy relocation of environ
    # then breaks with a real musl: the interpreter crashes in getenv.
    "-fPIC",
    "-DNDEBUG",
    "-fomit-frame-pointer",
    "-fno-sanitize=undefined",  # enabled by zig, but no target has its runtime
    "-Wno-error=date-time",
    "-Wno-unused-command-line-argument",
    "-w",
)

# By default zig links musl statically, and compiles it for that, which takes 45 s.
_LINK_FLAGS = {"musl": ("-dynamic",)}

_LEVEL = "-O0"
"""Optimization unless the Makefile sets it: most of the code never runs."""

_ARCH_FLAGS = {("ppc64le", "glibc"): ("-mabi=ibmlongdouble",)}
"""GCC's long double on that arch. zig's is IEEE's, which glibc supports from 2.32 on."""

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
    """Return the version of zig, for the keys of everything that it compiles."""
    return importlib.metadata.version("ziglang")


def zig_target(arch: Arch, libc: str) -> str:
    """Return the zig target of interpreters for ``arch`` on ``libc``."""
    if libc == "musl":
        return f"{arch.zig}-musl{arch.zig_abi}"
    return f"{arch.zig}-gnu{arch.zig_abi}.{_OLDEST_GLIBC.get(arch.name, '2.17')}"


def write_wrappers(folder: Path, arch: Arch, libc: str) -> None:
    """Write ``cc``, ``c++`` and ``ar`` into ``folder``. Raises ``BuildError`` without zig.

    Compiling calls zig's clang directly, which takes 25 ms for a small file instead of the 60 ms of
    ``zig cc``, which hashes its input and caches every object. Linking calls zig.
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
    """Return the arguments that ``zig cc`` passes to its clang for a C file with ``flags``."""
    with tempfile.TemporaryDirectory(prefix="flags-") as name:
        Path(name, "x.c").touch()
        said = run_process(
            (zig, "cc", *flags, "-c", "x.c"),
            timeout=_PROBE_SECONDS,
            cwd=Path(name),
            # An empty cache, since zig prints no arguments for a cached object.
            env={"ZIG_VERBOSE_CC": "1", "ZIG_GLOBAL_CACHE_DIR": name, "ZIG_LOCAL_CACHE_DIR": name},
            merge=True,
        )
    # zig does not quote its output, and only its own folder may contain a space.
    text = said.decode().replace(str(zig.parent), _FOLDER).split(" clang x.c ", 1)[1]
    words = [word.replace(_FOLDER, str(zig.parent)) for word in text.split()]
    words = words[: words.index("-c")]
    depend = words.index("-MD")  # -MD -MV -MF file
    return (*words[:depend], *words[depend + 4 :], _LEVEL)


def _find_zig() -> Path:
    spec = importlib.util.find_spec("ziglang")
    if spec is None or spec.origin is None:
        raise BuildError("the package ziglang is not installed; run `pip install ziglang`")
    return Path(spec.origin).with_name("zig")
