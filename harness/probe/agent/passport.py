"""Read the facts of a passport, and what of the hardening this process sees."""

import errno
import glob
import importlib.machinery
import os
import platform
import socket
import struct
import subprocess
import sys
import sysconfig

from .container import continue_untraced, text_at


def read_passport():
    """Return the facts of a passport, without those of the installer."""
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
        "hwcap": _auxiliary.get(_AT_HWCAP, 0),
        "hwcap2": _auxiliary.get(_AT_HWCAP2, 0),
        "hw_platform": text_at(_auxiliary.get(_AT_PLATFORM, 0)),
        "kernel": os.uname().release,
        "externally_managed": os.path.exists(marker),
        "lacks": _lacks(),
        "enforced": _enforced(),
    }


_OF_INSTALLERS = ("_distutils_hack", "pip", "pkg_resources", "setuptools", "wheel")


def _lacks():
    """Return the modules of Python (since 3.10) and of installers that are not on the path."""
    present = set(sys.builtin_module_names).union(sys.modules)
    for folder in sys.path:
        try:
            present.update(name.partition(".")[0] for name in os.listdir(folder))
        except OSError:
            pass
    if "_distutils_hack" in present:
        present.add("distutils")  # setuptools has it, too
    return sorted(set(getattr(sys, "stdlib_module_names", ())).union(_OF_INSTALLERS) - present)


_STATUS = ("Uid", "Gid", "CapEff", "CapPrm", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp")
_MOUNTS = ("/", "/tmp", "/dev/shm")
_CGROUP = {  # limit → where version 2 has it, and version 1
    "memory": ("memory.max", "memory/memory.limit_in_bytes"),
    "swap": ("memory.swap.max", "memory/memory.memsw.limit_in_bytes"),
    "pids": ("pids.max", "pids/pids.max"),
    "cpu": ("cpu.max", "cpu/cpu.cfs_quota_us"),
}


def _enforced():
    """Return what this process sees of its container's limits (proc(5), cgroups(7))."""
    status = dict(line.split(":", 1) for line in _lines("/proc/self/status") if ":" in line)
    mounts = {}
    for line in _lines("/proc/self/mountinfo"):
        words = line.split()
        if words[4] in _MOUNTS:
            kind = words[words.index("-") + 1]
            own = words[-1] if kind == "tmpfs" else ""  # an overlay's are long
            mounts[words[4]] = " ".join((kind, words[5], own))
    core = [line.split()[4] for line in _lines("/proc/self/limits") if line.startswith("Max core")]
    return {
        "status": {name: " ".join(status.get(name, "").split()) for name in _STATUS},
        "mounts": mounts,
        "interfaces": _interfaces(),
        "files": {name: _first_line(places) for name, places in _CGROUP.items()},
        "core": core[0] if core else "",
        "errors": {name: _error_of(deed) for name, deed in _DEEDS.items()},
    }


_AT_PLATFORM, _AT_HWCAP, _AT_HWCAP2 = 15, 16, 26


def _read_auxiliary():
    """Return the entries of the auxiliary vector (getauxval(3)): what is said of the CPU."""
    kind = "L" if struct.calcsize("L") == struct.calcsize("P") else "Q"
    try:
        with open("/proc/self/auxv", "rb") as stream:
            return dict(struct.iter_unpack("@2" + kind, stream.read()))
    except (OSError, struct.error):
        return {}


_auxiliary = _read_auxiliary()  # now: a sealed process cannot open it


def _interfaces():
    """Return the interfaces with a route: kernels with tunnels built in show them everywhere."""
    routes = [line.split()[0] for line in _lines("/proc/net/route")[1:]]
    return sorted(set(routes + [line.split()[-1] for line in _lines("/proc/net/ipv6_route")]))


def _error_of(deed):
    """Return the name of an operation's error (errno(3)); empty if it works."""
    try:
        deed()
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error.errno))
    except AttributeError:
        return "ENOSYS"  # this interpreter cannot do it
    return ""


def _connect():
    """Connect a datagram socket, which sends nothing; the address is for documentation."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unconnected:
        unconnected.connect(("192.0.2.1", 9))


_DEEDS = {  # none has an effect where it is allowed
    "connect": _connect,
    "write": lambda: os.rmdir("/wheelgrid-nothing"),  # EROFS comes before ENOENT
    "ptrace": continue_untraced,
    # The harness's seccomp profile denies it since it names a process.
    "schedule": lambda: os.sched_setaffinity(os.getpid(), os.sched_getaffinity(0)),
}


def _first_line(places):
    for place in places:
        lines = _lines("/sys/fs/cgroup/" + place)
        if lines:
            return lines[0]
    return ""


def _lines(path):
    try:
        with open(path) as stream:
            return stream.read().splitlines()
    except OSError:
        return []


def _libc():
    try:
        return os.confstr("CS_GNU_LIBC_VERSION") or ""
    except (ValueError, OSError, AttributeError):
        return _musl()


def _musl():
    """Return musl's version, which its loader prints when it is run without a program."""
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
