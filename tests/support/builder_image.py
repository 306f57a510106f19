"""A stand-in for a builder image: Debian with a compiler and the layout of PyPA's images."""

import io
import tarfile
from importlib import metadata
from pathlib import Path

import docker

from harness.core.arches import Arch
from harness.core.targets import AssembledWay
from harness.host.cache import Cache
from harness.host.engine.docker import DockerEngine
from tests.support.targets import make_target
from tests.support.workspace import assembled_images

PROMISE = "2.39"
"""A release that works with Debian 13's patchelf."""

_PACKAGES = (
    *("base-files", "base-passwd", "dash", "coreutils", "libc-bin", "tar", "sed", "grep"),
    *("python3", "python3-dev", "python3-pip", "gcc", "libc6-dev", "patchelf"),
)
_AUDITWHEEL = """\
#!/usr/bin/python3
import sys
sys.path.insert(0, "/opt/auditwheel")
from auditwheel.main import main
sys.exit(main())
"""


def make_builder_image(engine: DockerEngine, cache: Cache, arch: Arch) -> str:
    """Return the id of the stand-in for ``arch``, with this machine's auditwheel."""
    way = AssembledWay(suite="trixie", packages=_PACKAGES)
    target = make_target(f"builder/{arch.name}", python="3.13", assembled=way)
    provider = assembled_images(engine, cache)
    client = docker.from_env()
    container = client.api.create_container(
        provider.get(target).id, command=["true"], platform=arch.platform
    )["Id"]
    try:
        client.api.put_archive(container, "/", _layout())
        made: str = client.api.commit(container)["Id"]
    finally:
        client.api.remove_container(container, force=True)
        client.close()
    return made


def _layout() -> bytes:
    """Return a tar file of ``/opt/python/cp313-cp313`` and auditwheel."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        link = tarfile.TarInfo("opt/python/cp313-cp313/bin/python")
        link.type, link.linkname = tarfile.SYMTYPE, "/usr/bin/python3"
        tar.addfile(link)
        _add(tar, "usr/local/bin/auditwheel", _AUDITWHEEL.encode(), mode=0o755)
        for name in ("auditwheel", "pyelftools", "packaging"):
            for file in metadata.files(name) or ():
                path = Path(str(file.locate()))
                if ".." not in file.parts and path.is_file():
                    _add(tar, f"opt/auditwheel/{file}", path.read_bytes())
    return made.getvalue()


def _add(tar: tarfile.TarFile, name: str, data: bytes, mode: int = 0o644) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(data), mode
    tar.addfile(member, io.BytesIO(data))
