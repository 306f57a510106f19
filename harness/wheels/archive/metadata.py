"""Read a wheel's ``.dist-info`` and check it against the file name.

Source: "Binary distribution format" and "Core metadata" specifications.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from email.message import Message
from email.parser import HeaderParser
from functools import lru_cache

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from harness.core.errors import WheelError
from harness.wheels.archive.data_schemes import SCHEMES
from harness.wheels.archive.filename import WheelName
from harness.wheels.archive.zip_reader import BUILD_AGAIN, Archive, Member

MOST_METADATA = 8 << 20


@dataclass(frozen=True, kw_only=True, slots=True)
class WheelMetadata:
    """Fields of METADATA and WHEEL, which agree with the file name."""

    pure: bool
    generator: str
    requires_python: str
    requires_dist: tuple[str, ...]


def find_dist_info(archive: Archive, name: WheelName) -> str:
    """Return the name of the complete ``.dist-info`` directory. Raises ``WheelError``."""
    found = _roots(archive.members, ".dist-info")
    if len(found) != 1:
        have = f"{len(found)} .dist-info directories ({', '.join(found)})" if found else ""
        raise WheelError(f"{name.filename}: {have or 'no .dist-info directory'}; {BUILD_AGAIN}")
    _check_directory_name(found[0], ".dist-info", name)
    names = {member.name for member in archive.members}
    for part in ("METADATA", "WHEEL", "RECORD"):
        if f"{found[0]}/{part}" not in names:
            raise WheelError(f"{name.filename}: {found[0]}/{part} is missing; {BUILD_AGAIN}")
    return found[0]


def check_data_directory(members: Sequence[Member], name: WheelName) -> None:
    """Check the name and the schemes of ``.data``. Raises ``WheelError``."""
    for root in _roots(members, ".data"):
        _check_directory_name(root, ".data", name)
    for member in members:
        root, _, rest = member.name.partition("/")
        scheme, _, below = rest.partition("/")
        if root.endswith(".data") and rest and not (below and scheme in SCHEMES):
            raise WheelError(
                f"{name.filename}: {member.name} is in none of the directories that {root} "
                f"may have ({', '.join(sorted(SCHEMES))}); {BUILD_AGAIN}"
            )


def read_metadata(archive: Archive, dist_info: str, name: WheelName) -> WheelMetadata:
    """Read METADATA and WHEEL, checked against the file name. Raises ``WheelError``."""
    metadata = _headers(archive, f"{dist_info}/METADATA")
    wheel = _headers(archive, f"{dist_info}/WHEEL")
    _check_release(metadata, name)
    _check_format(wheel, name)
    _check_tags(wheel, name)
    return WheelMetadata(
        pure=_one(wheel, "Root-Is-Purelib", name).lower() == "true",
        generator=wheel.get("Generator", ""),
        requires_python=metadata.get("Requires-Python", ""),
        requires_dist=tuple(metadata.get_all("Requires-Dist", [])),
    )


@lru_cache(maxsize=1 << 14)
def accepts_python(requires_python: str, python: str) -> bool:
    """Whether Requires-Python admits a version; pip ignores an invalid specifier."""
    try:
        # pip compares only the release number: 3.15.0b1 satisfies >=3.15.
        return SpecifierSet(requires_python).contains(Version(python).base_version)
    except InvalidSpecifier:
        return True


def _roots(members: Sequence[Member], suffix: str) -> list[str]:
    roots = {member.name.split("/")[0] for member in members if "/" in member.name}
    return sorted(root for root in roots if root.endswith(suffix))


def _check_directory_name(directory: str, suffix: str, name: WheelName) -> None:
    distribution, _, version = directory.removesuffix(suffix).rpartition("-")
    if not _is_release(distribution, version, name):
        raise WheelError(
            f"{name.filename}: it has {directory}, which is not of {name.release}; {BUILD_AGAIN}"
        )


def _is_release(distribution: str, version: str, name: WheelName) -> bool:
    try:
        same_version = Version(version) == Version(name.version)
    except InvalidVersion:
        return False
    return same_version and canonicalize_name(distribution) == name.distribution


def _headers(archive: Archive, member: str) -> Message:
    text = archive.read(member, at_most=MOST_METADATA).decode("utf-8", "replace")
    return HeaderParser().parsestr(text)


def _one(headers: Message, key: str, name: WheelName) -> str:
    values: list[str] = headers.get_all(key, [])
    if len(values) != 1:
        raise WheelError(
            f"{name.filename}: {len(values)} lines {key!r} in its metadata, not 1; {BUILD_AGAIN}"
        )
    return values[0].strip()


def _check_release(metadata: Message, name: WheelName) -> None:
    distribution, version = _one(metadata, "Name", name), _one(metadata, "Version", name)
    if not _is_release(distribution, version, name):
        raise WheelError(
            f"{name.filename}: METADATA is of {distribution} {version}, and the file name says "
            f"{name.release}; rename the file to its original name"
        )


def _check_format(wheel: Message, name: WheelName) -> None:
    version = _one(wheel, "Wheel-Version", name)
    if version.partition(".")[0] != "1":
        raise WheelError(
            f"{name.filename}: Wheel-Version {version}; installers support 1.x; {BUILD_AGAIN}"
        )
    pure = _one(wheel, "Root-Is-Purelib", name)
    if pure.lower() not in ("true", "false"):
        raise WheelError(
            f"{name.filename}: Root-Is-Purelib is {pure!r}, neither true nor false; {BUILD_AGAIN}"
        )


def _check_tags(wheel: Message, name: WheelName) -> None:
    named = set(name.tags)
    lines = {str(line).strip().lower() for line in wheel.get_all("Tag", [])}
    # Some build backends write the compressed tag set in place of its members.
    whole = name.tag_part.lower()
    declared = (lines - {whole}) | (named if whole in lines else set())
    if declared != named:
        raise WheelError(
            f"{name.filename}: the file name and WHEEL disagree about the tags "
            f"({_difference(named, declared)}); rename the file to its original name"
        )


def _difference(named: set[str], declared: set[str]) -> str:
    sides = (("the file name", named - declared), ("WHEEL", declared - named))
    return "; ".join(f"only in {side}: {_some(tags)}" for side, tags in sides if tags)


def _some(tags: set[str], most: int = 3) -> str:
    first = ", ".join(sorted(tags)[:most])
    return first if len(tags) <= most else f"{first} and {len(tags) - most} more"
