"""Package sets of a tiny distribution, fetched from mirrors on loopback."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from harness.core.targets import Suite
from harness.host.cache import Cache
from harness.host.download import Downloader
from harness.images.debian import Package, PackageSet, SourceChoice, Upstream, Workspace
from harness.images.debian.lock_renewal import renew_locks
from harness.images.debian.mirrors import Mirrors
from harness.images.debian.package_lock import SuiteLock
from harness.images.debian.upstream import Settings
from tests.support.distribution import SUITE, Distribution, Key
from tests.support.torn_server import TornServer

NATIVE, FOREIGN = "amd64", "s390x"
CHANGES = """\
demo (1.0-2) unstable; urgency=medium

demo (1.0-1) unstable; urgency=medium
"""
SOURCE = SourceChoice(name="demo", suites=(SUITE,))


def wanted(arch: str = FOREIGN) -> PackageSet:
    return PackageSet(suite=SUITE, arches=(arch,), names=("tool",), depends=True)


@dataclass(frozen=True, kw_only=True)
class Client:
    """One process that fetches packages into its own cache."""

    upstream: Upstream
    cache: Cache

    @property
    def workspace(self) -> Workspace:
        return Workspace(cache=self.cache, upstream=self.upstream, announce=print)


OpenClient = Callable[..., Client]
"""``open_client`` of one test: the folder and the key are given."""


def open_client(  # noqa: PLR0913 - one for each setting of a run
    folder: Path,
    key: Key,
    *mirrors: TornServer,
    cache: str = "cache",
    lock: SuiteLock | None = None,
    suite: Suite | None = None,
    latest: bool = False,
    archive: str = "",
) -> Client:
    """Return a client of ``mirrors`` that is impatient: 0.5 s of silence, 6 s for a file."""
    settings = Settings(
        locks={SUITE: lock} if lock else {}, suites={SUITE: suite} if suite else {}, latest=latest
    )
    opened = Cache(folder / cache)
    downloader = Downloader(deadline=6, silence=0.5, first_pause=0.01)
    upstream = Upstream(settings, opened, print, downloader)
    upstream.mirrors = Mirrors(
        mirrors=tuple(mirror.address for mirror in mirrors),
        archive=archive,
        keyring=str(key.keyring),
    )
    return Client(upstream=upstream, cache=opened)


def lock_now(client: Client, mirror: TornServer) -> SuiteLock:
    """Return a lock of what the mirror has now, and forget the requests that it took."""
    renewal = renew_locks([wanted()], [SOURCE], {}, client.upstream, accept_seen=False)
    assert renewal.problems == ()
    mirror.log.clear()
    return renewal.locks[SUITE]


def names(packages: tuple[Package, ...]) -> list[str]:
    return [f"{package.name} {package.version}" for package in packages]


def run_ahead(distribution: Distribution) -> str:
    """Publish an index that names a libdemo for s390x that only amd64's pool has."""
    for path in [path for path in distribution.stanzas if "libdemo" in path]:
        del distribution.stanzas[path]
    for arch in (NATIVE, FOREIGN):
        deb = distribution.add("libdemo", "1.0-2", arch, changelog=CHANGES)
        if arch == FOREIGN:
            deb.unlink()
    return distribution.publish()
