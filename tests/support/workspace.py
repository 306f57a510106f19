"""Workspaces for tests: a cache with the committed package locks, or with pinned sets."""

from collections.abc import Callable, Iterable, Mapping
from functools import cache as once
from pathlib import Path

from harness.app.workspace import open_workspace
from harness.core.targets import ImageWay
from harness.host.cache import Cache
from harness.host.engine import Engine
from harness.images.debian import Package, PackageSet, Upstream, Workspace
from harness.images.debian.package_lock import make_lock
from harness.images.debian.upstream import Settings
from harness.images.image_provider import ImageProvider
from tests.support.commands import ROOT
from tests.support.targets import no_pip


def make_workspace(cache: Cache, announce: Callable[[str], None] = print) -> Workspace:
    """Return a workspace with the committed locks, one per cache and ``announce``."""
    return _workspace(cache.root, announce)


@once
def _workspace(root: Path, announce: Callable[[str], None]) -> Workspace:
    return open_workspace(ROOT / "matrix", announce, Cache(root))


def pinned_workspace(
    cache: Cache,
    sets: Mapping[PackageSet, Iterable[Package]],
    sources: Iterable[Package] = (),
    announce: Callable[[str], None] = print,
) -> Workspace:
    """Return a workspace that pins only these sets and sources of a suite."""
    suites = {wanted.suite for wanted in sets}
    settings = Settings(
        locks={
            suite: make_lock(
                suite, {s: files for s, files in sets.items() if s.suite == suite}, sources
            )
            for suite in suites
        }
    )
    return Workspace(cache=cache, upstream=Upstream(settings, cache, announce), announce=announce)


def a_package(name: str, version: str = "1", *, arch: str = "all", digit: str = "0") -> Package:
    """Return a package that is in no pool; ``digit`` changes its digest."""
    return Package(
        name=name,
        version=version,
        arch=arch,
        sha256=digit * 64,
        size=1,
        path=f"pool/{name}_{version}_{arch}.deb",
        vouched="signed:2026-01-01",
    )


def assembled_images(engine: Engine, cache: Cache) -> ImageProvider:
    """Return what gives images that are assembled from packages, and needs no pip."""
    workspace = make_workspace(cache)
    return ImageProvider(engine, workspace, ways=(ImageWay.ASSEMBLED,), fetch_pip=no_pip)
