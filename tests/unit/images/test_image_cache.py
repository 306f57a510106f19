"""Which way an image comes by: the one asked for, or the first that works, said aloud."""

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.core.arches import Arch, find_arch
from harness.core.causes import Cause
from harness.core.errors import ImageError
from harness.core.targets import ImageWay, RegistryWay
from harness.host.cache import Cache
from harness.host.engine import EngineImage
from harness.images import ImageStore, registry
from harness.images.debian import Workspace
from harness.images.debian_root import native_arch, write_recipe
from harness.images.source import is_for
from tests.support.image_engine import ImageEngine
from tests.support.targets import debian_12, no_pip
from tests.support.workspace import a_package, pinned_workspace

UNREACHABLE = ImageError("no such host\nand more", cause=Cause.PULL)
PULLED = EngineImage(id="sha256:pulled", platform="linux/s390x")
WAY = RegistryWay(image="debian:12")


class WithEveryAssembledImage(ImageEngine):
    """Has any image that could have been assembled, for s390x."""

    def find_image(self, reference: str) -> EngineImage | None:
        is_own = reference.startswith("wheelgrid/bookworm-s390x:")
        return EngineImage(id="sha256:own", platform="linux/s390x") if is_own else None


class Said(list[str]):
    """What was announced."""


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "FIRST_PAUSE", 0.0)


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path)


def pinned(cache: Cache, announce: Callable[[str], None] = print) -> Workspace:
    """Return a workspace in which Debian 12 is pinned, so that nobody asks an index."""
    recipes = (
        write_recipe("bookworm", arch, ("libstdc++6", "python3", "python3-pip"))
        for arch in (native_arch(), find_arch("s390x"))
    )
    sets = {recipe.wanted: (a_package("python3", "3.11.2-1+b1"),) for recipe in recipes}
    return pinned_workspace(cache, sets, announce=announce)


def test_auto_takes_the_registry_first(cache: Cache) -> None:
    """The real image is the best one, and nothing needs saying but the pull."""
    said = Said()
    store = ImageStore(
        WithEveryAssembledImage(PULLED), pinned(cache, said.append), fetch_pip=no_pip
    )
    assert store.get(debian_12("s390x", registry=WAY)).way is ImageWay.REGISTRY
    assert said == ["pulling debian:12 for s390x"]


def test_auto_falls_back_and_says_why(cache: Cache) -> None:
    """One line: the target, the way that failed, the reason, the way tried next."""
    said = Said()
    store = ImageStore(
        WithEveryAssembledImage(UNREACHABLE),
        pinned(cache, said.append),
        fetch_pip=no_pip,
    )
    ref = store.get(debian_12("s390x", registry=WAY))
    assert (ref.way, ref.id) == (ImageWay.ASSEMBLED, "sha256:own")
    assert ref.origin.startswith("Debian bookworm ")
    assert said[-1] == (
        "debian-12/s390x: no image by the registry way (no such host); trying assembled"
    )


def test_auto_skips_a_way_that_is_absent(cache: Cache) -> None:
    """A target without a registry image is not a failure of the registry."""
    said = Said()
    engine = WithEveryAssembledImage(UNREACHABLE)
    store = ImageStore(engine, pinned(cache, said.append), fetch_pip=no_pip)
    assert store.get(debian_12("s390x")).way is ImageWay.ASSEMBLED
    assert (engine.asked, said) == ([], Said())


def test_the_way_asked_for_is_the_only_one(cache: Cache) -> None:
    """Who asks for the registry does not get another image in silence."""
    engine = WithEveryAssembledImage(UNREACHABLE)
    store = ImageStore(engine, pinned(cache), ways=(ImageWay.REGISTRY,), fetch_pip=no_pip)
    with pytest.raises(ImageError, match="no such host"):
        store.get(debian_12("s390x", registry=WAY))
    assert len(engine.asked) == 4


def test_every_failure_is_told_when_none_works(
    cache: Cache, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """All ways with their reasons; the last one's cause is the cells'."""
    monkeypatch.setenv("PATH", str(tmp_path))  # no mmdebstrap
    workspace = pinned_workspace(cache, {})
    store = ImageStore(ImageEngine(UNREACHABLE), workspace, fetch_pip=no_pip)
    with pytest.raises(
        ImageError, match=r"(?s)no way gives.*registry: no such.*assembled: no Debian mirror"
    ) as e:
        store.get(debian_12("s390x", registry=WAY))
    assert e.value.cause == "infra:upstream"


@pytest.mark.parametrize(
    ("way", "words"),
    [
        (ImageWay.REPLICA, "no replica way in matrix/targets.yaml; it has: assembled"),
        (ImageWay.REGISTRY, "no registry way in matrix/targets.yaml; it has: assembled"),
    ],
)
def test_a_way_that_the_target_lacks_is_named(cache: Cache, way: ImageWay, words: str) -> None:
    """The message says which ways there are."""
    store = ImageStore(ImageEngine(PULLED), pinned(cache), ways=(way,), fetch_pip=no_pip)
    with pytest.raises(ImageError, match=words) as caught:
        store.get(debian_12("s390x"))
    assert caught.value.cause == "infra:no-way"


def test_the_mirror_reaches_the_registry_way(cache: Cache) -> None:
    """``--registry`` changes the name that is pulled."""
    engine = ImageEngine(PULLED)
    store = ImageStore(engine, pinned(cache), registry="mirror.test/hub", fetch_pip=no_pip)
    store.get(debian_12("s390x", registry=WAY))
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
def test_a_platform_fits_one_arch(platform: str, arch: str, *, fits: bool) -> None:
    """Only arm64 has a variant that goes without saying."""
    found: Arch = find_arch(arch)
    assert is_for(EngineImage(id="", platform=platform), found) is fits


def test_an_image_is_there_by_any_way_that_may_be_tried(cache: Cache) -> None:
    """Asked without pulling and without assembling; the way asked for counts alone."""
    engine = WithEveryAssembledImage(UNREACHABLE)
    target = debian_12("s390x", registry=WAY)
    answers = [
        ImageStore(engine, pinned(cache), ways=ways, fetch_pip=no_pip).has(target)
        for ways in (tuple(ImageWay), *((way,) for way in ImageWay))
    ]
    assert answers == [True, False, True, False]
    assert engine.asked == []
