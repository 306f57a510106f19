"""Does a program of that arch run here, and what runs it: looked at, then really tried.

In: an arch. Out: a check, from the kernel's table of binfmt_misc handlers and from running
a program of about one kilobyte that prints the machine it believes to be on.
"""

import re
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from harness.core.arches import Arch
from harness.core.errors import EngineError
from harness.host.cache import Cache, CacheError, content_key
from harness.host.doctor.check import FIX, Check, MachinePart
from harness.host.process import ProcessError, run_process

BINFMT_MISC = Path("/proc/sys/fs/binfmt_misc")
RUN_SECONDS = 10
COMPILE_SECONDS = 120

# No C library: its first build for a target takes zig a minute, this takes 0.1 s.
_SOURCE = """\
const linux = @import("std").os.linux;

pub export fn _start() noreturn {
    var name: linux.utsname = undefined;
    _ = linux.uname(&name);
    _ = linux.write(1, &name.machine, name.machine.len);
    linux.exit(0);
}
"""
_FLAGS = ("-OReleaseSmall", "-fstrip", "-fno-compiler-rt")


@dataclass(frozen=True, kw_only=True, slots=True)
class Handler:
    """One binfmt_misc handler (Documentation/admin-guide/binfmt-misc.rst)."""

    name: str
    enabled: bool
    interpreter: str
    flags: str
    """``F``: the kernel holds the interpreter open, so that it also works in containers."""
    offset: int
    magic: bytes
    """Empty for a handler that goes by file name extension."""
    mask: bytes

    def takes(self, header: bytes) -> bool:
        """Tell whether the kernel gives a program with these first bytes to this handler."""
        found = header[self.offset : self.offset + len(self.magic)]
        mask = self.mask or b"\xff" * len(self.magic)
        return (
            self.enabled
            and bool(self.magic)
            and len(found) == len(self.magic)
            and all((a ^ b) & m == 0 for a, b, m in zip(found, self.magic, mask, strict=True))
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class ProgramRun:
    """What came of running the program."""

    machine: str = ""
    """Its ``uname -m``; empty when it did not run."""
    emulator: str = ""
    """Version of the emulator that ran it; empty on a CPU of its own."""
    error: str = ""


def parse_handler(name: str, text: str) -> Handler:
    """Return the handler that the kernel describes so."""
    state, *lines = text.splitlines() or [""]
    fields = {key: value.strip() for key, _, value in (line.partition(" ") for line in lines)}
    return Handler(
        name=name,
        enabled=state == "enabled",
        interpreter=fields.get("interpreter", ""),
        flags=fields.get("flags:", ""),
        offset=int(fields.get("offset", "0")),
        magic=bytes.fromhex(fields.get("magic", "")),
        mask=bytes.fromhex(fields.get("mask", "")),
    )


def read_handlers(folder: Path = BINFMT_MISC) -> tuple[Handler, ...]:
    """Return the kernel's handlers; none where binfmt_misc is not mounted."""
    if not folder.is_dir():
        return ()
    files = sorted(f for f in folder.iterdir() if f.name not in ("register", "status"))
    return tuple(parse_handler(file.name, file.read_text()) for file in files)


def check_emulation(arch: Arch, cache: Cache) -> Check:
    """Run a program of ``arch`` and say who ran it."""
    try:
        program = make_program(arch, cache)
    except ProcessError as error:
        return _check(arch, ok=False, detail=f"no program to try it with: {error}")
    except CacheError as error:
        detail, _, remedy = str(error).partition("; ")
        # Of the disk: nothing that mends emulation would mend this.
        return replace(_check(arch, ok=False, detail=detail, remedy=remedy), part=MachinePart.DISK)
    header = program.read_bytes()
    handler = next((h for h in read_handlers() if h.takes(header)), None)
    return judge_emulation(arch, handler, run_program(program, arch))


def judge_emulation(arch: Arch, handler: Handler | None, run: ProgramRun) -> Check:
    """Return the check for a program of ``arch`` that ``handler`` was there for."""
    if handler is None:
        if run.machine not in arch.machines:
            detail = f"no binfmt_misc handler ({_why(run)})"
            return _check(arch, ok=False, detail=detail, remedy=FIX)
        if run.emulator:  # in a container, or binfmt_misc is not mounted
            detail = f"QEMU {run.emulator}, by a handler that cannot be seen from here"
            return _check(arch, ok=True, detail=detail)
        return _check(arch, ok=True, detail="runs on this CPU as it is")
    seen = f"handler {handler.name}, flags {handler.flags or 'none'}"
    if run.machine not in arch.machines:
        return _check(arch, ok=False, detail=f"{seen}, and yet: {_why(run)}", remedy=FIX)
    if "F" not in handler.flags:
        return _check(
            arch,
            ok=False,
            detail=f"{seen}: without F it does not work in containers",
            remedy=FIX,
        )
    return _check(arch, ok=True, detail=f"QEMU {run.emulator or 'unknown'}, {seen}")


def make_program(arch: Arch, cache: Cache) -> Path:
    """Return a static program of ``arch`` that prints its machine, cross-compiled once.

    Raises ``ProcessError`` when the compiler fails, ``CacheError`` when it cannot be kept.
    """
    return cache.get(
        "programs",
        f"machine-{arch.name}-{content_key(_SOURCE, *_FLAGS)[:8]}",
        lambda path: _compile(path, arch),
    )


def run_program(program: Path, arch: Arch) -> ProgramRun:
    """Run it as the kernel would run any program of its arch."""
    try:
        machine = _run(program, arch)
        # Every option of QEMU's user mode has an environment variable (`qemu-<arch> -h`);
        # so the emulator that answers here is the one that the kernel really uses.
        answer = _run(program, arch, QEMU_VERSION="1")
    except ProcessError as error:
        return ProgramRun(error=error.reason)
    version = re.match(r"qemu-\S+ version (\S+)", answer)
    return ProgramRun(machine=machine, emulator=version[1] if version else "")


def emulator_version(arch: Arch, cache: Cache) -> str:
    """Return the version of the QEMU that runs ``arch`` here: ``7.2.22``, empty where none does.

    Raises ``EngineError`` where the program that asks cannot be compiled.
    """
    try:
        return run_program(make_program(arch, cache), arch).emulator
    except ProcessError as error:
        raise EngineError(f"cannot compile for {arch.name}: {error}; {FIX}") from error


def _compile(path: Path, arch: Arch) -> None:
    target = f"{arch.zig}-musl{arch.zig_abi}"
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "machine.zig")
        source.write_text(_SOURCE)
        run_process(
            [
                *(sys.executable, "-m", "ziglang", "build-exe", source),
                *("-target", target, *_FLAGS, f"-femit-bin={path}"),
                *("--cache-dir", folder),
            ],
            timeout=COMPILE_SECONDS,
        )


def _run(program: Path, arch: Arch, **env: str) -> str:
    output = run_process([program], timeout=RUN_SECONDS, env={**dict(arch.qemu_env), **env})
    return output.decode("ascii", "replace").partition("\0")[0].strip()


def _why(run: ProgramRun) -> str:
    if run.error:
        return f"a program of it does not run: {run.error}"
    return f"a program of it says it is on {run.machine!r}"


def _check(arch: Arch, *, ok: bool, detail: str, remedy: str = "") -> Check:
    name = f"emulation {arch.name}"
    return Check(part=MachinePart.EMULATION, name=name, ok=ok, detail=detail, remedy=remedy)
