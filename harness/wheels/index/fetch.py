"""Look up the wheels of index releases, and download and check them.

The client is imported when the index is first asked: the libraries for HTTP take 0.2 s.
"""

import threading
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Self

from packaging.version import Version

from harness.core.errors import PackageIndexError, UnknownProjectError, WheelError
from harness.core.subjects import IndexSource, WheelRef
from harness.host.cache import Cache, file_sha256
from harness.wheels.archive.filename import WheelName, parse_wheel_name
from harness.wheels.index.choose import fits_linux
from harness.wheels.index.lock import RENEW, IndexLock, ListedSdist, LockedWheel, requirement

if TYPE_CHECKING:
    from pypi_simple import DistributionPackage

    from harness.wheels.index.client import ByteRange, IndexClient

_MEBIBYTE = 1 << 20
_NEAREST = 5


class PackageIndex:
    """The pinned releases, and the index itself for everything else."""

    def __init__(
        self,
        cache: Cache,
        lock: IndexLock,
        announce: Callable[[str], None],
        client: "IndexClient | None" = None,
    ) -> None:
        self._cache = cache
        self._lock = lock
        self._announce = announce
        self._known_client = client
        self._opening = threading.Lock()
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._files: dict[str, tuple[DistributionPackage, ...]] = {}
        self._listed: dict[str, ListedProject | None] = {}

    @property
    def _client(self) -> "IndexClient":
        # Several threads need it, and `pip config list` takes half a second.
        with self._opening:
            if self._known_client is None:
                from harness.wheels.index.client import IndexClient, pip_settings  # noqa: PLC0415

                self._known_client = IndexClient(pip_settings())
            return self._known_client

    def release(self, source: IndexSource) -> tuple[LockedWheel, ...]:
        """Return the pinned wheels of a release, or those of the index if it is not pinned.

        Raises ``PackageIndexError``.
        """
        pinned = self._lock.find(source)
        return self.lookup(source.name, source.version) if pinned is None else pinned

    def lookup(self, name: str, version: str) -> tuple[LockedWheel, ...]:
        """Return the Linux wheels that the index lists for a release, sorted by file name.

        Empty if the release has none. Raises ``PackageIndexError``.
        """
        wanted = IndexSource(name=name, version=version)
        if name not in self._files:  # predictions ask once for each target
            self._announce(f"looking up {requirement(wanted)}")
        files = [file for file in self._project(name) if _is_of(file, version)]
        if not files:
            raise PackageIndexError(
                f"{requirement(wanted)}: the package index has no such release; "
                f"it has {self._versions(name) or 'none at all'}"
            )
        wheels = (_locked(file) for file in files if _linux_name(file))
        return tuple(sorted(wheels, key=lambda wheel: wheel.filename))

    def newest(self, name: str) -> IndexSource:
        """Return the newest release of a project, as an installer chooses it.

        Yanked releases and pre-releases count only if there is no other. Raises
        ``PackageIndexError``.
        """
        self._announce(f"looking up {name}")
        releases = [
            (not file.is_yanked, not version.is_prerelease, version)
            for file in self._project(name)
            if (version := _version(file))
        ]
        if not releases:
            raise PackageIndexError(f"{name}: the package index has no release of it")
        return IndexSource(name=name, version=str(max(releases)[-1]))

    def listed(self, name: str) -> "ListedProject | None":
        """Return every release of a project as the index lists it; None without such a project.

        Raises ``PackageIndexError``.
        """
        with self._locks[f"listed {name}"]:
            if name not in self._listed:
                try:
                    self._listed[name] = ListedProject(self._project(name))
                except UnknownProjectError:
                    self._listed[name] = None
            return self._listed[name]

    def pinned_dependencies(self, subject: str) -> tuple[IndexSource, ...]:
        """Return the releases that the lock names for the dependencies of a subject, by its id."""
        pairs = (pin.split("==") for pin in self._lock.dependencies.get(subject, ()))
        return tuple(IndexSource(name=name, version=version) for name, version in pairs)

    def metadata(self, wheel: LockedWheel) -> bytes | None:
        """Return a wheel's METADATA if the index serves it beside the wheel (PEP 658).

        Raises ``PackageIndexError``.
        """
        return self._client.metadata(self._offered(wheel))

    def size(self, wheel: LockedWheel) -> int:
        """Return the bytes of a wheel; 0 if its project was not looked up or lists no sizes."""
        files = self._files.get(parse_wheel_name(wheel.filename).distribution, ())
        return next((file.size or 0 for file in files if file.filename == wheel.filename), 0)

    def downloaded(self, wheel: LockedWheel) -> Path | None:
        """Return a wheel's file if it is in the cache."""
        known = self._cache.has(f"index/{wheel.sha256}", wheel.filename)
        return Path(self.fetch(wheel).path) if known else None

    def fetch(self, wheel: LockedWheel) -> WheelRef:
        """Return the wheel's file, downloaded once and checked against its digest.

        Raises ``PackageIndexError`` if the index lacks that file or serves other bytes.
        """
        path = self._cache.get(
            f"index/{wheel.sha256}",
            wheel.filename,
            lambda path: self._download(wheel, path),
            sha256=wheel.sha256,
        )
        return WheelRef(
            filename=wheel.filename, sha256=wheel.sha256, size=path.stat().st_size, path=str(path)
        )

    def read_range(
        self, wheel: LockedWheel, first: int, last: int | None = None
    ) -> "ByteRange | None":
        """Return a range of a wheel, unchecked; None if the index does not support ranges.

        Raises ``PackageIndexError`` if the index lacks that file.
        """
        return self._client.read_range(self._offered(wheel), first, last)

    def _offered(self, wheel: LockedWheel) -> "DistributionPackage":
        project = parse_wheel_name(wheel.filename).distribution
        for file in self._project(project):
            if file.filename == wheel.filename:
                return file
        raise PackageIndexError(
            f"{wheel.filename}: the package index no longer has this file; "
            f"pin another release, then run `{RENEW}`"
        )

    def _download(self, wheel: LockedWheel, path: Path) -> None:
        self._client.download(
            self._offered(wheel), path, lambda size: _Progress(self._announce, wheel.filename, size)
        )
        found = file_sha256(path)
        if found != wheel.sha256:
            raise PackageIndexError(
                f"{wheel.filename}: the package index serves other bytes than were pinned (sha256 "
                f"{found}, not {wheel.sha256}); do not use them; run `{RENEW}` only if you "
                "know why they changed"
            )

    def _project(self, name: str) -> tuple["DistributionPackage", ...]:
        # One page lists thousands of files, and a project's wheels are read in parallel.
        with self._locks[name]:
            if name not in self._files:
                self._files[name] = self._client.files(name)
            return self._files[name]

    def _versions(self, name: str) -> str:
        versions = {v for file in self._project(name) if (v := _version(file)) is not None}
        return ", ".join(map(str, sorted(versions)[-_NEAREST:]))


