"""Commands in hardened containers of the real engine."""

import subprocess

from harness.core.arches import find_arch
from harness.core.observations import ImageRef
from harness.host.engine import ContainerSpec, Engine
from harness.host.engine.owner import OWNER_LABEL, is_orphan


def run_in(engine: Engine, image: ImageRef, arch: str, *command: str) -> str:
    """Return the output of a command that succeeds."""
    spec = ContainerSpec(image=image.id, arch=find_arch(arch), command=command)
    done = engine.run(spec, timeout=60)
    assert done.status == 0, done.errors
    return done.output.decode()


def orphans() -> list[str]:
    """Return the owners of containers that no process owns any more."""
    form = '{{.Label "' + OWNER_LABEL + '"}}'
    command = ["docker", "ps", "-a", "--format", form, "--filter", f"label={OWNER_LABEL}"]
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [owner for owner in listed.splitlines() if is_orphan(owner, running=True)]
