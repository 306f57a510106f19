"""A program for each architecture that prints ``uname -m``, as an ELF file without a C library.

It is shorter than its compiler: the machine code follows two program headers.
"""

import struct

from elftools.elf.enums import ENUM_E_MACHINE

from harness.core.arches import Arch

_CODE = {
    "x86_64": "554889e54881ec0601000048b83f00000000000000488dbd7afeffff0f05488db57effffff48b801"
    "0000000000000048ba40000000000000004889c70f0548b83c0000000000000031ff0f05",
    "i686": "5589e55381ec860100006a7a588d9d76feffffcd808d8d7affffff6a045831db436a405acd8089d8"
    "31dbcd80",
    "aarch64": "ff8306d1fdcb00f9e02b009108148052e92b0091010000d421110491080880522000805202088052"
    "010000d4a80b8052e0031faa010000d4",
    "armv7l": "80402de962df4de202108de27a70a0e34020a0e30100a0e1411f81e2000000ef0470a0e30100a0e3"
    "000000ef0170a0e30000a0e3000000ef",
    "ppc64le": "51fe21f82a0061387a000038020000440800e340d000637c2e01813804000038010060384000a038"
    "020000440800e340d000637c0100003800006038020000440800e340d000637c",
    "s390x": "a7fbfdd84120f0a2a719007a0a004130f1a6a7190004a7290001a74900400a00a7190001a72900000a00",
    "riscv64": "65719308000a1305a1009305e1107300000093080004054513060004730000009308d00501457300"
    "0000",
}
"""Arch → machine code of this zig program, compiled with ``-OReleaseSmall -fstrip
-fno-compiler-rt``. It uses registers and the stack only, so that it runs at any address.

    const linux = @import("std").os.linux;

    pub export fn _start() noreturn {
        var name: linux.utsname = undefined;
        _ = linux.uname(&name);
        _ = linux.write(1, &name.machine, name.machine.len);
        linux.exit(0);
    }
"""
_FLAGS = {"armv7l": 0x5000400, "ppc64le": 0x2, "riscv64": 0x5}
"""e_flags: EABI 5 with hard float; ELFv2; compressed instructions and double floats."""

_ADDRESS = 0x400000
_PAGE = 0x10000
"""The largest page of these architectures, which a segment's address is a multiple of."""
_LOAD, _GNU_STACK = 1, 0x6474E551
_READ_EXECUTE, _READ_WRITE = 5, 6


def machine_program(arch: Arch) -> bytes:
    """Return the program of ``arch`` (ELF specification, chapters 1-4 and 2-2)."""
    code = bytes.fromhex(_CODE[arch.name])
    wide = arch.elf_bits == 64  # noqa: PLR2004
    order, word = "<" if arch.elf_little else ">", "Q" if wide else "I"
    header, entry = (64, 56) if wide else (52, 32)
    start = header + 2 * entry
    ident = b"\x7fELF" + bytes([1 + wide, 1 if arch.elf_little else 2, 1]) + bytes(9)
    head = struct.pack(
        f"{order}HHI3{word}I6H",
        *(2, ENUM_E_MACHINE[arch.elf_machine], 1),  # executable, version 1
        *(_ADDRESS + start, header, 0, _FLAGS.get(arch.name, 0)),
        *(header, entry, 2, 0, 0, 0),
    )

    def segment(kind: int, flags: int, size: int) -> bytes:
        place = (0, _ADDRESS, _ADDRESS) if size else (0, 0, 0)
        if wide:
            return struct.pack(f"{order}II6Q", kind, flags, *place, size, size, _PAGE)
        return struct.pack(f"{order}8I", kind, *place, size, size, flags, _PAGE)

    load = segment(_LOAD, _READ_EXECUTE, start + len(code))
    return ident + head + load + segment(_GNU_STACK, _READ_WRITE, 0) + code
