"""zig as an ordinary C compiler: an arch and a libc in, a directory with ``cc`` and ``ar`` out.

The wrappers keep every path and target out of the Makefile, so what an interpreter
records of its own build (``sysconfig``) is the same on every machine.
"""

import importlib.metadata
import importlib.util
from pathlib import Path

from harness.arches import Arch
from harness.errors import BuildError

_OLDEST_GLIBC = {"ppc64le": "2.19", "riscv64": "2.27"}
"""The oldest glibc that zig links for, where that is not manylinux2014's 2.17."""

_FLAGS = (
    "-O1",
    "-g0",
    # zig's static objects are not position-independent, and without it the copy relocation of
    # environ breaks against a real musl: the interpreter dies in getenv.
    "-fPIC",
    "-DNDEBUG",
    "-fno-sanitize=undefined",  # zig's default, for which no target has a runtime
    "-Wno-error=date-time",
    "-Wno-unused-command-line-argument",
    "-w",
)

_ARCH_FLAGS = {("ppc64le", "glibc"): ("-mabi=ibmlongdouble",)}
"""What GCC means by long double there; zig means IEEE's, which glibc has from 2.32 on."""

LINK = "WHEELGRID_LINK"
"""Environment variable with linker options for every program, ``-static`` where the host has
no loader for what it is to run."""

_WRAPPER = """#!/bin/sh
exec "{zig}" {tool} {flags} ${link} "$@"
"""


def zig_version() -> str:
    """Return the version of zig, which every key of what it compiles holds."""
    return importlib.metadata.version("ziglang")


def zig_target(arch: Arch, libc: str) -> str:
    """Return what interpreters for ``arch`` on ``libc`` are compiled for."""
    if libc == "musl":
        return f"{arch.zig}-musl{arch.zig_abi}"
    return f"{arch.zig}-gnu{arch.zig_abi}.{_OLDEST_GLIBC.get(arch.name, '2.17')}"


def write_wrappers(folder: Path, arch: Arch, libc: str) -> None:
    """Write ``cc``, ``c++`` and ``ar`` into ``folder``. Raises ``BuildError`` without zig."""
    zig = _find_zig()
    flags = ("-target", zig_target(arch, libc), *_FLAGS, *_ARCH_FLAGS.get((arch.name, libc), ()))
    folder.mkdir(parents=True)
    for name, tool in (("cc", "cc"), ("c++", "c++"), ("ar", "ar")):
        text = _WRAPPER.format(
            zig=zig,
            tool=tool,
            flags=" ".join(flags) if tool != "ar" else "",
            link=LINK if tool != "ar" else "{WHEELGRID_NOTHING}",
        )
        path = folder / name
        path.write_text(text)
        path.chmod(0o755)


def _find_zig() -> Path:
    spec = importlib.util.find_spec("ziglang")
    if spec is None or spec.origin is None:
        raise BuildError("no package ziglang here; pip install ziglang")
    return Path(spec.origin).with_name("zig")
