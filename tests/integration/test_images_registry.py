"""Images from a real registry: found, moved, missing, or for another arch."""

from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from harness.app.workspace import open_workspace
from harness.core.arches import Arch, find_arch
from harness.core.errors import ImageError
from harness.core.observations import ImageRef
from harness.core.targets import ImageWay, RegistryWay
from harness.host.cache import Cache
from harness.host.engine.docker import DockerEngine
from harness.images import registry
from harness.images.debian_root import native_arch
from harness.images.image_provider import ImageProvider
from tests.support.commands import ROOT
from tests.support.containers import run_in
from tests.support.registry import LoopbackRegistry, Manifest, loopback_registry
from tests.support.targets import debian_12, no_pip
from tests.support.workspace import assembled_images, make_workspace

pytestmark = pytest.mark.integration

NATIVE, FOREIGN = native_arch(), find_arch("s390x")


@pytest.fixture(scope="module")
def pushed(
    engine: DockerEngine, cache: Cache, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[LoopbackRegistry, list[Manifest]]]:
    """Run a registry with two assembled images, ``hub/debian:<arch>`` each."""
    assembled = assembled_images(engine, cache)
    with loopback_registry(tmp_path_factory.mktemp("registry")) as server:
        manifests = [
            server.push(assembled.get(debian_12(arch.name)).id, arch, "hub/debian", arch.name)
            for arch in (NATIVE, FOREIGN)
        ]
        yield server, manifests
        _forget(server.host)


@pytest.fixture
def server(pushed: tuple[LoopbackRegistry, list[Manifest]]) -> LoopbackRegistry:
    """Return the registry, with ``hub/debian:12`` for both architectures."""
    server, manifests = pushed
    server.put_list("hub/debian", "12", *manifests)
    return server


@pytest.fixture
def cache_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cache:
    """Return an empty cache that records no silent registry; retries are quick."""
    monkeypatch.setattr(registry, "FIRST_PAUSE", 0.05)
    return Cache(tmp_path)


def _forget(host: str) -> None:
    """Remove the pulled and prepared images by name; keep the assembled ones."""
    client = docker.from_env()
    for image in client.images.list():
        for tag in image.tags:
            if tag.startswith((f"{host}/", "wheelgrid/prepared-debian-")):
                client.images.remove(tag)
    client.close()


class Registry:
    """Pulls through a mirror, as with ``--registry``."""

    def __init__(self, engine: DockerEngine, cache: Cache, host: str) -> None:
        self.said: list[str] = []
        self._store = ImageProvider(
            engine,
            open_workspace(ROOT / "matrix", self.said.append, cache),
            ways=(ImageWay.REGISTRY,),
            registry=f"{host}/hub",
            fetch_pip=no_pip,
        )

    def get(self, arch: Arch, *prepare: str, image: str = "debian:12") -> ImageRef:
        way = RegistryWay(image=image, prepare=prepare)
        return self._store.get(debian_12(arch.name, registry=way, assembled=False))


@pytest.fixture
def way(engine: DockerEngine, cache_of_its_own: Cache, server: LoopbackRegistry) -> Registry:
    return Registry(engine, cache_of_its_own, server.host)


def cause_of(way: Registry, arch: Arch, *prepare: str, image: str) -> str:
    with pytest.raises(ImageError) as caught:
        way.get(arch, *prepare, image=image)
    return caught.value.cause


def test_a_tag_gives_the_image_of_the_platform(engine: DockerEngine, way: Registry) -> None:
    """One tag gives the right image for two platforms in turn."""
    for arch in (NATIVE, FOREIGN, NATIVE):
        ref = way.get(arch)
        assert run_in(engine, ref, arch.name, "uname", "-m").strip() in arch.machines
        assert "/hub/debian:12@sha256:" in ref.origin


def test_an_image_is_pulled_by_digest(
    way: Registry, pushed: tuple[LoopbackRegistry, list[Manifest]]
) -> None:
    """The origin is the requested digest."""
    _, (_, foreign) = pushed
    assert way.get(FOREIGN, image=f"debian@{foreign.digest}").origin.endswith(foreign.digest)


def test_a_tag_that_moved_is_followed(
    way: Registry, server: LoopbackRegistry, pushed: tuple[LoopbackRegistry, list[Manifest]]
) -> None:
    """Each result has the digest of the tag at its time."""
    _, (native, foreign) = pushed
    before = way.get(FOREIGN)
    moved = server.put_list("hub/debian", "12", foreign)
    after = way.get(FOREIGN)
    assert moved in after.origin
    assert moved not in before.origin
    assert native.digest not in after.origin


