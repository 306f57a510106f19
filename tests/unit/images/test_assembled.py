"""The assembled way without a mirror."""

from dataclasses import replace
from pathlib import Path

import pytest

from harness.core.arches import find_arch
from harness.core.errors import ImageError
from harness.host.cache import Cache
from harness.host.engine import EngineImage
from harness.images.assembled import AssembledSource
from harness.images.debian import Workspace
from harness.images.debian.resolutions import Resolutions
from harness.images.debian_root import native_arch, write_recipe
from tests.support.image_engine import StockedEngine
from tests.support.targets import debian_12
from tests.support.workspace import a_package, pinned_workspace

FOREIGN = find_arch("s390x")
BUILD = ("libstdc++6", "python3", "python3-pip")
OWN = EngineImage(id="sha256:own", platform=FOREIGN.platform)


@pytest.fixture(autouse=True)
def _no_archive(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Hide mmdebstrap, so that nothing can be assembled or resolved."""
    monkeypatch.setenv("PATH", str(tmp_path / "no-programs"))


def pinned(cache: Cache, *, foreign: str = "1", native: str = "1") -> Workspace:
    """Return a workspace in which the packages of both roots are pinned, with these digests."""
    digits = ((native_arch(), native), (FOREIGN, foreign))
    return pinned_workspace(
        cache,
        {
            write_recipe("bookworm", arch, BUILD).wanted: (a_package("python3", digit=digit),)
            for arch, digit in digits
        },
    )


def name_of_image(workspace: Workspace) -> str:
    engine = StockedEngine(OWN)
    AssembledSource(engine, workspace).get(debian_12(FOREIGN.name))
    (name,) = engine.names
    return name


def test_name_depends_on_the_packages(tmp_path: Path) -> None:
    """A package with other bytes, in the own or the native root, makes another image."""
    cache = Cache(tmp_path)
    first = name_of_image(pinned(cache))
    assert first == name_of_image(pinned(cache))
    others = [
        name_of_image(pinned(cache, foreign="2")),
        name_of_image(pinned(cache, foreign="2", native="2")),
    ]
    assert len({first, *others}) == 3
    assert first.startswith("wheelgrid/bookworm-s390x:")


def test_locked_image_in_the_engine_needs_no_network(tmp_path: Path) -> None:
    """No program runs and no file is written."""
    ref = AssembledSource(StockedEngine(OWN), pinned(Cache(tmp_path))).get(debian_12(FOREIGN.name))
    assert ref.origin.startswith("Debian bookworm ")
    assert "; packages" not in ref.origin
    assert list(tmp_path.iterdir()) == []


def test_stored_resolution_serves_without_an_index(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The image's origin says that its packages are not locked."""
    cache = Cache(tmp_path)
    for arch in (native_arch(), FOREIGN):
        wanted = write_recipe("bookworm", arch, BUILD).wanted
        Resolutions(cache.root / "resolutions").keep(wanted, (a_package("python3"),))
    monkeypatch.setenv("WHEELGRID_RESOLUTION_HOURS", "0")
    said: list[str] = []
    workspace = pinned_workspace(cache, {}, announce=said.append)
    ref = AssembledSource(StockedEngine(OWN), workspace).get(debian_12(FOREIGN.name))
    assert "; packages resolved anew from the index of 2026-01-01, since" in ref.origin
    assert any("no Debian mirror is known" in line for line in said)


def test_unresolvable_packages_are_a_miss(tmp_path: Path) -> None:
    """Without lock, stored resolution and mirror the cause is infra:upstream."""
    with pytest.raises(ImageError, match="no Debian mirror is known") as caught:
        name_of_image(pinned_workspace(Cache(tmp_path), {}))
    assert caught.value.cause == "infra:upstream"


def test_image_of_another_platform_is_refused(tmp_path: Path) -> None:
    """The config decides, also for the harness's own names."""
    engine = StockedEngine(replace(OWN, platform="linux/amd64"))
    with pytest.raises(ImageError) as caught:
        AssembledSource(engine, pinned(Cache(tmp_path))).get(debian_12(FOREIGN.name))
    assert caught.value.cause == "infra:wrong-arch"
