"""A sample passport whose fields a test can change."""

from dataclasses import replace
from typing import Any

from harness.core.passport import Passport

_PLAIN = Passport(
    python="3.11.2",
    implementation="cpython",
    soabi="cpython-311-s390x-linux-gnu",
    ext_suffix=".cpython-311-s390x-linux-gnu.so",
    extension_suffixes=(".cpython-311-s390x-linux-gnu.so", ".abi3.so", ".so"),
    multiarch="s390x-linux-gnu",
    platform="linux-s390x",
    tags=("cp311-cp311-manylinux_2_36_s390x", "py3-none-any"),
    installer="pip 23.0.1",
    libc="glibc 2.36",
    machine="s390x",
    elf_machine="EM_S390",
    elf_bits=64,
    elf_little=False,
    page_size=4096,
    kernel="6.1",
    externally_managed=True,
)


def make_passport(**fields: Any) -> Passport:  # noqa: ANN401 - any field of a passport
    """Return Debian 12's passport on s390x with these fields replaced."""
    return replace(_PLAIN, **fields)
