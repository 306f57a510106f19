"""The kernel's handlers, and what is concluded from them and from a program that ran."""

from pathlib import Path

import pytest

from harness.core.arches import find_arch
from harness.host.cache import Cache
from harness.host.doctor.check import MachinePart
from harness.host.doctor.emulation import (
    Handler,
    ProgramRun,
    check_emulation,
    judge_emulation,
    parse_handler,
    read_handlers,
)

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


def test_a_handler_is_read_as_the_kernel_describes_it() -> None:
    """Each line of a binfmt_misc file becomes a field."""
    expected = Handler(
        name="qemu-s390x",
        enabled=True,
        interpreter="/usr/libexec/qemu-binfmt/s390x-binfmt-P",
        flags="PF",
        offset=0,
        magic=bytes.fromhex("7f454c4602020100000000000000000000020016"),
        mask=bytes.fromhex("fffffffffffffffcfffffffffffffffffffeffff"),
    )
    assert expected == HANDLER


def test_a_handler_takes_the_programs_of_its_arch_only() -> None:
    """Magic and mask are compared as the kernel does; a short file matches nothing."""
    assert HANDLER.takes(S390X_HEADER)
    assert not HANDLER.takes(PPC64LE_HEADER)
    assert not HANDLER.takes(S390X_HEADER[:10])


def test_the_mask_hides_what_the_magic_does_not_ask_for() -> None:
    """A position-independent executable (e_type 3) is taken as well as a fixed one."""
    pie = S390X_HEADER[:17] + b"\x03" + S390X_HEADER[18:]
    assert HANDLER.takes(pie)


def test_a_disabled_handler_takes_nothing() -> None:
    """The kernel passes over a handler that is switched off."""
    assert not parse_handler("q", REGISTERED.replace("enabled", "disabled")).takes(S390X_HEADER)


@pytest.mark.parametrize(
    "text", ["enabled\ninterpreter /usr/bin/jexec\nflags: \nextension .jar\n", ""]
)
def test_a_handler_by_extension_takes_no_program_by_its_bytes(text: str) -> None:
    """Without magic there is nothing to compare."""
    assert not parse_handler("jar", text).takes(S390X_HEADER)


def test_the_kernels_own_files_are_no_handlers(tmp_path: Path) -> None:
    """``register`` and ``status`` stand beside the handlers and are not among them."""
    for name, text in {"register": "", "status": "enabled\n", "qemu-s390x": REGISTERED}.items():
        (tmp_path / name).write_text(text)
    assert read_handlers(tmp_path) == (HANDLER,)


def test_there_are_no_handlers_where_binfmt_misc_is_not_there(tmp_path: Path) -> None:
    """A system without binfmt_misc, as macOS, has none."""
    assert read_handlers(tmp_path / "nowhere") == ()


EMULATED = ProgramRun(machine="s390x", emulator="7.2.22")
NO_F = parse_handler("qemu-s390x", REGISTERED.replace("PF", "P"))


@pytest.mark.parametrize(
    ("handler", "run", "ok", "detail"),
    [
        (HANDLER, EMULATED, True, "QEMU 7.2.22, handler qemu-s390x, flags PF"),
        (None, ProgramRun(machine="s390x"), True, "runs natively on this CPU"),
        (None, EMULATED, True, "QEMU 7.2.22, by a handler that is not visible here"),
        (
            None,
            ProgramRun(error="Exec format error"),
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
            ProgramRun(machine="x86_64"),
            False,
            "handler qemu-s390x, flags PF, but a test program reports the machine 'x86_64'",
        ),
        (
            HANDLER,
            ProgramRun(error="No such file"),
            False,
            "handler qemu-s390x, flags PF, but a test program does not run: No such file",
        ),
    ],
)
def test_what_is_concluded(
    handler: Handler | None, run: ProgramRun, detail: str, *, ok: bool
) -> None:
    """A handler is believed only with its F flag, and only when a program really ran."""
    check = judge_emulation(S390X, handler, run)
    assert (check.ok, check.detail) == (ok, detail)
    assert bool(check.remedy) is not ok


def test_no_room_for_the_program(tmp_path: Path) -> None:
    """Where the cache cannot be written the check says so, as the disk's fault."""
    root = tmp_path / "file"
    root.touch()
    check = check_emulation(find_arch("s390x"), Cache(root))
    assert (check.part, check.ok, check.detail) == (
        MachinePart.DISK,
        False,
        f"{root}/programs: Not a directory",
    )
    assert "WHEELGRID_CACHE" in check.remedy
