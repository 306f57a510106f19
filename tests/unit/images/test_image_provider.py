"""The image provider: order of the ways, and fallbacks."""

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.core.arches import Arch, find_arch
from harness.core.causes import Cause
from harness.core.errors import ImageError
from harness.core.targets import ImageWay, RegistryWay
from harness.host.cache import Cache
from harness.host.engine import EngineImage
from harness.images import registry
from harness.images.debian import Workspace
from harness.images.debian_root import native_arch, write_recipe
from harness.images.image_provider import ImageProvider
from harness.images.source import is_for
from tests.support.image_engine import ImageEngine, StockedEngine
from tests.support.targets import debian_12, no_pip
from tests.support.workspace import a_package, pinned_workspace

UNREACHABLE = ImageError("no such host\nand more", cause=Cause.PULL)
PULLED = EngineImage(id="sha256:pulled", platform="linux/s390x")
WAY = RegistryWay(image="debian:12")


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "FIRST_PAUSE", 0.0)


def pinned(cache: Cache, announce: Callable[[str], None] = print) -> Workspace:
    """Return a workspace in which Debian 12 is pinned, so that no index is queried."""
    recipes = (
        write_recipe("bookworm", arch, ("libstdc++6", "python3", "python3-pip"))
        for arch in (native_arch(), find_arch("s390x"))
    )
    sets = {recipe.wanted: (a_package("python3", "3.11.2-1+b1"),) for recipe in recipes}
    return pinned_workspace(cache, sets, announce=announce)


def stocked(*pulls: EngineImage | ImageError) -> StockedEngine:
    """Return an engine with every assembled image for s390x."""
    own = EngineImage(id="sha256:own", platform="linux/s390x")
    return StockedEngine(own, *pulls, prefix="wheelgrid/bookworm-s390x:")


def test_registry_is_tried_first(cache: Cache) -> None:
    """Only the pull is announced."""
    said: list[str] = []
    provider = ImageProvider(stocked(PULLED), pinned(cache, said.append), fetch_pip=no_pip)
    assert provider.get(debian_12("s390x", registry=WAY)).way is ImageWay.REGISTRY
    assert said == ["pulling debian:12 for s390x"]


def test_fallback_is_announced_with_its_reason(cache: Cache) -> None:
    """One line has the target, the failed way, the reason and the next way."""
    said: list[str] = []
    provider = ImageProvider(stocked(UNREACHABLE), pinned(cache, said.append), fetch_pip=no_pip)
    ref = provider.get(debian_12("s390x", registry=WAY))
    assert (ref.way, ref.id) == (ImageWay.ASSEMBLED, "sha256:own")
    assert ref.origin.startswith("Debian bookworm ")
    assert said[-1] == (
        "debian-12/s390x: no image by the registry way (no such host); trying assembled"
    )


def test_fallback_does_not_repeat_the_error_of_another_image(cache: Cache) -> None:
    """After the first failure its message is known."""
    said: list[str] = []
    engine = stocked(UNREACHABLE, UNREACHABLE)
    provider = ImageProvider(engine, pinned(cache, said.append), fetch_pip=no_pip)
    for _ in range(2):
        provider.get(debian_12("s390x", registry=WAY))
    assert said[-1].endswith("is not tried for 120 s); trying assembled")


def test_missing_way_is_skipped(cache: Cache) -> None:
    """A target without a registry image gives no announcement."""
    said: list[str] = []
    engine = stocked(UNREACHABLE)
    provider = ImageProvider(engine, pinned(cache, said.append), fetch_pip=no_pip)
    assert provider.get(debian_12("s390x")).way is ImageWay.ASSEMBLED
    assert engine.asked == said == []


def test_requested_way_has_no_fallback(cache: Cache) -> None:
    """A failed registry is an error if only the registry is requested."""
    engine = stocked(UNREACHABLE)
    provider = ImageProvider(engine, pinned(cache), ways=(ImageWay.REGISTRY,), fetch_pip=no_pip)
    with pytest.raises(ImageError, match="no such host"):
        provider.get(debian_12("s390x", registry=WAY))
    assert len(engine.asked) == 4


def test_all_failures_are_reported(
    cache: Cache, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The cause is that of the last way."""
    monkeypatch.setenv("PATH", str(tmp_path))  # no mmdebstrap
    workspace = pinned_workspace(cache, {})
    provider = ImageProvider(ImageEngine(UNREACHABLE), workspace, fetch_pip=no_pip)
    with pytest.raises(
        ImageError, match=r"(?s)no way gives.*registry: no such.*assembled: no Debian mirror"
    ) as e:
        provider.get(debian_12("s390x", registry=WAY))
    assert e.value.cause == "infra:upstream"


@pytest.mark.parametrize(
    ("way", "words"),
    [
        (ImageWay.REPLICA, "no replica way in matrix/targets.yaml; it has: assembled"),
        (ImageWay.REGISTRY, "no registry way in matrix/targets.yaml; it has: assembled"),
    ],
)
def test_unavailable_way_is_an_error(cache: Cache, way: ImageWay, words: str) -> None:
    """The message lists the target's ways."""
    provider = ImageProvider(ImageEngine(PULLED), pinned(cache), ways=(way,), fetch_pip=no_pip)
    with pytest.raises(ImageError, match=words) as caught:
        provider.get(debian_12("s390x"))
    assert caught.value.cause == "infra:no-way"


def test_mirror_changes_the_pulled_name(cache: Cache) -> None:
    """The option ``--registry`` sets the mirror."""
    engine = ImageEngine(PULLED)
    provider = ImageProvider(engine, pinned(cache), registry="mirror.test/hub", fetch_pip=no_pip)
    provider.get(debian_12("s390x", registry=WAY))
    assert engine.asked == ["pull mirror.test/hub/debian:12 s390x"]


@pytest.mark.parametrize(
    ("platform", "arch", "fits"),
    [
        ("linux/arm64", "aarch64", True),
        ("linux/arm64/v8", "aarch64", True),
        ("linux/arm/v7", "armv7l", True),
        ("linux/arm/v6", "armv7l", False),
        ("linux/arm/v8", "armv7l", False),
        ("linux/amd64", "i686", False),
    ],
)
def test_platform_fits_one_arch(platform: str, arch: str, *, fits: bool) -> None:
    """Only arm64 has an optional variant."""
    found: Arch = find_arch(arch)
    assert is_for(EngineImage(id="", platform=platform), found) is fits


def test_has_checks_the_requested_ways(cache: Cache) -> None:
    """Nothing is pulled or assembled."""
    engine = stocked(UNREACHABLE)
    target = debian_12("s390x", registry=WAY)
    answers = [
        ImageProvider(engine, pinned(cache), ways=ways, fetch_pip=no_pip).has(target)
        for ways in (tuple(ImageWay), *((way,) for way in ImageWay))
    ]
    assert answers == [True, False, True, False]
    assert engine.asked == []
