"""Find relocations of the initial-exec model of thread-local storage (each processor's ABI)."""

import struct
from collections.abc import Iterator

RELOCATIONS = (("DT_RELA", "DT_RELASZ"), ("DT_REL", "DT_RELSZ"))
"""Tags of a table's address and of its size in bytes; those of the PLT are never initial-exec."""
_ENTRY = {("DT_RELA", 32): "4xI4x", ("DT_RELA", 64): "8xQ8x", ("DT_REL", 32): "4xI"}
"""Table and word size → layout of an entry around its info."""
_INITIAL_EXEC = {
    "EM_X86_64": (18,),  # R_X86_64_TPOFF64
    "EM_386": (14, 37),  # R_386_TLS_TPOFF, R_386_TLS_TPOFF32
    "EM_AARCH64": (1030,),  # R_AARCH64_TLS_TPREL64
    "EM_ARM": (19,),  # R_ARM_TLS_TPOFF32
    "EM_PPC64": (73,),  # R_PPC64_TPREL64
    "EM_S390": (56,),  # R_390_TLS_TPOFF
    "EM_RISCV": (10, 11),  # R_RISCV_TLS_TPREL32, R_RISCV_TLS_TPREL64
}
_WORD = 32


def initial_exec_symbols(
    machine: str, bits: int, order: str, table: str, data: memoryview
) -> Iterator[int]:
    """Yield the symbol indexes of the initial-exec relocations in a table; 0 means the file itself.

    ``order`` is that of ``struct``. Types and symbols are unpacked as gABI's ELF32_R_INFO and
    ELF64_R_INFO do.
    """
    wanted, layout = _INITIAL_EXEC.get(machine, ()), _ENTRY.get((table, bits))
    if not wanted or layout is None:
        return
    entry = struct.Struct(order + layout)
    mask, shift = (0xFF, 8) if bits == _WORD else (0xFFFFFFFF, 32)
    for (info,) in entry.iter_unpack(data[: len(data) // entry.size * entry.size]):
        if info & mask in wanted:
            yield info >> shift
