"""Turn the wheels and releases that a command line names into subjects.

``./numpy-2.4.6-cp311-….whl`` is a file, ``dist/`` means all wheels in that folder, and
``numpy==2.4.6`` is a release of the package index. All files of one release are one subject: each
target gets the file that fits it.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from packaging.tags import Tag
from packaging.utils import canonicalize_name, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from harness.core.arches import linux_arch
from harness.core.cells import Cell, Expectation
from harness.core.errors import UsageError
from harness.core.own_tests import OwnTests
from harness.core.subjects import DependencyOptions, FileSource, IndexSource, Subject
from harness.core.targets import Target
from harness.matrix.files import load_expectations
from harness.matrix.files.unused_entries import meets
from harness.matrix.plan import wheel_fits
from harness.predict.inferred_imports import plan_imports
from harness.predict.installed_layout import layout_of
from harness.wheels.archive.contents import WheelFacts
from harness.wheels.facts_reader import IN_MEMORY, WheelReader
from harness.wheels.index.fetch import PackageIndex

GROUP = "your wheels"
_LISTED = re.compile(
    r"(?P<name>[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?)(\s*==\s*(?P<version>[^\s=]+))?"
)
_RELEASE = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)\s*==\s*(?P<version>[^\s=]+)")


@dataclass(frozen=True, kw_only=True, slots=True)
class ImportCheck:
    """What the user asks to import, to call and to install besides."""

    imports: tuple[str, ...] = ()
    """Empty to import what is inferred from each wheel."""
    call: str = ""
    companions: tuple[IndexSource, ...] = ()
    dependencies: DependencyOptions | None = None
    """None: not resolved."""
    tests: OwnTests | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ListedRelease:
    """One line of a list of releases."""

    name: str
    version: str = ""
    """Empty for the newest release."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """A requested subject, and the tags of all its wheels."""

    subject: Subject
    tags: frozenset[Tag]


def read_candidates(
    words: Sequence[str],
    check: ImportCheck,
    index: PackageIndex,
    reader: WheelReader = IN_MEMORY,
) -> tuple[Candidate, ...]:
    """Return the candidates that ``words`` name, files first.

    Raises ``UsageError`` for a word that is neither file, folder nor release, ``WheelError`` for a
    file that is no wheel, and ``PackageIndexError``.
    """
    releases = {word: _release(word) for word in expand_folders(words)}
    files = [Path(word) for word, found in releases.items() if not found]
    facts = [(file, reader.read(file)) for file in files]
    facts.sort(key=lambda pair: _identity(pair[1]))
    return (
        *(
            _file_candidate(list(files), check)
            for _, files in groupby(facts, key=lambda pair: _identity(pair[1]))
        ),
        *(_release_candidate(found, check, index) for found in releases.values() if found),
    )


def read_list(path: Path) -> tuple[ListedRelease, ...]:
    """Return the releases in a file of ``name==version`` and ``name``; ``#`` starts a comment.

    Raises ``UsageError`` if the file cannot be read, and for every malformed line.
    """
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read ({error}); name a file of releases") from error
    words = {number: line.partition("#")[0].strip() for number, line in enumerate(lines, start=1)}
    found = {number: _listed(word) for number, word in words.items() if word}
    wrong = [
        f"{path}:{number}: {words[number]!r} is not a release; write name==1.2.3, or only a name"
        for number, one in found.items()
        if one is None
    ]
    if wrong:
        raise UsageError("\n".join(wrong))
    return tuple(one for one in found.values() if one)


def _listed(word: str) -> ListedRelease | None:
    match = _LISTED.fullmatch(word)
    if match is None:
        return None
    try:
        version = str(Version(match["version"])) if match["version"] else ""
    except InvalidVersion:
        return None
    return ListedRelease(name=canonicalize_name(match["name"]), version=version)


def guess_imports(facts: WheelFacts) -> tuple[str, ...]:
    """Return the packages and modules that users import of a wheel, without its submodules."""
    return plan_imports(layout_of(facts)).required


def expected_of(path: Path, cells: Sequence[Cell]) -> tuple[Expectation, ...]:
    """Return the expectations in the file at ``path``.

    Raises ``MatrixFileError`` for a malformed file, and ``UsageError`` for an entry that matches
    none of ``cells``.
    """
    expectations = load_expectations(path)
    for expected in expectations:
        if not matches_any(expected, cells):
            known = " ".join(dict.fromkeys(cell.subject.id for cell in cells))
            raise UsageError(f"{expected.where}: matches no cell; the subjects are {known}")
    return expectations


def matches_any(expected: Expectation, cells: Sequence[Cell]) -> bool:
    """Return whether the expectation is for one of ``cells``."""
    return any(meets(expected, cell.target, cell.subject) for cell in cells)


def expand_folders(words: Sequence[str]) -> Iterator[str]:
    """Yield the words, each folder replaced by its wheels. Raises ``UsageError`` if it has none."""
    for word in words:
        if not Path(word).is_dir():
            yield word
            continue
        wheels = sorted(map(str, Path(word).glob("*.whl")))
        if not wheels:
            raise UsageError(f"{word}: this folder has no .whl file")
        yield from wheels


def _release(word: str) -> IndexSource | None:
    if Path(word).exists() or word.endswith(".whl"):
        return None
    return read_release(
        word, "no such file, and not a release", "a .whl file, a folder of wheels, or "
    )


def read_release(word: str, fault: str = "not a release", way: str = "") -> IndexSource:
    """Return the release that ``name==version`` names. Raises ``UsageError``."""
    match = _RELEASE.fullmatch(word.strip())
    if match is None:
        extras = ", and its extras with --extra" if "[" in word else ""
        raise UsageError(f"{word}: {fault} of the package index; give {way}name==version{extras}")
    try:
        version = str(Version(match["version"]))
    except InvalidVersion as error:
        raise UsageError(f"{word}: {error}; write it as name==1.2.3") from error
    return IndexSource(name=canonicalize_name(match["name"]), version=version)


def _identity(facts: WheelFacts) -> tuple[str, str]:
    return facts.name.distribution, facts.name.version


def _file_candidate(files: list[tuple[Path, WheelFacts]], check: ImportCheck) -> Candidate:
    name, version = _identity(files[0][1])
    source = FileSource(paths=tuple(str(path.resolve()) for path, _ in files))
    names = [path.name for path, _ in files]
    return _candidate(f"{name}-{version}", source, check, names)


def _release_candidate(source: IndexSource, check: ImportCheck, index: PackageIndex) -> Candidate:
    wheels = index.release(source)
    subject_id = f"{source.name}-{source.version}"
    if not wheels:
        raise UsageError(
            f"{source.name}=={source.version}: this release has no wheel for Linux; "
            "build one and give its file"
        )
    names = [wheel.filename for wheel in wheels]
    return _candidate(subject_id, source, check, names)


def _candidate(
    subject_id: str,
    source: FileSource | IndexSource,
    check: ImportCheck,
    names: list[str],
) -> Candidate:
    return Candidate(
        subject=Subject(
            id=subject_id,
            group=GROUP,
            source=source,
            imports=check.imports,
            call=check.call,
            companions=check.companions,
            dependencies=check.dependencies,
            tests=check.tests,
        ),
        tags=frozenset(tag for name in names for tag in parse_wheel_filename(name)[3]),
    )


def has_arch(candidate: Candidate, target: Target) -> bool:
    """Return whether a file of the candidate is built for the target's architecture.

    A release of the index always is, since its refusal is a result.
    """
    if not isinstance(candidate.subject.source, FileSource):
        return True
    platforms = {tag.platform for tag in candidate.tags}
    return "any" in platforms or target.arch_name in map(linux_arch, platforms)


def not_applicable(
    candidates: Sequence[Candidate], targets: Sequence[Target]
) -> dict[tuple[str, str], list[str]]:
    """Return the keys of targets that no file of a candidate fits, by candidate id and reason.

    Releases of the index are left out: on a target that they do not fit, the refusal is a result.
    """
    found: dict[tuple[str, str], list[str]] = {}
    for candidate in candidates:
        if not isinstance(candidate.subject.source, FileSource):
            continue
        for target in targets:
            if reason := wheel_fits(candidate.tags, target):
                found.setdefault((candidate.subject.id, reason), []).append(target.key)
    return found
