"""The table of architectures. It maps the wheel spelling to the names that other tools use.

The harness itself uses the wheel spelling (``ppc64le``). The OCI, Debian, compiler and QEMU
names and the ELF properties of an architecture are columns of this table and nowhere else.
"""

import difflib
import re
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Arch:
    """One architecture under all its names."""

    name: str
    """As in a platform tag: ``x86_64``, ``ppc64le``."""
    oci: str
    """Architecture of an image's config (OCI image spec, Go's GOARCH)."""
    oci_variant: str = ""
    """CPU variant of an image's config; empty where the spec has none."""
    debian: str
    """As in a Debian package's file name."""
    gnu_triplet: str
    """CPython's PLATFORM_TRIPLET on glibc; Debian's multiarch directory has the same name."""
    musl_triplet: str
    """CPython's PLATFORM_TRIPLET on musl from 3.11.0a5 on (bpo-43112)."""
    alpine: str
    """Alpine's name (``CARCH``), which its C library's soname holds; see ``musl_soname``."""
    zig: str
    """CPU and OS part of a zig target."""
    zig_abi: str = ""
    """What zig appends to ``gnu`` or ``musl`` (hard float)."""
    qemu: str
    """The emulator's name: ``qemu-<qemu>`` is the binfmt_misc handler."""
    elf_machine: str
    """e_machine of its ELF files, as pyelftools spells it."""
    elf_bits: int
    """ELF class."""
    elf_little: bool = True
    """ELF byte order."""
    machines: tuple[str, ...]
    """Possible outputs of ``uname -m`` in a container of this arch. A 32-bit container on a
    64-bit kernel reports the kernel's."""
    qemu_env: tuple[tuple[str, str], ...] = ()
    """Environment variables for the emulator, set in every container of this arch."""
    aliases: tuple[str, ...] = ()
    """Other spellings accepted on input."""

    @property
    def platform(self) -> str:
        """The OCI platform: ``linux/arm/v7``."""
        return "/".join(part for part in ("linux", self.oci, self.oci_variant) if part)

    @property
    def musl_soname(self) -> str:
        """Soname of Alpine's C library: ``libc.musl-armv7.so.1``."""
        return f"libc.musl-{self.alpine}.so.1"


ARCHES: tuple[Arch, ...] = (
    Arch(
        name="x86_64",
        oci="amd64",
        debian="amd64",
        gnu_triplet="x86_64-linux-gnu",
        musl_triplet="x86_64-linux-musl",
        alpine="x86_64",
        zig="x86_64-linux",
        qemu="x86_64",
        elf_machine="EM_X86_64",
        elf_bits=64,
        machines=("x86_64",),
        aliases=("amd64", "x86-64", "x64"),
    ),
    Arch(
        name="i686",
        oci="386",
        debian="i386",
        gnu_triplet="i386-linux-gnu",
        musl_triplet="i386-linux-musl",
        alpine="x86",
        zig="x86-linux",
        qemu="i386",
        elf_machine="EM_386",
        elf_bits=32,
        machines=("i686", "i586", "i386", "x86_64"),
        aliases=("i386", "386", "x86", "i586"),
    ),
    Arch(
        name="aarch64",
        oci="arm64",
        debian="arm64",
        gnu_triplet="aarch64-linux-gnu",
        musl_triplet="aarch64-linux-musl",
        alpine="aarch64",
        zig="aarch64-linux",
        qemu="aarch64",
        elf_machine="EM_AARCH64",
        elf_bits=64,
        machines=("aarch64",),
        # The baseline (Armv8.0-A) that every aarch64 wheel must run on. QEMU's default CPU
        # authenticates pointers, which makes it six times slower on distributions that sign
        # return addresses.
        qemu_env=(("QEMU_CPU", "cortex-a72"),),
        aliases=("arm64",),
    ),
    Arch(
        name="armv7l",
        oci="arm",
        oci_variant="v7",
        debian="armhf",
        gnu_triplet="arm-linux-gnueabihf",
        musl_triplet="arm-linux-musleabihf",
        alpine="armv7",
        zig="arm-linux",
        zig_abi="eabihf",
        qemu="arm",
        elf_machine="EM_ARM",
        elf_bits=32,
        machines=("armv7l", "armv8l"),
        aliases=("armv7", "armhf", "arm", "armv7hl"),
    ),
    Arch(
        name="ppc64le",
        oci="ppc64le",
        debian="ppc64el",
        gnu_triplet="powerpc64le-linux-gnu",
        musl_triplet="powerpc64le-linux-musl",
        alpine="ppc64le",
        zig="powerpc64le-linux",
        qemu="ppc64le",
        elf_machine="EM_PPC64",
        elf_bits=64,
        machines=("ppc64le",),
        aliases=("ppc64el", "powerpc64le"),
    ),
    Arch(
        name="s390x",
        oci="s390x",
        debian="s390x",
        gnu_triplet="s390x-linux-gnu",
        musl_triplet="s390x-linux-musl",
        alpine="s390x",
        zig="s390x-linux",
        qemu="s390x",
        elf_machine="EM_S390",
        elf_bits=64,
        elf_little=False,
        machines=("s390x",),
    ),
    Arch(
        name="riscv64",
        oci="riscv64",
        debian="riscv64",
        gnu_triplet="riscv64-linux-gnu",
        musl_triplet="riscv64-linux-musl",
        alpine="riscv64",
        zig="riscv64-linux",
        qemu="riscv64",
        elf_machine="EM_RISCV",
        elf_bits=64,
        machines=("riscv64",),
    ),
)

_BY_SPELLING = {spelling: arch for arch in ARCHES for spelling in (arch.name, *arch.aliases)}


_LINUX = re.compile(r"(?:linux|manylinux(?:1|2010|2014|_\d+_\d+)|musllinux_\d+_\d+)_(?P<arch>\w+)")


def linux_arch(platform: str) -> str:
    """Return the arch in a platform tag (PEP 600, PEP 656), empty for a tag that is not Linux's.

    The arch is returned as spelled, whether or not the table has it.
    """
    found = _LINUX.fullmatch(platform)
    return found["arch"] if found else ""


def find_arch(spelling: str) -> Arch:
    """Return the arch of that name or alias, ignoring case.

    Raises ``KeyError`` with a message that suggests the nearest known spelling.
    """
    try:
        return _BY_SPELLING[spelling.lower()]
    except KeyError:
        near = difflib.get_close_matches(spelling.lower(), _BY_SPELLING, n=1)
        hint = (
            f"did you mean {near[0]!r}?" if near else f"known: {' '.join(a.name for a in ARCHES)}"
        )
        raise KeyError(f"unknown arch {spelling!r}; {hint}") from None
