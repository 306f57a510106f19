"""What this interpreter says of itself and of the system under it."""

import glob
import importlib.machinery
import os
import platform
import struct
import subprocess
import sys
import sysconfig


def read_passport():
    """Return the facts of a passport but for those of the installer."""
    config = sysconfig.get_config_var
    marker = os.path.join(sysconfig.get_path("stdlib"), "EXTERNALLY-MANAGED")
    return {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "soabi": config("SOABI") or "",
        "ext_suffix": config("EXT_SUFFIX") or "",
        "extension_suffixes": importlib.machinery.EXTENSION_SUFFIXES,
        "multiarch": config("MULTIARCH") or "",
        "platform": sysconfig.get_platform(),
        "libc": _libc(),
        "machine": os.uname().machine,
        "elf": elf_header(os.path.realpath(sys.executable)),
        "page_size": os.sysconf("SC_PAGE_SIZE"),
        "kernel": os.uname().release,
        "externally_managed": os.path.exists(marker),
    }


def _libc():
    try:
        return os.confstr("CS_GNU_LIBC_VERSION") or ""
    except (ValueError, OSError, AttributeError):
        return _musl()


def _musl():
    """Ask musl's loader, which tells its version when it is run without a program."""
    for loader in sorted(glob.glob("/lib/ld-musl-*.so.1")):
        process = subprocess.Popen([loader], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for line in process.communicate()[1].decode("utf-8", "replace").splitlines():
            if line.startswith("Version "):
                return "musl " + line[8:].strip()
    return ""


def elf_header(path):
    """Return class, byte order and e_machine of an ELF file (gABI, "ELF Header")."""
    with open(path, "rb") as stream:
        header = stream.read(20)
    little = header[5:6] == b"\x01"
    (machine,) = struct.unpack("<H" if little else ">H", header[18:20])
    return {"bits": 64 if header[4:5] == b"\x02" else 32, "little": little, "machine": machine}
