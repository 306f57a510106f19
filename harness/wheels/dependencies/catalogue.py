"""Everything that can be installed: the releases of the package index and the user's files."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from packaging.version import Version
from pydantic import TypeAdapter

from harness.core.errors import PackageIndexError, WheelError
from harness.core.subjects import IndexSource
from harness.host.cache import Cache, content_key, file_sha256
from harness.host.code_key import code_key
from harness.wheels.archive.filename import parse_wheel_name
from harness.wheels.archive.listing import read_listing
from harness.wheels.dependencies.offers import OfferedWheel
from harness.wheels.facts_reader import ask_reader, read_part
from harness.wheels.index.fetch import ListedProject, PackageIndex
from harness.wheels.index.lock import LockedWheel
from harness.wheels.index.remote import Depth, read_remote

AT_ONCE = 8
"""Requests to the index."""
KIND = "requires"
_MOST_FIELDS = 16 << 20
"""Bytes of the fields of a metadata file, which has at most 8 MiB, as JSON."""
_Metadata = tuple[str, tuple[str, ...]]
_METADATA: TypeAdapter[_Metadata] = TypeAdapter(_Metadata)


class MetadataReader:
    """Reads Requires-Python and Requires-Dist of wheels, each once per cache."""

    def __init__(self, index: PackageIndex, cache: Cache) -> None:
        self._index = index
        self._cache = cache
        self._read: dict[str, _Metadata] = {}

    def of(self, offered: OfferedWheel) -> _Metadata:
        """Return the fields of a wheel. Raises ``WheelError`` and ``PackageIndexError``."""
        wheel = offered.wheel
        if wheel.sha256 not in self._read:

            def make(entry: Path) -> None:
                entry.write_bytes(_METADATA.dump_json(self._fields(offered)))

            key = content_key(wheel.sha256, code_key(__name__, read_listing.__module__))
            entry = self._cache.get(KIND, f"{key}.json", make)
            self._read[wheel.sha256] = _METADATA.validate_json(entry.read_bytes())
        return self._read[wheel.sha256]

    def _fields(self, offered: OfferedWheel) -> _Metadata:
        own = Path(offered.path) if offered.path else self._index.downloaded(offered.wheel)
        if own is not None:
            return _fields_of_file(own)
        if (text := self._index.metadata(offered.wheel)) is not None:
            request = {"task": "requires", "metadata": text.decode("utf-8", "replace")}
            return _METADATA.validate_json(ask_reader(request, most=_MOST_FIELDS))
        facts = read_remote(offered.wheel, self._index, self._cache, Depth.NAMES).facts
        return facts.requires_python, facts.requires_dist


def _fields_of_file(path: Path) -> _Metadata:
    if not path.is_file():
        raise WheelError(f"{path}: cannot be read: it is not there, or no file")
    facts = read_part(path, path.name, native=False)
    return facts.requires_python, facts.requires_dist


class IndexCatalogue:
    """A ``Catalogue`` of the index and of files, or of pinned releases alone.

    A project that has none of the ``pinned`` releases is looked up on the index.
    """

    name = "the package index"

    def __init__(
        self,
        index: PackageIndex,
        reader: MetadataReader,
        files: Sequence[str] = (),
        pinned: Sequence[IndexSource] = (),
    ) -> None:
        self._index = index
        self._reader = reader
        self._files: defaultdict[str, list[OfferedWheel]] = defaultdict(list)
        for path in map(Path, files):
            wheel = LockedWheel(filename=path.name, sha256=file_sha256(path))
            name = parse_wheel_name(path.name).distribution
            self._files[name].append(OfferedWheel(wheel=wheel, path=str(path)))
        self._pinned: defaultdict[str, list[IndexSource]] = defaultdict(list)
        for source in pinned:
            self._pinned[source.name].append(source)
        self._projects: dict[str, MergedProject | None] = {}

    def project(self, name: str) -> "MergedProject | None":
        if name not in self._projects:
            pinned = {Version(s.version): self._index.release(s) for s in self._pinned[name]}
            listed = None if pinned else self._index.listed(name)
            own = self._files[name]
            found = MergedProject(own, listed, pinned) if own or listed or pinned else None
            self._projects[name] = found
        return self._projects[name]

    def metadata(self, offered: OfferedWheel) -> tuple[str, tuple[str, ...]]:
        return self._reader.of(offered)

    def expect(self, names: Collection[str]) -> None:
        new = [n for n in sorted(names) if n not in self._projects and not self._pinned[n]]
        if len(new) > 1:
            with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="dependencies") as pool:
                list(pool.map(self._look_up, new))

    def _look_up(self, name: str) -> None:
        with suppress(PackageIndexError):  # it is raised again if the project is needed
            self._index.listed(name)


class MergedProject:
    """The releases of a project; of one release, the user's files come before the index's."""

    def __init__(
        self,
        files: Sequence[OfferedWheel],
        listed: ListedProject | None,
        pinned: dict[Version, tuple[LockedWheel, ...]],
    ) -> None:
        self._own: defaultdict[Version, list[OfferedWheel]] = defaultdict(list)
        for each in files:
            self._own[Version(parse_wheel_name(each.wheel.filename).version)].append(each)
        self._listed = listed
        self._pinned = pinned
        on_index = listed.versions if listed else ()
        self.versions = tuple(sorted({*self._own, *pinned, *on_index}, reverse=True))

    def wheels(self, version: Version) -> tuple[OfferedWheel, ...]:
        if self._own.get(version):
            return tuple(self._own[version])
        wheels = self._pinned.get(version, ())
        if self._listed and version in self._listed.versions:
            wheels = self._listed.wheels(version)
        return tuple(OfferedWheel(wheel=wheel) for wheel in wheels)

    def has_source(self, version: Version) -> bool:
        on_index = self._listed is not None and version in self._listed.versions
        return on_index and self._listed is not None and self._listed.has_source(version)
