"""Digests as a real registry says them."""

from pathlib import Path

import pytest

from harness.cache import Cache
from harness.engine.distribution import newest_digest
from harness.engine.docker import DockerEngine
from harness.errors import ImageError
from harness.images import ImageStore
from harness.images.debian import native_arch
from harness.model import ImageWay
from tests.support.registry import loopback_registry
from tests.support.targets import debian_12, no_pip

pytestmark = pytest.mark.integration


def test_newest_digest(engine: DockerEngine, cache: Cache, tmp_path: Path) -> None:
    """It is that of the list of platforms, without pulling; what is not there is said so."""
    images = ImageStore(engine, cache, ways=(ImageWay.ASSEMBLED,), fetch_pip=no_pip, announce=print)
    arch = native_arch()
    with loopback_registry(tmp_path) as server:
        manifest = server.push(images.get(debian_12(arch.name)).id, arch, "hub/debian", arch.name)
        digest = server.put_list("hub/debian", "12", manifest)
        assert newest_digest(f"{server.host}/hub/debian:12") == digest
        assert engine.find_image(f"{server.host}/hub/debian:12") is None
        with pytest.raises(ImageError, match="hub/debian:13: its registry does not say"):
            newest_digest(f"{server.host}/hub/debian:13")
