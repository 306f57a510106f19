"""An OCI runtime that runs a container's program under QEMU: its engine emulates its own arch.

Such an engine behaves as one on a machine of another arch would: what it runs is slow, and not
native. It runs no other arch. A program that the first one starts is native.
"""

import shutil
import sys
from pathlib import Path

from elftools.elf.enums import ENUM_E_MACHINE

from harness.core.arches import Arch

_SCRIPT = """\
#!{python}
import json, os, sys

words = sys.argv[1:]
if "create" in words:
    bundle = words[words.index("--bundle") + 1]
    with open(os.path.join(bundle, "config.json")) as stream:
        spec = json.load(stream)
    process, root = spec["process"], os.path.join(bundle, spec["root"]["path"])
    program, *others = process["args"]
    if "/" not in program:
        path = next(v.partition("=")[2] for v in process["env"] if v.startswith("PATH="))
        places = [os.path.join(folder, program) for folder in path.split(":")]
        program = next(p for p in places if os.path.lexists(root + p))
    process["args"] = ["/.emulator", program, *others]
    if not os.path.islink(root + program):
        with open(root + program, "rb") as stream:
            if stream.read(20)[18:] != bytes.fromhex("{machine}"):  # or QEMU would ignore it
                process["env"] = [v for v in process["env"] if "QEMU_VERSION" not in v]
    emulator = dict(destination="/.emulator", type="bind", source="{emulator}")
    spec["mounts"].append(emulator | dict(options=["bind", "ro"]))
    with open(os.path.join(bundle, "config.json"), "w") as stream:
        json.dump(spec, stream)
os.execv("{runtime}", ["runc", *words])
"""


def write_runtime(file: Path, arch: Arch) -> Path:
    """Write the runtime as an executable file, and return it."""
    emulator = shutil.which(f"qemu-{arch.qemu}-static")
    runtime = shutil.which("runc", path="/usr/sbin:/usr/bin")
    assert emulator, f"no qemu-{arch.qemu}-static: apt-get install qemu-user-static"
    assert runtime, "no runc on this machine"
    words = {"python": sys.executable, "emulator": emulator, "runtime": runtime}
    words["machine"] = ENUM_E_MACHINE[arch.elf_machine].to_bytes(2, "little").hex()
    file.write_text(_SCRIPT.format(**words))
    file.chmod(0o755)
    return file
