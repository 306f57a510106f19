"""The registry way: names at mirrors, retries, and registries that failed recently."""

import os
from pathlib import Path

import pytest

from harness.core.arches import find_arch
from harness.core.causes import Cause
from harness.core.errors import ImageError
from harness.core.targets import RegistryWay, Target
from harness.host.cache import Cache
from harness.host.engine import EngineImage
from harness.images import registry
from harness.images.registry import RegistrySource, mirrored, prepared_name, registry_host
from tests.support.image_engine import ImageEngine
from tests.support.targets import debian_12

DIGEST = "sha256:" + "ab" * 32
BASE = EngineImage(id="sha256:base", platform="linux/s390x", digests=(f"debian@{DIGEST}",))
PASSING = ImageError("connection refused", cause=Cause.PULL)
FINAL = ImageError("manifest unknown", cause=Cause.NOT_FOUND)


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "FIRST_PAUSE", 0.0)


def source(engine: ImageEngine, root: Path, *, tries: int = 3, mirror: str = "") -> RegistrySource:
    return RegistrySource(engine, Cache(root), mirror=mirror, tries=tries, announce=print)


def target(image: str = "debian:12", *prepare: str) -> Target:
    return debian_12("s390x", registry=RegistryWay(image=image, prepare=prepare))


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("debian:12", "mirror.test:5000/hub/debian:12"),
        (
            "other.test/pypa/manylinux_2_28_x86_64",
            "mirror.test:5000/hub/pypa/manylinux_2_28_x86_64",
        ),
        ("localhost/own:1", "mirror.test:5000/hub/own:1"),
        (f"debian:12@{DIGEST}", f"mirror.test:5000/hub/debian:12@{DIGEST}"),
    ],
)
def test_mirror_name_drops_the_host(image: str, expected: str) -> None:
    """A trailing slash of the prefix does not matter."""
    assert mirrored(image, "mirror.test:5000/hub") == expected
    assert mirrored(image, "mirror.test:5000/hub/") == expected
    assert mirrored(image, "") == image


def test_host_has_a_dot_a_colon_or_is_localhost() -> None:
    """The engine has the same rule."""
    images = ("debian:12", "pypa/x:1", "127.0.0.1:5000/debian:12", "localhost/x", "a.test/b/x")
    default = "the default registry"
    hosts = [default, default, "127.0.0.1:5000", "localhost", "a.test"]
    assert [registry_host(image) for image in images] == hosts


def test_prepared_name_depends_on_base_arch_and_commands() -> None:
    """The name stays readable."""
    s390x, armv7l = find_arch("s390x"), find_arch("armv7l")
    names = {
        prepared_name("127.0.0.1:5000/a/debian:12", "sha256:1", s390x, ("x",)),
        prepared_name("127.0.0.1:5000/a/debian:12", "sha256:2", s390x, ("x",)),
        prepared_name("127.0.0.1:5000/a/debian:12", "sha256:1", armv7l, ("x",)),
        prepared_name("127.0.0.1:5000/a/debian:12", "sha256:1", s390x, ("x", "y")),
    }
    assert len(names) == 4
    assert sum(name.startswith("wheelgrid/prepared-debian-s390x:") for name in names) == 3


def test_origin_has_the_digest(tmp_path: Path) -> None:
    """The digest records which image a tag named."""
    assert source(ImageEngine(BASE), tmp_path).get(target()).origin == f"debian:12@{DIGEST}"


def test_failed_pull_is_tried_again(tmp_path: Path) -> None:
    """The third try succeeds."""
    engine = ImageEngine(PASSING, PASSING, BASE)
    assert source(engine, tmp_path, tries=3).get(target()).id == BASE.id
    assert len(engine.asked) == 3


def test_missing_image_is_pulled_once(tmp_path: Path) -> None:
    """It does not mark the registry as failed."""
    engine = ImageEngine(FINAL, BASE)
    with pytest.raises(ImageError, match="manifest unknown") as caught:
        source(engine, tmp_path).get(target())
    assert caught.value.cause == "infra:not-found"
    assert source(engine, tmp_path).get(target()).id == BASE.id


def test_failed_registry_is_skipped_for_a_while(tmp_path: Path) -> None:
    """By all processes on the cache, and only that registry."""
    engine = ImageEngine(PASSING)
    for _ in range(2):
        with pytest.raises(ImageError, match="connection refused") as caught:
            source(engine, tmp_path, tries=2).get(target())
        assert caught.value.cause == "infra:pull"
        assert len(engine.asked) == 2
    engine = ImageEngine(BASE)
    assert source(engine, tmp_path, mirror="other.test/hub").get(target()).id == BASE.id


def test_failed_registry_is_tried_again_later(tmp_path: Path) -> None:
    """After some time the registry is used again."""
    with pytest.raises(ImageError):
        source(ImageEngine(PASSING), tmp_path, tries=1).get(target())
    (remembered,) = (tmp_path / "failed-registries").iterdir()
    long_ago = remembered.stat().st_mtime - registry.SKIPPED_SECONDS - 1
    os.utime(remembered, (long_ago, long_ago))
    assert source(ImageEngine(BASE), tmp_path).get(target()).id == BASE.id


def test_image_of_another_platform_is_refused(tmp_path: Path) -> None:
    """The image's config decides."""
    wrong = EngineImage(id="sha256:amd", platform="linux/amd64")
    with pytest.raises(ImageError, match=r"linux/amd64 instead of linux/s390x") as caught:
        source(ImageEngine(wrong), tmp_path).get(target())
    assert caught.value.cause == "infra:wrong-arch"


def test_image_is_prepared_once(tmp_path: Path) -> None:
    """Its name depends on base and commands."""
    engine = ImageEngine(BASE)
    first = source(engine, tmp_path).get(target("debian:12", "apt-get update"))
    second = source(engine, tmp_path).get(target("debian:12", "apt-get update"))
    assert first == second
    assert first.id == "sha256:base+prepared"
    assert sum(asked.startswith("prepare") for asked in engine.asked) == 1


def test_pinned_image_in_the_engine_is_not_pulled(tmp_path: Path) -> None:
    """Its platform is checked all the same."""
    image = f"debian@{DIGEST}"
    engine = ImageEngine(FINAL)
    engine.images[image] = BASE
    assert source(engine, tmp_path).get(target(image)).origin == image
    engine.images[image] = EngineImage(id="sha256:amd", platform="linux/amd64")
    with pytest.raises(ImageError, match="manifest unknown"):
        source(engine, tmp_path).get(target(image))
