"""binfmt_misc handlers, and the checks from them and from a test program."""

from pathlib import Path

import pytest

from harness.core.arches import find_arch
from harness.host.cache import Cache
from harness.host.doctor.check import MachinePart
from harness.host.doctor.emulation import (
    Handler,
    check_emulation,
    emulation_check,
    parse_handler,
    read_handlers,
)
from harness.host.engine.api import MachineRun

S390X = find_arch("s390x")
# As Debian 12 registers it (qemu-user-static 7.2).
REGISTERED = """\
enabled
interpreter /usr/libexec/qemu-binfmt/s390x-binfmt-P
flags: PF
offset 0
magic 7f454c4602020100000000000000000000020016
mask fffffffffffffffcfffffffffffffffffffeffff
"""
HANDLER = parse_handler("qemu-s390x", REGISTERED)
# The first bytes of an s390x and a ppc64le executable: class, byte order, type, machine.
S390X_HEADER = bytes.fromhex("7f454c4602020100000000000000000000020016")
PPC64LE_HEADER = bytes.fromhex("7f454c4602010100000000000000000002001500")


def test_handler_file_is_parsed() -> None:
    """Each line of a binfmt_misc file becomes a field."""
    expected = Handler(
        name="qemu-s390x",
        enabled=True,
        flags="PF",
        offset=0,
        magic=bytes.fromhex("7f454c4602020100000000000000000000020016"),
        mask=bytes.fromhex("fffffffffffffffcfffffffffffffffffffeffff"),
    )
    assert expected == HANDLER


def test_handler_matches_programs_of_its_arch_only() -> None:
    """Magic and mask work as in the kernel; a short file matches nothing."""
    assert HANDLER.takes(S390X_HEADER)
    assert not HANDLER.takes(PPC64LE_HEADER)
    assert not HANDLER.takes(S390X_HEADER[:10])


def test_mask_ignores_bits_of_the_magic() -> None:
    """Position-independent executables (e_type 3) match like fixed ones."""
    pie = S390X_HEADER[:17] + b"\x03" + S390X_HEADER[18:]
    assert HANDLER.takes(pie)


def test_disabled_handler_matches_nothing() -> None:
    """The kernel skips it."""
    assert not parse_handler("q", REGISTERED.replace("enabled", "disabled")).takes(S390X_HEADER)


@pytest.mark.parametrize(
    "text", ["enabled\ninterpreter /usr/bin/jexec\nflags: \nextension .jar\n", ""]
)
def test_handler_by_extension_matches_no_bytes(text: str) -> None:
    """It has no magic."""
    assert not parse_handler("jar", text).takes(S390X_HEADER)


def test_register_and_status_are_not_handlers(tmp_path: Path) -> None:
    """They are files of the kernel in the same directory."""
    for name, text in {"register": "", "status": "enabled\n", "qemu-s390x": REGISTERED}.items():
        (tmp_path / name).write_text(text)
    assert read_handlers(tmp_path) == (HANDLER,)


def test_no_handlers_without_binfmt_misc(tmp_path: Path) -> None:
    """macOS, for example, has none."""
    assert read_handlers(tmp_path / "nowhere") == ()


EMULATED = MachineRun(machine="s390x", emulator="7.2.22")
NO_F = parse_handler("qemu-s390x", REGISTERED.replace("PF", "P"))


@pytest.mark.parametrize(
    ("handler", "run", "ok", "detail"),
    [
        (HANDLER, EMULATED, True, "QEMU 7.2.22, handler qemu-s390x, flags PF"),
        (None, MachineRun(machine="s390x"), True, "runs natively on this CPU"),
        (None, EMULATED, True, "QEMU 7.2.22, by a handler that is not visible here"),
        (
            None,
            MachineRun(error="Exec format error"),
            False,
            "no binfmt_misc handler (a test program does not run: Exec format error)",
        ),
        (
            NO_F,
            EMULATED,
            False,
            "handler qemu-s390x, flags P: it does not work in containers without F",
        ),
        (
            HANDLER,
            MachineRun(machine="x86_64"),
            False,
            "handler qemu-s390x, flags PF, but a test program reports the machine 'x86_64'",
        ),
        (
            HANDLER,
            MachineRun(error="No such file"),
            False,
            "handler qemu-s390x, flags PF, but a test program does not run: No such file",
        ),
    ],
)
def test_handler_needs_flag_f_and_a_working_program(
    handler: Handler | None, run: MachineRun, detail: str, *, ok: bool
) -> None:
    """A check is ok only with the F flag and if a test program runs."""
    check = emulation_check(S390X, handler, run)
    assert (check.ok, check.detail) == (ok, detail)
    assert bool(check.remedy) is not ok


def test_full_cache_is_a_disk_check(tmp_path: Path) -> None:
    """If the program cannot be stored, the disk is reported and not the emulation."""
    root = tmp_path / "file"
    root.touch()
    check = check_emulation(find_arch("s390x"), Cache(root))
    assert (check.part, check.ok, check.detail) == (
        MachinePart.DISK,
        False,
        f"{root}/programs: Not a directory",
    )
    assert "WHEELGRID_CACHE" in check.remedy
