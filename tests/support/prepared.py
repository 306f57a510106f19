"""What prepare commands print."""

import os

from harness.core.observations import ImageRef
from harness.host.engine import PreparedImage
from harness.host.engine.docker import DockerEngine
from harness.images.debian_root import native_arch


def prepare(engine: DockerEngine, image: ImageRef, *commands: str) -> list[str]:
    """Run prepare commands in an image of this arch; return their output, and remove the image."""
    name = f"wheelgrid/prepared-by-a-test:{os.getpid()}"
    said: list[str] = []
    wanted = PreparedImage(
        reference=name, base=image.id, arch=native_arch(), commands=commands, labels={"a": "b"}
    )
    try:
        engine.prepare_image(wanted, said.append)
    finally:
        if engine.find_image(name):
            engine.remove_image(name)
    return said
