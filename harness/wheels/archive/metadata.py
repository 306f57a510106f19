"""Read a wheel's ``.dist-info`` and compare it with the file name; defects become findings.

Source: "Binary distribution format" and "Core metadata" specifications.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from email.message import Message
from email.parser import HeaderParser
from functools import lru_cache

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from harness.core.errors import WheelError
from harness.core.wheel_findings import FindingCode, FindingList, MindedBy
from harness.wheels.archive.data_schemes import SCHEMES
from harness.wheels.archive.filename import WheelName
from harness.wheels.archive.zip_reader import Archive, Member

MOST_METADATA = 8 << 20
MOST_TOP_LEVEL = 64 << 10
MOST_ENTRY_POINTS = 256 << 10
MOST_NAMED = 3
_ENTRY_POINT = re.compile(r"[^=#;]+=\s*(?P<module>[\w.]+)\s*:\s*(?P<object>[\w.]+)")
"""Without extras in brackets: such a command needs what only they bring."""
_COMMANDS = ("console_scripts", "gui_scripts")


@dataclass(frozen=True, kw_only=True, slots=True)
class WheelMetadata:
    """Fields of METADATA and WHEEL, as pip reads them; empty if unknown."""

    pure: bool
    generator: str
    requires_python: str
    requires_dist: tuple[str, ...]
    top_level: tuple[str, ...]
    """The names in top_level.txt."""
    commands: tuple[str, ...] = ()
    """What installers make commands of (``WheelFacts.commands``)."""


def find_dist_info(archive: Archive, name: WheelName) -> str:
    """Return the name of the ``.dist-info`` directory; empty if missing."""
    found = _roots(archive.members, ".dist-info")
    if len(found) > 1:
        fault = f"It has {len(found)} .dist-info directories ({_some(set(found))})."
        archive.findings.add(FindingCode.DIST_INFO_TWICE, "", fault)
    if not found:
        fault = "It has no .dist-info directory."
        archive.findings.add(FindingCode.NO_METADATA, "", fault)
        return ""
    own = [root for root in found if _is_of(root, ".dist-info", name)]
    if not own:
        minded_by = _minded_by(found[0], name)
        archive.findings.add(
            FindingCode.DIST_INFO_NAME, found[0], f"It is not of {name.release}.", minded_by
        )
    directory = (own or found)[0]
    _check_parts(archive, directory)
    return directory


def check_data_directory(members: Sequence[Member], name: WheelName, findings: FindingList) -> None:
    """Check the name and the schemes of ``.data``."""
    for root in _roots(members, ".data"):
        if not _is_of(root, ".data", name):
            findings.add(FindingCode.DATA_DIRECTORY_NAME, root, f"It is not of {name.release}.")
    for member in members:
        root, _, rest = member.name.partition("/")
        scheme, _, below = rest.partition("/")
        if root.endswith(".data") and rest and not (below and scheme in SCHEMES):
            known = ", ".join(sorted(SCHEMES))
            fault = f"It is in none of the directories that .data may have ({known})."
            findings.add(FindingCode.DATA_SCHEME, member.name, fault)


def read_metadata(archive: Archive, dist_info: str, name: WheelName) -> WheelMetadata:
    """Read METADATA and WHEEL, and compare them with the file name."""
    metadata = _Headers(archive, dist_info, "METADATA")
    wheel = _Headers(archive, dist_info, "WHEEL")
    if metadata.found:
        _check_release(metadata, name)
    if wheel.found:
        _check_format(wheel)
        _check_tags(wheel, name)
    requires_python = metadata.first("Requires-Python")
    _check_requires_python(metadata, requires_python)
    return WheelMetadata(
        pure=wheel.first("Root-Is-Purelib").lower() == "true",
        generator=wheel.first("Generator"),
        requires_python=requires_python,
        requires_dist=tuple(metadata.all("Requires-Dist")),
        top_level=_read_top_level(archive, f"{dist_info}/top_level.txt"),
        commands=tuple(_commands(_text(archive, f"{dist_info}/entry_points.txt"))),
    )


def _text(archive: Archive, member: str) -> str:
    """Return an optional text; empty if it is missing, too large or damaged."""
    if any(each.name == member for each in archive.members):
        with suppress(WheelError):
            return archive.read(member, at_most=MOST_ENTRY_POINTS).decode("utf-8", "replace")
    return ""


def _commands(text: str) -> Iterator[str]:
    """Yield the objects that commands call, without those that extras bring.

    Source: "Entry points specification". What is not written so, pip refuses or passes over.
    """
    group = ""
    for line in map(str.strip, text.splitlines()):
        if line.startswith("["):
            group = line.strip("[] ")
        elif group in _COMMANDS and (found := _ENTRY_POINT.fullmatch(line)):
            yield f"{found['module']}:{found['object']}"


def _read_top_level(archive: Archive, member: str) -> tuple[str, ...]:
    """Return the names in top_level.txt; none if it is missing, too large or damaged."""
    names: tuple[str, ...] = ()
    if any(each.name == member for each in archive.members):
        with suppress(WheelError):
            text = archive.read(member, at_most=MOST_TOP_LEVEL).decode("utf-8", "replace")
            names = tuple(name for name in text.split() if name.isidentifier())
    return names


@lru_cache(maxsize=1 << 14)
def accepts_python(requires_python: str, python: str) -> bool:
    """Whether Requires-Python admits a version; pip ignores an invalid specifier."""
    try:
        # pip compares only the release number: 3.15.0b1 satisfies >=3.15.
        return SpecifierSet(requires_python).contains(Version(python).base_version)
    except InvalidSpecifier:
        return True
    except ValueError:  # a number of more digits than int() reads; pip fails too
        return False


def _roots(members: Sequence[Member], suffix: str) -> list[str]:
    roots = {member.name.split("/")[0] for member in members if "/" in member.name}
    return sorted(root for root in roots if root.endswith(suffix))


def _is_of(directory: str, suffix: str, name: WheelName) -> bool:
    distribution, _, version = directory.removesuffix(suffix).rpartition("-")
    return _is_release(distribution, version, name)


def _minded_by(dist_info: str, name: WheelName) -> MindedBy:
    """Return who minds the wrong name of the directory."""
    project, _, version = dist_info.removesuffix(".dist-info").rpartition("-")
    if canonicalize_name(project) != name.distribution:
        return MindedBy.PIP
    return MindedBy.STRICT if _release_number(version) else MindedBy.SOME_PIP


def _check_parts(archive: Archive, dist_info: str) -> None:
    names = {member.name for member in archive.members}
    for part, code in (
        ("METADATA", FindingCode.NO_METADATA),
        ("WHEEL", FindingCode.NO_METADATA),
        ("RECORD", FindingCode.RECORD_MISSING),
    ):
        if f"{dist_info}/{part}" not in names:
            archive.findings.add(code, f"{dist_info}/{part}", "It is missing.")


def _is_release(distribution: str, version: str, name: WheelName) -> bool:
    same_version = _release_number(version) == Version(name.version)
    return same_version and canonicalize_name(distribution) == name.distribution


def _release_number(version: str) -> Version | None:
    try:
        return Version(version)
    except ValueError:  # also of a number of more digits than int() reads
        return None


class _Headers:
    """The headers of METADATA or WHEEL; none if it is missing or cannot be unpacked."""

    def __init__(self, archive: Archive, dist_info: str, part: str) -> None:
        self.findings = archive.findings
        self.member = f"{dist_info}/{part}"
        self._message = Message()
        self.found = any(member.name == self.member for member in archive.members)
        if self.found:
            try:
                data = archive.read(self.member, at_most=MOST_METADATA)
            except WheelError:  # the archive has the finding
                self.found = False
            else:
                self._message = HeaderParser().parsestr(data.decode("utf-8", "replace"))

    def all(self, key: str) -> list[str]:
        return [str(value).strip() for value in self._message.get_all(key, [])]

    def first(self, key: str) -> str:
        """Return the first value, which is the one that pip reads; empty if missing."""
        return next(iter(self.all(key)), "")

    def one(self, key: str, minded_by: MindedBy | None = None) -> str:
        """Return the first value, and add a finding if there is not exactly one."""
        values = self.all(key)
        if not values:
            self.add(FindingCode.HEADER_MISSING, f"It has no line {key}.", minded_by)
        elif len(values) > 1:
            fault = f"It has {len(values)} lines {key}; the first one counts."
            self.add(FindingCode.HEADER_TWICE, fault)
        return self.first(key)

    def add(self, code: FindingCode, fault: str, minded_by: MindedBy | None = None) -> None:
        self.findings.add(code, self.member, fault, minded_by)


def _check_release(metadata: _Headers, name: WheelName) -> None:
    distribution, version = metadata.one("Name"), metadata.one("Version")
    if distribution and version and not _is_release(distribution, version, name):
        metadata.add(
            FindingCode.RELEASE_DIFFERS,
            f"It is of {distribution[:60]} {version[:60]}, the file name of {name.release}.",
        )


def _check_format(wheel: _Headers) -> None:
    version = wheel.one("Wheel-Version")
    if version.partition(".")[0] != "1":
        fault = f"Its Wheel-Version is {version or 'missing'}; installers support 1.x."
        wheel.add(FindingCode.WHEEL_VERSION, fault)
    pure = wheel.one("Root-Is-Purelib", MindedBy.STRICT)
    if pure and pure.lower() not in ("true", "false"):
        fault = f"Root-Is-Purelib is {pure[:60]!r}, neither true nor false."
        wheel.add(FindingCode.BAD_HEADER, fault)


def _check_requires_python(metadata: _Headers, requires_python: str) -> None:
    start = requires_python[:40]
    try:
        SpecifierSet(requires_python).contains("3")
    except InvalidSpecifier:
        fault = f"Requires-Python {start!r} is not valid; pip ignores it."
        metadata.add(FindingCode.BAD_REQUIRES_PYTHON, fault)
    except ValueError:
        fault = f"Requires-Python {start!r}… holds a number that is too long."
        metadata.add(FindingCode.BAD_REQUIRES_PYTHON, fault, MindedBy.PIP)


def _check_tags(wheel: _Headers, name: WheelName) -> None:
    named = set(name.tags)
    lines = {line.lower() for line in wheel.all("Tag")}
    # Some build backends write the compressed tag set in place of its members.
    whole = name.tag_part.lower()
    declared = (lines - {whole}) | (named if whole in lines else set())
    if declared != named:
        fault = f"Its tags are not those of the file name ({_difference(named, declared)})."
        wheel.add(FindingCode.TAGS_DIFFER, fault)


def _difference(named: set[str], declared: set[str]) -> str:
    sides = (("the file name", named - declared), ("WHEEL", declared - named))
    return "; ".join(f"only in {side}: {_some(tags)}" for side, tags in sides if tags)


def _some(tags: set[str]) -> str:
    first, left = ", ".join(sorted(tags)[:MOST_NAMED]), len(tags) - MOST_NAMED
    return f"{first} and {left} more" if left > 0 else first


def metadata_fields(metadata: str) -> tuple[str, tuple[str, ...]]:
    """Return Requires-Python and the Requires-Dist lines of a METADATA file."""
    message = HeaderParser().parsestr(metadata)
    lines = message.get_all("Requires-Dist", [])
    return str(message.get("Requires-Python", "")).strip(), tuple(str(x).strip() for x in lines)
