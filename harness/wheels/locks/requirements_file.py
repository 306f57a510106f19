"""Read requirements files as pip does (pip.pypa.io, "Requirements File Format").

Own code, because no parser fits: requirements-parser drops line numbers and most options, and
pip-requirements-parser has had no release since 2022. packaging reads the requirements themselves.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from harness.core.errors import UsageError
from harness.core.matching import did_you_mean
from harness.wheels.dependencies.requirements import (
    UnusableRequirementError,
    cut,
    parse_requirement,
)
from harness.wheels.locks.application import (
    LockedApplication,
    LockedDependency,
    SourceUse,
    merge_dependencies,
)

_COMMENT = re.compile(r"(^|\s+)#.*$")
_OPTIONS = re.compile(r"\s--?[a-z]")
_HASH = re.compile(r"--hash[= ]\s*(?P<algorithm>\w+):(?P<digest>[0-9A-Fa-f]+)")
_ADDRESS = re.compile(r"[A-Za-z][\w+.-]*:\S|\.{0,2}/|\.$|\S+\.(whl|zip|tar\.\w+)$")
"""A line that names a place instead of a project."""
_INCLUDES = {"-r": "requirement", "--requirement": "requirement", "-c": "constraint"}
_INCLUDES |= {"--constraint": "constraint"}
_EDITABLE = ("-e", "--editable")
_FORMATS = {"--only-binary": SourceUse.NO_SDIST, "--no-binary": SourceUse.NO_WHEEL}
_INDEXES = ("-i", "--index-url", "--extra-index-url", "-f", "--find-links", "--no-index")
_HARMLESS = ("--pre", "--prefer-binary", "--require-hashes", "--trusted-host", "--use-feature")
_KNOWN = (*_INCLUDES, *_EDITABLE, *_FORMATS, *_INDEXES, *_HARMLESS)
MOST_FILES = 100
"""Files that one requirements file may include."""

ReadText = Callable[[Path], str]
"""Returns the text of a file. Raises ``OSError`` and ``UnicodeDecodeError``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Named:
    """A requirement and the place of its line."""

    requirement: Requirement
    sha256: frozenset[str]
    where: str


@dataclass(kw_only=True, slots=True)
class _Found:
    """What the files say, gathered while they are read."""

    wanted: list[_Named] = field(default_factory=list)
    limits: dict[str, str] = field(default_factory=dict)
    """Project → the version that a constraint names."""
    left_out: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    use: dict[str, SourceUse] = field(default_factory=dict)
    """Project, or ``:all:``."""
    read: set[Path] = field(default_factory=set)


def read_requirements_file(path: Path, read_text: ReadText) -> LockedApplication:
    """Return the dependencies of a requirements file and of the files that it includes.

    Raises ``UsageError`` with every line that is no dependency.
    """
    found = _Found()
    _read(path, found, read_text, constraint=False, asked_by="")
    dependencies = [dependency for named in found.wanted if (dependency := _pinned(named, found))]
    if found.problems:
        raise UsageError("\n".join(found.problems))
    return LockedApplication(
        path=str(path),
        dependencies=merge_dependencies(dependencies),
        left_out=tuple(found.left_out),
        notes=tuple(dict.fromkeys(found.notes)),
    )


def _read(
    path: Path, found: _Found, read_text: ReadText, *, constraint: bool, asked_by: str
) -> None:
    if path in found.read:
        return
    if len(found.read) == MOST_FILES:
        found.problems.append(f"{asked_by}{path}: more than {MOST_FILES} files; name a lock file")
        return
    found.read.add(path)
    try:
        text = read_text(path)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text in UTF-8"
        found.problems.append(f"{asked_by}{path}: cannot be read: {reason}; name a lock file")
        return
    for number, line in logical_lines(text):
        where = f"{path}:{number}"
        option, _, value = re.sub(r"[= ]", " ", line, count=1).partition(" ")
        value = value.strip()
        if option in _INCLUDES:
            limits = constraint or _INCLUDES[option] == "constraint"
            beside = path.parent / value
            _read(beside, found, read_text, constraint=limits, asked_by=f"{where}: ")
        elif line.startswith("-"):
            _option(option, value, where, found)
        else:
            _requirement(line, where, found, constraint=constraint)


def logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield the number and text of each line that says something, joined at backslashes."""
    joined, start = "", 0
    for number, line in enumerate(text.splitlines(), start=1):
        start = start if joined else number
        bare = _COMMENT.sub("", line)
        if bare.endswith("\\"):
            joined += bare[:-1] + " "
            continue
        if whole := (joined + bare).strip():
            yield start, whole
        joined = ""
    if whole := joined.strip():
        yield start, whole


def _option(option: str, value: str, where: str, found: _Found) -> None:
    if option in _EDITABLE:
        found.left_out.append(
            f"{where}: {cut(value)}: an editable project, which is not on an index"
        )
    elif option in _FORMATS:
        for name in value.split(","):
            known = name.strip() if name.strip() == ":all:" else canonicalize_name(name.strip())
            found.use[known] = _FORMATS[option]
    elif option in _INDEXES:
        found.notes.append(f"{where}: {option} is not followed; `--index-url` names an index")
    elif option not in _HARMLESS:
        found.problems.append(
            f"{where}: {cut(option)!r} is no option of a requirements file"
            f"{did_you_mean(option, _KNOWN)}"
        )


def _requirement(line: str, where: str, found: _Found, *, constraint: bool) -> None:
    options = _OPTIONS.search(line)
    text = line[: options.start()].strip() if options else line
    if _ADDRESS.match(text):
        found.left_out.append(f"{where}: {cut(text)}: an address, which is not on an index")
        return
    try:
        requirement = parse_requirement(text, strict=True)
    except UnusableRequirementError as error:
        found.problems.append(f"{where}: {error}; write name==1.2.3")
        return
    name = canonicalize_name(requirement.name)
    if requirement.url:
        found.left_out.append(
            f"{where}: {name} @ {cut(requirement.url)}: an address, which is not on an index"
        )
    elif constraint:
        if version := _exact(requirement):
            found.limits[name] = version
    else:
        hashes = _HASH.finditer(line)
        sha256 = {each["digest"].lower() for each in hashes if each["algorithm"] == "sha256"}
        named = _Named(requirement=requirement, sha256=frozenset(sha256), where=where)
        found.wanted.append(named)


def _pinned(named: _Named, found: _Found) -> LockedDependency | None:
    requirement = named.requirement
    name = canonicalize_name(requirement.name)
    version = _exact(requirement) or found.limits.get(name, "")
    if not version:
        found.problems.append(
            f"{named.where}: {cut(str(requirement))!r} is not pinned; lock it first, "
            "for example with `uv pip compile` or `pip freeze`"
        )
        return None
    return LockedDependency(
        name=name,
        version=version,
        extras=tuple(sorted(map(canonicalize_name, requirement.extras))),
        markers=(str(requirement.marker),) if requirement.marker else (),
        sha256=named.sha256,
        use=found.use.get(name, found.use.get(":all:", SourceUse.ANY)),
    )


def _exact(requirement: Requirement) -> str:
    """Return the version of ``name==version``; empty for any other requirement."""
    specifiers = list(requirement.specifier)
    if len(specifiers) != 1 or specifiers[0].operator not in ("==", "==="):
        return ""
    try:
        return str(Version(specifiers[0].version))
    except InvalidVersion:  # `1.*`
        return ""