def test_a_missing_tag_is_not_found(way: Registry) -> None:
    """A missing tag is requested once."""
    assert cause_of(way, NATIVE, image="debian:vanished") == "infra:not-found"
    assert len(way.said) == 1


def test_a_removed_tag_is_not_found(
    way: Registry, server: LoopbackRegistry, pushed: tuple[LoopbackRegistry, list[Manifest]]
) -> None:
    """An image that the engine still has does not replace a removed tag."""
    _, (_, foreign) = pushed
    digest = server.put_list("hub/debian", "passing", foreign)
    way.get(FOREIGN, image="debian:passing")
    server.delete("hub/debian", digest)
    assert cause_of(way, FOREIGN, image="debian:passing") == "infra:not-found"


def test_an_image_without_the_platform_is_not_found(
    way: Registry, server: LoopbackRegistry, pushed: tuple[LoopbackRegistry, list[Manifest]]
) -> None:
    """A manifest list without the platform has no image for it."""
    _, (native, _) = pushed
    server.put_list("hub/debian", "native-only", native)
    assert cause_of(way, FOREIGN, image="debian:native-only") == "infra:not-found"


def test_an_image_of_another_architecture_is_not_used(way: Registry) -> None:
    """A tag with one wrong platform differs from a missing tag."""
    assert cause_of(way, FOREIGN, image=f"debian:{NATIVE.name}") == "infra:wrong-arch"


def test_a_wrong_manifest_list_is_refused(
    way: Registry, server: LoopbackRegistry, pushed: tuple[LoopbackRegistry, list[Manifest]]
) -> None:
    """The manifest list names s390x, but the image's config names another arch."""
    _, (native, _) = pushed
    lie = Manifest(digest=native.digest, size=native.size, arch=FOREIGN)
    server.put_list("hub/debian", "lie", lie)
    assert cause_of(way, FOREIGN, image="debian:lie") == "infra:wrong-arch"


@pytest.mark.parametrize("arch", [NATIVE, FOREIGN], ids=lambda arch: str(arch.name))
def test_prepare_commands_run_once(engine: DockerEngine, way: Registry, arch: Arch) -> None:
    """The image has the commands' files, and a second request runs nothing."""
    ref = way.get(arch, "touch /prepared", "id -un > /prepared")
    assert run_in(engine, ref, arch.name, "cat", "/prepared").strip() == "root"
    assert any(line.startswith("preparing") for line in way.said)
    way.said.clear()
    assert way.get(arch, "touch /prepared", "id -un > /prepared") == ref
    assert not any(line.startswith("preparing") for line in way.said)


def test_a_failed_prepare_command_has_its_cause(engine: DockerEngine, way: Registry) -> None:
    """The message has the command's output, and the next request runs it again."""
    with pytest.raises(ImageError, match="no such luck") as caught:
        way.get(NATIVE, "echo no such luck; exit 7")
    assert caught.value.cause == "infra:prepare"
    assert cause_of(way, NATIVE, "echo no such luck; exit 7", image="debian:12") == "infra:prepare"
    assert engine.find_image("wheelgrid/prepared-debian-x86_64") is None


def test_another_way_is_tried_after_a_failed_prepare_command(
    engine: DockerEngine, cache: Cache, server: LoopbackRegistry
) -> None:
    """The image was pulled, and its packages could not be installed."""
    said: list[str] = []
    images = ImageProvider(
        engine,
        make_workspace(cache, said.append),
        ways=(ImageWay.REGISTRY, ImageWay.ASSEMBLED),
        registry=f"{server.host}/hub",
        fetch_pip=no_pip,
    )
    way = RegistryWay(image="debian:12", prepare=("echo no such package; exit 7",))
    ref = images.get(debian_12(NATIVE.name, registry=way))
    assert ref.way is ImageWay.ASSEMBLED
    assert run_in(engine, ref, NATIVE.name, "uname", "-m").strip() in NATIVE.machines
    (fallback,) = (line for line in said if "trying assembled" in line)
    assert "no image by the registry way (prepare: a command ended with status 7" in fallback


def test_a_stopped_registry_is_a_failed_pull(
    engine: DockerEngine, cache_of_its_own: Cache, tmp_path: Path
) -> None:
    """The pull fails after its retries; the next image fails without them."""
    with loopback_registry(tmp_path) as server:
        host = server.host
    way = Registry(engine, cache_of_its_own, host)
    assert cause_of(way, NATIVE, image="debian:12") == "infra:pull"
    assert len(way.said) == 4
    way.said.clear()
    assert cause_of(way, FOREIGN, image="debian:13") == "infra:pull"
    assert way.said == []
