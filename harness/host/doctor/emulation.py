"""Check the emulation of an arch by the kernel's binfmt_misc handlers and by a test program."""

import re
from dataclasses import dataclass, replace
from pathlib import Path

from harness.core.arches import Arch
from harness.host.cache import Cache, CacheError, content_key
from harness.host.doctor.check import FIX, Check, MachinePart
from harness.host.doctor.machine_program import machine_program
from harness.host.engine.api import MachineRun
from harness.host.process import ProcessError, run_process

BINFMT_MISC = Path("/proc/sys/fs/binfmt_misc")
RUN_SECONDS = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class Handler:
    """One binfmt_misc handler (Documentation/admin-guide/binfmt-misc.rst)."""

    name: str
    enabled: bool
    flags: str
    """``F``: the kernel holds the interpreter open, so that it works in containers too."""
    offset: int
    magic: bytes
    """Empty for a handler of a file name extension."""
    mask: bytes

    def takes(self, header: bytes) -> bool:
        """Whether the kernel passes a program with these first bytes to this handler."""
        found = header[self.offset : self.offset + len(self.magic)]
        mask = self.mask or b"\xff" * len(self.magic)
        return (
            self.enabled
            and bool(self.magic)
            and len(found) == len(self.magic)
            and all((a ^ b) & m == 0 for a, b, m in zip(found, self.magic, mask, strict=True))
        )


def parse_handler(name: str, text: str) -> Handler:
    """Return the handler of a file in binfmt_misc."""
    state, *lines = text.splitlines() or [""]
    fields = {key: value.strip() for key, _, value in (line.partition(" ") for line in lines)}
    return Handler(
        name=name,
        enabled=state == "enabled",
        flags=fields.get("flags:", ""),
        offset=int(fields.get("offset", "0")),
        magic=bytes.fromhex(fields.get("magic", "")),
        mask=bytes.fromhex(fields.get("mask", "")),
    )


def read_handlers(folder: Path = BINFMT_MISC) -> tuple[Handler, ...]:
    """Return the kernel's handlers; none if binfmt_misc is not mounted."""
    if not folder.is_dir():
        return ()
    files = sorted(f for f in folder.iterdir() if f.name not in ("register", "status"))
    return tuple(parse_handler(file.name, file.read_text()) for file in files)


def check_emulation(arch: Arch, cache: Cache) -> Check:
    """Run a program of ``arch`` and check what ran it."""
    try:
        program = make_program(arch, cache)
    except CacheError as error:
        detail, _, remedy = str(error).partition("; ")
        # A check of the disk, since fixing emulation does not help.
        return replace(_check(arch, ok=False, detail=detail, remedy=remedy), part=MachinePart.DISK)
    header = program.read_bytes()
    handler = next((h for h in read_handlers() if h.takes(header)), None)
    return emulation_check(arch, handler, run_program(program, arch))


def emulation_check(arch: Arch, handler: Handler | None, run: MachineRun) -> Check:
    """Return the check for a run of a program of ``arch`` whose handler is ``handler``."""
    if handler is None:
        if run.machine not in arch.machines:
            detail = f"no binfmt_misc handler ({_failure(run)})"
            return _check(arch, ok=False, detail=detail, remedy=FIX)
        if run.emulator:  # in a container, or binfmt_misc is not mounted
            detail = f"QEMU {run.emulator}, by a handler that is not visible here"
            return _check(arch, ok=True, detail=detail)
        return _check(arch, ok=True, detail="runs natively on this CPU")
    seen = f"handler {handler.name}, flags {handler.flags or 'none'}"
    if run.machine not in arch.machines:
        return _check(arch, ok=False, detail=f"{seen}, but {_failure(run)}", remedy=FIX)
    if "F" not in handler.flags:
        return _check(
            arch, ok=False, detail=f"{seen}: it does not work in containers without F", remedy=FIX
        )
    return _check(arch, ok=True, detail=f"QEMU {run.emulator or 'unknown'}, {seen}")


def make_program(arch: Arch, cache: Cache) -> Path:
    """Return a static program of ``arch`` that prints its machine.

    Raises ``CacheError`` if the file cannot be stored.
    """
    program = machine_program(arch)

    def write(path: Path) -> None:
        path.write_bytes(program)
        path.chmod(0o755)

    return cache.get("programs", f"machine-{arch.name}-{content_key(program.hex())[:8]}", write)


def run_program(program: Path, arch: Arch) -> MachineRun:
    """Run the program, by the kernel's handler if its arch is not native."""
    try:
        machine = _run(program, arch)
        # Options of QEMU's user mode are environment variables too (`qemu-<arch> -h`), so this
        # asks the emulator that the kernel uses.
        answer = _run(program, arch, QEMU_VERSION="1")
    except ProcessError as error:
        return MachineRun(error=error.reason)
    version = re.match(r"qemu-\S+ version (\S+)", answer)
    return MachineRun(machine=machine, emulator=version[1] if version else "")


def emulator_version(arch: Arch, cache: Cache) -> str:
    """Return the version of the QEMU that runs ``arch`` here: ``7.2.22``; empty if none does.

    Raises ``CacheError`` if the test program cannot be stored.
    """
    return run_program(make_program(arch, cache), arch).emulator


def _run(program: Path, arch: Arch, **env: str) -> str:
    output = run_process([program], timeout=RUN_SECONDS, env={**dict(arch.qemu_env), **env})
    return output.decode("ascii", "replace").partition("\0")[0].strip()


def _failure(run: MachineRun) -> str:
    if run.error:
        return f"a test program does not run: {run.error}"
    return f"a test program reports the machine {run.machine!r}"


def _check(arch: Arch, *, ok: bool, detail: str, remedy: str = "") -> Check:
    name = f"emulation {arch.name}"
    return Check(part=MachinePart.EMULATION, name=name, ok=ok, detail=detail, remedy=remedy)
