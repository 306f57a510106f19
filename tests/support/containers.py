"""Commands in hardened containers of the real engine."""

from harness.core.arches import find_arch
from harness.core.observations import ImageRef
from harness.host.engine import ContainerSpec, Engine


def run_in(engine: Engine, image: ImageRef, arch: str, *command: str) -> str:
    """Return the output of a command that succeeds."""
    spec = ContainerSpec(image=image.id, arch=find_arch(arch), command=command)
    done = engine.run(spec, timeout=60)
    assert done.status == 0, done.errors
    return done.output.decode()
