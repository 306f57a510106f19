"""Make the golden ELF files of this folder: ``python tests/data/elf/make.py``.

One small shared library an arch, linked against an old glibc and a library that is not
there, so that every table that the reader knows has something in it. And one of either
byte order that gives its symbols versions. And one an arch with a thread-local variable of the
initial-exec model. And a program for each libc's loader.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from harness.core.arches import ARCHES, Arch

HERE = Path(__file__).parent
GLIBC = {"riscv64": "2.27"}
OLDEST = "2.19"
SOURCE = """\
#include <stdlib.h>
extern int companion_answer(void);
extern int __attribute__((weak)) maybe_there(void);
int answer(const char *text) {
    return atoi(text) + companion_answer() + (maybe_there ? maybe_there() : 0);
}
int __attribute__((visibility("hidden"))) inner(void) { return 1; }
int __attribute__((weak)) spare(void) { return inner(); }
"""
COMPANION = "int companion_answer(void) { return 42; }\n"
VERSIONED = """\
int before(void) { return 1; }
int after(void) { return 2; }
int plain(void) { return 3; }
__asm__(".symver before, answer@DEMO_1");
__asm__(".symver after, answer@@DEMO_2");
"""
VERSIONED_ARCHES = ("x86_64", "s390x")
VERSIONS = "DEMO_1 { global: answer; local: before; after; }; DEMO_2 { global: answer; } DEMO_1;\n"
THREAD_LOCAL = "__thread int own; int next(void) { return ++own; }\n"
PROGRAM = "extern int answer(void);\nint PyAnswer(void) { return answer(); }\n"
PROGRAM_ARCH = "x86_64"
LOADERS = {"glibc": "/lib64/ld-linux-x86-64.so.2", "musl": "/lib/ld-musl-x86_64.so.1"}


def compiler(arch: Arch) -> list[str]:
    """Return the command that links a small library for ``arch``."""
    libc = f"gnu{arch.zig_abi}.{GLIBC.get(arch.name, OLDEST)}"
    return [sys.executable, "-m", "ziglang", "cc", "-target", f"{arch.zig}-{libc}", "-shared",
            "-fPIC", "-Os", "-s", "-g0", "-fno-unwind-tables",
            "-fno-asynchronous-unwind-tables"]  # fmt: skip


def make_versioned(arch: Arch, folder: Path) -> None:
    """Compile the library that has versions of its own."""
    source, script = folder / "versioned.c", folder / "versions.map"
    source.write_text(VERSIONED)
    script.write_text(VERSIONS)
    subprocess.run(
        [*compiler(arch), "-nostdlib", f"-Wl,--version-script={script}", "-Wl,-soname,libdemo.so.1",
         source, "-o", HERE / f"{arch.name}-versions.so"],
        check=True,
    )  # fmt: skip


def make_thread_local(arch: Arch, folder: Path) -> None:
    """Compile a library whose variable must exist when the process starts."""
    source = folder / "thread_local.c"
    source.write_text(THREAD_LOCAL)
    subprocess.run(
        [*compiler(arch), "-nostdlib", "-ftls-model=initial-exec", source,
         "-o", HERE / f"{arch.name}-tls.so"],
        check=True,
    )  # fmt: skip


def make_program(arch: Arch, libc: str, folder: Path) -> None:
    """Compile a program that names the loader of ``libc`` and exports a symbol to modules."""
    source = folder / "program.c"
    source.write_text(PROGRAM)
    common = [part for part in compiler(arch) if part != "-shared"]
    subprocess.run(
        [*common, "-nostdlib", "-pie", "-Wl,--entry=PyAnswer", "-Wl,--export-dynamic",
         f"-Wl,--dynamic-linker={LOADERS[libc]}", "-Wl,-rpath,$ORIGIN/../own", source,
         HERE / f"{arch.name}-versions.so", "-o", HERE / f"{arch.name}-{libc}.exe"],
        check=True,
    )  # fmt: skip


def make(arch: Arch, folder: Path) -> None:
    """Compile the library of one arch."""
    common = compiler(arch)
    companion, source = folder / "companion.c", folder / "golden.c"
    companion.write_text(COMPANION)
    source.write_text(SOURCE)
    subprocess.run(
        [*common, "-Wl,-soname,libcompanion.so.1", companion, "-o", folder / "libcompanion.so"],
        check=True,
    )
    subprocess.run(
        [*common, "-Wl,-soname,libgolden.so.1", "-Wl,-rpath,$ORIGIN/../demo.libs", source,
         f"-L{folder}", "-lcompanion", "-o", HERE / f"{arch.name}.so"],
        check=True,
    )  # fmt: skip


if __name__ == "__main__":
    for each in ARCHES:
        with tempfile.TemporaryDirectory() as name:
            make(each, Path(name))
            make_thread_local(each, Path(name))
            if each.name in VERSIONED_ARCHES:
                make_versioned(each, Path(name))
            if each.name == PROGRAM_ARCH:
                for family in LOADERS:
                    make_program(each, family, Path(name))
