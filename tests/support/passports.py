"""A sample passport whose fields a test can change."""

from dataclasses import replace
from typing import Any

from harness.core.arches import find_arch
from harness.core.passport import Passport


def make_passport(
    arch_name: str = "s390x",
    *,
    python: str = "3.11.2",
    triplet: str = "",
    **fields: Any,  # noqa: ANN401 - any field of a passport
) -> Passport:
    """Return Debian 12's passport with these fields replaced; names follow the triplet."""
    arch = find_arch(arch_name)
    triplet = triplet or arch.gnu_triplet
    soabi = f"cpython-{''.join(python.split('.')[:2])}-{triplet}"
    plain = Passport(
        python=python,
        implementation="CPython",
        soabi=soabi,
        ext_suffix=f".{soabi}.so",
        extension_suffixes=(f".{soabi}.so", ".abi3.so", ".so"),
        multiarch=triplet,
        platform=f"linux-{arch_name}",
        tags=(f"cp311-cp311-manylinux_2_36_{arch_name}", "py3-none-any"),
        installer="pip 23.0.1",
        libc="glibc 2.36",
        machine=arch_name,
        elf_machine=arch.elf_machine,
        elf_bits=arch.elf_bits,
        elf_little=arch.elf_little,
        page_size=4096,
        kernel="6.1",
        externally_managed=True,
    )
    return replace(plain, **fields)
