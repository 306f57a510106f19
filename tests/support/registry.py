"""A registry on loopback (Debian's ``docker-registry``) whose contents a test can break."""

import contextlib
import json
import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import pytest
import requests

from harness.core.arches import Arch
from tests.support.commands import wait_until

_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
_START_SECONDS = 20

_CONFIG = """\
version: 0.1
log: {{level: error, accesslog: {{disabled: true}}}}
storage: {{filesystem: {{rootdirectory: {storage}}}, delete: {{enabled: true}}}}
http: {{addr: "127.0.0.1:{port}"}}
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Manifest:
    """A single-platform image in the registry."""

    digest: str
    size: int
    arch: Arch


class LoopbackRegistry:
    """A running registry; ``host`` is what image names begin with."""

    def __init__(self, process: "subprocess.Popen[bytes]", port: int) -> None:
        self._process = process
        self.host = f"127.0.0.1:{port}"
        self._client = docker.from_env()

    def push(self, image_id: str, arch: Arch, name: str, tag: str) -> Manifest:
        """Push an image of the engine as ``name:tag``."""
        repository = f"{self.host}/{name}"
        self._client.api.tag(image_id, repository, tag)
        try:
            events = self._client.api.push(repository, tag, stream=True, decode=True)
            (pushed,) = [event["aux"] for event in events if "Digest" in event.get("aux", {})]
        finally:
            self._client.api.remove_image(f"{repository}:{tag}")
        return Manifest(digest=pushed["Digest"], size=pushed["Size"], arch=arch)

    def put_list(self, name: str, tag: str, *manifests: Manifest) -> str:
        """Let ``name:tag`` be a multi-platform image; return its digest."""
        body = json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": _LIST,
                "manifests": [_entry(manifest) for manifest in manifests],
            }
        )
        url = f"http://{self.host}/v2/{name}/manifests/{tag}"
        answer = requests.put(url, data=body, headers={"Content-Type": _LIST}, timeout=10)
        answer.raise_for_status()
        return answer.headers["Docker-Content-Digest"]

    def delete(self, name: str, digest: str) -> None:
        """Let an image vanish, with every tag on it."""
        url = f"http://{self.host}/v2/{name}/manifests/{digest}"
        requests.delete(url, timeout=10).raise_for_status()

    def stop(self) -> None:
        """End the server; idempotent."""
        self._process.terminate()
        self._process.wait()
        self._client.close()


def _entry(manifest: Manifest) -> dict[str, Any]:
    os_name, architecture, *variant = manifest.arch.platform.split("/")
    platform = {"os": os_name, "architecture": architecture}
    if variant:
        platform["variant"] = variant[0]
    return {
        "mediaType": _MANIFEST,
        "digest": manifest.digest,
        "size": manifest.size,
        "platform": platform,
    }


@contextlib.contextmanager
def loopback_registry(directory: Path) -> Iterator[LoopbackRegistry]:
    """Run a registry with its storage below ``directory``; skip if the program is missing."""
    program = shutil.which("docker-registry")
    if program is None:
        pytest.skip("no docker-registry on this machine: apt-get install docker-registry")
    port = _free_port()
    config = directory / "registry.yml"
    config.write_text(_CONFIG.format(storage=directory / "storage", port=port))
    with (directory / "registry.log").open("wb") as log:
        process = subprocess.Popen(
            [program, "serve", str(config)], stdout=log, stderr=subprocess.STDOUT
        )
    registry = LoopbackRegistry(process, port)
    try:
        wait_until(lambda: _answers(registry), seconds=_START_SECONDS)
        yield registry
    finally:
        registry.stop()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def _answers(registry: LoopbackRegistry) -> bool:
    try:
        return requests.get(f"http://{registry.host}/v2/", timeout=1).ok
    except requests.ConnectionError:
        return False
