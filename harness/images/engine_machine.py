"""What an engine's machine runs: a program of each arch is started in a container there.

This works for an engine on another machine, whose kernel cannot be asked. The image holds that
program alone, is sent to the engine once, and is named by its content.
"""

import re
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path

from harness.core.arches import Arch
from harness.core.errors import EngineError, ImageError
from harness.host.cache import Cache, content_key
from harness.host.doctor.emulation import make_program
from harness.host.doctor.machine_program import read_output
from harness.host.engine import Completed, ContainerSpec, Engine
from harness.host.engine.api import MachineRun
from harness.images.image_archive import write_archive

SECONDS = 60.0
_PROGRAM = "machine"
_VERSION = re.compile(rb"qemu-\S+ version (\S+)")


def run_on_engine(engine: Engine, arch: Arch, cache: Cache) -> MachineRun:
    """Return what a program of ``arch`` reports in a container of the engine.

    Raises ``EngineError`` if the engine fails, and ``CacheError``.
    """
    image = _image(engine, arch, cache)
    # QEMU's user mode prints its version instead (`qemu-<arch> -h`); a processor ignores it.
    done = _run(engine, image, arch, (("QEMU_VERSION", "1"),))
    if version := _VERSION.match(done.output):
        return MachineRun(machine=arch.machines[0], emulator=version[1].decode("ascii", "replace"))
    run = read_output(arch, done.output)
    if done.status == 0 and run.machine in arch.machines:
        return run
    return MachineRun(error=done.errors.strip() or f"it reports the machine {run.machine!r}")


def _run(engine: Engine, image: str, arch: Arch, env: Sequence[tuple[str, str]]) -> Completed:
    spec = ContainerSpec(image=image, arch=arch, command=(f"/{_PROGRAM}",), env=tuple(env))
    try:
        return engine.run(spec, timeout=SECONDS)
    except ImageError as error:  # it cannot be started there
        return Completed(status=1, output=b"", errors=str(error).partition("\n")[0])
    except EngineError as error:
        if "exec format error" not in str(error):
            raise
        return Completed(status=1, output=b"", errors=str(error))


def _image(engine: Engine, arch: Arch, cache: Cache) -> str:
    """Return the id of the image with the program, which is loaded if the engine lacks it."""
    program = make_program(arch, cache)
    name = f"wheelgrid/machine-{arch.name}:{content_key(program.read_bytes().hex())}"
    found = engine.find_image(name)
    if found is None:
        with tempfile.TemporaryDirectory(prefix="machine-") as folder:
            layer, archive = Path(folder, "layer.tar"), Path(folder, "image.tar")
            with tarfile.open(layer, "w") as tar:
                member = tar.gettarinfo(program, _PROGRAM)
                member.mode, member.uid, member.gid, member.mtime = 0o755, 0, 0, 0
                with program.open("rb") as stream:
                    tar.addfile(member, stream)
            write_archive([layer], archive, reference=name, arch=arch, labels={})
            found = engine.load_image(archive, name)
    return found.id
