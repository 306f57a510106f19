"""A program for each architecture that describes its machine, as an ELF file without a C library.

It prints the machine of ``uname``, ``statfs`` of its root, ``/proc/self/auxv`` and
``/proc/cpuinfo``. It is shorter than its compiler: the machine code follows two program headers.
"""

import struct
from dataclasses import replace

from elftools.elf.enums import ENUM_E_MACHINE

from harness.core.arches import Arch
from harness.host.engine.api import MachineRun

_CODE = {
    "x86_64": ""
    "554889e5534881ec9609000048b83f00000000000000488dbde2fdffff0f05488db5e6feffff49b801000000"
    "0000000048ba40000000000000004c89c04c89c70f05b32f4c8d4de84188194531d245885101488db568ffff"
    "ffb8890000004c89cf0f05ba800000004c89c04c89c70f0541c641017041c641027241c641036f41c6410463"
    "4188590541c641067341c641076541c641086c41c64109664188590a41c6410b6141c6410c7541c6410d7841"
    "c6410e764588510f48b802000000000000004c89cf31f631d20f05440fb7c8488db5e2f9ffff49c7c2fffbff"
    "ffba0004000031c04c89cf0f054889c24c01d04c39d0760a4c89c04c89c70f05ebdf488d7de8c6470663c647"
    "0770c6470875c6470969c6470a6ec6470b66c6470c6fc6470d0048b8020000000000000031f631d20f05440f"
    "b7c0488db5e2f5ffff49c7c2fffbffff49b90100000000000000ba0004000031c04c89c70f054889c24c01d0"
    "4c39d0760a4c89c84c89cf0f05ebdf48b83c0000000000000031ff0f05",
    "i686": ""
    "5589e553575681ec160a00006a7a588d9ddefdffffcd808d8de2feffff6a045831ff476a405a89fbcd808d75"
    "e4b02f880631c08846016a54598d9564ffffffb80c01000089f3cd806a045889d189fbba80000000cd80b02f"
    "c6460170c6460272c646036fc6460463884605c6460673c6460765c646086cc646096688460a31c0c6460b61"
    "c6460c75c6460d78c6460e7688460f6a055889f331c931d2cd800fb7f08d8ddef9ffffbffffbffff6a035889"
    "f3ba00040000cd8089c201f839f8760a6a045831db43cd80ebe28d5de4c6430663c6430770c6430875c64309"
    "69c6430a6ec6430b66c6430c6fc6430d006a055831c931d2cd800fb7f08d8ddef5ffffbffffbffff6a035889"
    "f3ba00040000cd8089c201f839f8760a6a045831db43cd80ebe231c031db40cd80",
    "aarch64": ""
    "fd0f1ff8ff8328d1e02b009108148052e92b0091010000d4ea05805221110491200080520208805208088052"
    "010000d4ea430639e1830691ff470639e043069168058052010000d4080880520b0e80522000805202108052"
    "e3031faa010000d4480e8052eb470639e84b0639e80d8052600c8012e84f0639680c8052e1430691e8530639"
    "680e8052e2031faaea570639e85b0639a80c8052e85f0639880d8052e8630639c80c8052e8670639280c8052"
    "ea6b0639e86f0639a80e8052e8730639080f8052e8770639c80e8052e87b063908078052ff7f0639010000d4"
    "e90300aa203d4092e8078052e183089102808052010000d4080410d11f0510b1c9000054e20300aa20008052"
    "08088052010000d4f4ffff17680c8052090e8052600c8012e85b0639a80e8052e1430691e95f0639c90d8052"
    "e2031faae8630639280d8052e3031faae8670639c80c8052e96b0639e90d8052e86f063908078052e9730639"
    "ff770639010000d4e90300aa203d4092e8078052e183189102808052010000d4080410d11f0510b1c9000054"
    "e20300aa2000805208088052010000d4f4ffff17e0031faaa80b8052010000d4",
    "armv7l": ""
    "b0402de986df4de202db4de202108de27a70a0e362ef8de24020a0e30100a0e1411f81e2000000ef0470a0e3"
    "2f30a0e30100a0e300c0a0e3000000ef8831cde5662f8de289c1cde50e00a0e10a7100e35410a0e3000000ef"
    "0210a0e10470a0e30100a0e38020a0e3000000ef0010a0e30570a0e37000a0e30020a0e38901cde57200a0e3"
    "8a01cde56f00a0e38b01cde56300a0e38c01cde57300a0e38d31cde58e01cde56500a0e38f01cde56c00a0e3"
    "9001cde56600a0e39101cde56100a0e39231cde59301cde57500a0e39401cde57800a0e39501cde57600a0e3"
    "9601cde50e00a0e197c1cde501e400e3d8c09fe5000000ef861f8de27030ffe60300a0e10370a0e3012ba0e3"
    "000000ef0020a0e10e0040e00c0050e10300003a0100a0e30470a0e3000000eff3ffffea6300a0e30010a0e3"
    "8e01cde57000a0e38f01cde57500a0e39001cde56900a0e39101cde56e00a0e39201cde56600a0e39301cde5"
    "6f00a0e39401cde50000a0e39501cde5620f8de201eb8de20570a0e30020a0e3000000ef861f8ee27030ffe6"
    "01e400e30300a0e10370a0e3012ba0e3000000ef0020a0e10e0040e00c0050e10300003a0100a0e30470a0e3"
    "000000eff3ffffea0000a0e30170a0e3000000ef00fcffff",
    "ppc64le": ""
    "81f521f8480a21fb500a41fb0000403b32006138580a61fb600a81fb2f00603bc801813b680aa1fb700ac1fb"
    "3601c13bb801a13b7a000038020000440800e340d000637c040000380100603878f3c47f4000a03802000044"
    "0800e340d000637cb801619bb901419b6300003878eba37f78e3847f020000440800e340d000637c04000038"
    "0100603878e3847f8000a038020000440800e340d000637c70006038b901619872006038ba0161986f006038"
    "6300203b05000038000080380000a038fffb803bbb01619873006038bc01219bbd01619bbe01619865006038"
    "bf0161986c006038c001619866006038c101619861006038c201619bc301619875006038c401619878006038"
    "c501619876006038c6016198c701419b78eba37f4802a13b020000440800e340d000637c20047e7803000038"
    "78f3c37f78eba47f0004a038020000440800e340d000637c781b657cfffb633840e0237c2000c14004000038"
    "0100603878eba47f020000440800e340d000637cbcffff4b63006038700080387500a038050000384806a13b"
    "fffb803bbe01619869006038bf018198c001a198000080380000a038c10161986e006038c201619866006038"
    "c30161986f006038c401619800006038c5016198b8016138020000440800e340d000637c20047e7803000038"
    "78f3c37f78eba47f0004a038020000440800e340d000637c781b657cfffb633840e0237c2000c14004000038"
    "0100603878eba47f020000440800e340d000637cbcffff4b0100003800006038020000440800e340d000637c"
    "000000000000000000000000",
    "s390x": ""
    "a7fbf5484120f132a719007a0a004130f236a7190004a7290001a74900400a00922ff0a29200f0a34120f0a2"
    "4130f0b2a71900630a00a7190004a7290001a74900800a009270f0a39272f0a4926ff0a59263f0a6922ff0a7"
    "9273f0a89265f0a9926cf0aa9266f0ab922ff0ac9261f0ad9275f0ae9278f0af4120f0a2a71900059276f0b0"
    "a7390000a74900009200f0b10a00b9850002a759fbff4130f2b8a7190003b9040020a74904000a00e3102bff"
    "ff71ec15000cc065b9040042a7190004a72900010a00a7f4ffea9263f0a89270f0a99275f0aa9269f0ab926e"
    "f0ac9266f0ad926ff0ae9200f0af4120f0a2a7190005a7390000a74900000a00b9850002a759fbff4130f6b8"
    "a7190003b9040020a74904000a00e3102bffff71ec15000cc065b9040042a7190004a72900010a00a7f4ffea"
    "a7190001a72900000a00",
    "riscv64": ""
    "13010180130101de814641689308000a1305a1009305e110130600049302f002730000009308000405457300"
    "000023085118a30801189308b0020c1313060008080b73000000930800040545730000000545930500071306"
    "20071307f006a308b118930530062309c11813063007a309e11813075006230ab1189305c006a30a5118230b"
    "c11813066006a30be11893081006230cb11893055007a30cc11813068007230d5118930760077d1802151305"
    "c5f9a30d1119230eb118a30ec118230ff118a30f0118930880030c0b014673000000b37605019307f0bf9308"
    "f0030c14130600403685730000002a861305f5bf63f8a70093080004054573000000f1bf0146814613053006"
    "9305000793075007230ba11813059006a30bb1189305e006230cf11893076006a30ca1181305f006230db118"
    "0547a30df11893088003230ea1180c0b02171305c7f9a30e011873000000b37605011307f0bf9308f0039305"
    "0162130600403685730000002a861305f5bf6378a70093080004054573000000e9bf9308d005014573000000",
}
"""Arch → machine code of this zig program, compiled with ``build-obj -OReleaseSmall -fstrip
-fno-compiler-rt`` for ``<arch>-linux-none``. It uses registers and the stack only, so that it runs
at any address: each byte of a path is written by an instruction of its own.

    const linux = @import("std").os.linux;

    inline fn copy(place: *volatile [16]u8) void {
        var part: [1024]u8 = undefined;
        const from = linux.open(@ptrCast(@volatileCast(place)), .{}, 0);
        while (true) {
            const size = linux.read(@intCast(from & 0xffff), &part, part.len);
            if (size == 0 or size > part.len) return;
            _ = linux.write(1, &part, size);
        }
    }

    pub export fn _start() noreturn {
        var name: linux.utsname = undefined;
        _ = linux.uname(&name);
        _ = linux.write(1, &name.machine, name.machine.len);
        var place: [16]u8 = undefined;
        const path: *volatile [16]u8 = &place;
        path[0] = '/'; path[1] = 0;
        var room: [128]u8 = undefined;
        if (@sizeOf(usize) == 8) {
            _ = linux.syscall2(.statfs, @intFromPtr(&place), @intFromPtr(&room));
        } else {
            _ = linux.syscall3(.statfs64, @intFromPtr(&place), 84, @intFromPtr(&room));
        }
        _ = linux.write(1, &room, room.len);
        path[1] = 'p'; …                       // "/proc/self/auxv"
        copy(path);
        path[6] = 'c'; …                       // "/proc/cpuinfo"
        copy(path);
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


_MACHINE, _ROOM = 64, 128
"""Bytes of the first two parts of the output."""
_AT_PAGESZ = 6


def read_output(arch: Arch, output: bytes) -> MachineRun:
    """Return what the program of ``arch`` printed: uname(2), statfs(2), getauxval(3)."""
    machine = output[:_MACHINE].partition(b"\0")[0].decode("ascii", "replace").strip()
    rest = output[_MACHINE + _ROOM :]
    order, word = _layout(arch)
    # A long is 32 bits wide in this structure on s390x, too (asm/statfs.h).
    kind, head = ("Q", 8) if word == "Q" and arch.name != "s390x" else ("I", 4)
    room = output[_MACHINE : _MACHINE + _ROOM]
    found = MachineRun(machine=machine)
    if len(room) < _ROOM:
        return found
    (block,) = struct.unpack_from(f"{order}{kind}", room, head)
    (free,) = struct.unpack_from(f"{order}Q", room, 2 * head + 16)
    page, at, size = 0, 0, 2 * struct.calcsize(word)
    while at + size <= len(rest):
        key, value = struct.unpack_from(f"{order}2{word}", rest, at)
        at += size
        page = value if key == _AT_PAGESZ else page
        if key == 0:
            break
    cpuinfo = rest[at:].decode("utf-8", "replace").strip("\0")
    return replace(found, room=block * free, page_size=page, cpuinfo=cpuinfo)


def _layout(arch: Arch) -> tuple[str, str]:
    """Return the byte order and the word of ``struct``."""
    return "<" if arch.elf_little else ">", "Q" if arch.elf_bits == 64 else "I"  # noqa: PLR2004


def machine_program(arch: Arch) -> bytes:
    """Return the program of ``arch`` (ELF specification, chapters 1-4 and 2-2)."""
    code = bytes.fromhex(_CODE[arch.name])
    order, word = _layout(arch)
    wide = word == "Q"
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