class ListedProject:
    """The releases of a project (``OfferedProject``); file names are parsed when asked for."""

    def __init__(self, files: Iterable["DistributionPackage"]) -> None:
        self._releases: defaultdict[Version, list[DistributionPackage]] = defaultdict(list)
        for file in files:
            if version := _version(file):
                self._releases[version].append(file)
        self.versions = tuple(sorted(self._releases, reverse=True))
        self._wheels: dict[Version, tuple[LockedWheel, ...]] = {}

    def wheels(self, version: Version) -> tuple[LockedWheel, ...]:
        """Return the wheels of a release for Linux. Raises ``PackageIndexError``."""
        if version not in self._wheels:
            files = self._releases.get(version, [])
            self._wheels[version] = tuple(_locked(file) for file in files if _linux_name(file))
        return self._wheels[version]

    def sdists(self, version: Version) -> tuple[ListedSdist, ...]:
        """Return the sdists of a release."""
        return tuple(
            ListedSdist(
                sha256=file.digests.get("sha256", ""), requires_python=file.requires_python or ""
            )
            for file in self._releases.get(version, ())
            if file.package_type == "sdist"
        )

    def has_source(self, version: Version) -> bool:
        """Whether the release has an sdist."""
        return bool(self.sdists(version))


def _version(file: "DistributionPackage") -> Version | None:
    try:
        return Version(file.version or "")
    except ValueError:  # InvalidVersion, or a number of more digits than int() reads
        return None


def _is_of(file: "DistributionPackage", version: str) -> bool:
    return _version(file) == Version(version)


def _linux_name(file: "DistributionPackage") -> WheelName | None:
    try:
        name = parse_wheel_name(file.filename)
    except WheelError:  # an sdist, or an invalid name
        return None
    return name if fits_linux(name) else None


def _locked(file: "DistributionPackage") -> LockedWheel:
    if "sha256" not in file.digests:
        raise PackageIndexError(
            f"{file.filename}: the package index lists no sha256 for it; use an index that does"
        )
    return LockedWheel(
        filename=file.filename,
        sha256=file.digests["sha256"],
        requires_python=file.requires_python or "",
        yanked=file.is_yanked,
    )


class _Progress:
    """Announces a download: its size, then every quarter of a long one."""

    def __init__(self, announce: Callable[[str], None], filename: str, size: int | None) -> None:
        self._announce = announce
        self._filename = filename
        self._size = size or 0
        self._step = max(self._size // 4, 4 * _MEBIBYTE)
        self._done = 0

    def __enter__(self) -> Self:
        size = f" ({self._size / _MEBIBYTE:.1f} MiB)" if self._size else ""
        self._announce(f"downloading {self._filename}{size}")
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to clean up."""

    def update(self, increment: int) -> None:
        before = self._done // self._step
        self._done += increment
        steps = self._done // self._step
        if self._size and steps > before:
            percent = 100 * steps * self._step // self._size
            self._announce(f"downloading {self._filename}: {percent} %")
