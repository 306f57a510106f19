"""Read and write the package lock of a suite, ``matrix/packages/<suite>.lock``.

A lock has two kinds of line. ``set ID CONTENTS ARCHES HOW NAMES…`` is a requested set with the key
of its files. Any other line is a file: name, version, arch, sha256, size, path, index date, sets.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from harness.core.errors import MatrixFileError
from harness.images.debian.packages import RELEASES, SOURCE, Package, PackageSet, contents_key

_CHANGED = "the set is a duplicate, or does not match its id"

FOLDER = "packages"
"""The folder of locks in the matrix folder."""
RENEW = "wheelgrid pins --update"

_HEADS = {
    RELEASES: """\
# Archives of CPython's own releases: the address and the digest of each, from where it is cited.
# Edited by hand; matrix/README.md explains the columns.
"""
}
_HEAD = """\
# What images, headers and interpreters are made of in Debian {suite}.
# Renewed by `{renew}`; matrix/README.md explains the columns.
"""
_FILE = re.compile(
    r"(?P<name>[a-z0-9][a-z0-9+.-]*) (?P<version>[0-9A-Za-z.+~:-]+) (?P<arch>[a-z0-9]+)"
    r" (?P<sha256>[0-9a-f]{64}) (?P<size>[0-9]{1,12}) (?P<path>[^ /][^ ]*)"
    r" (?P<vouched>(?:signed|seen|cited):[0-9]{4}-[0-9]{2}-[0-9]{2}) (?P<sets>-|[0-9a-f,]+)"
)
_SET = re.compile(
    r"set (?P<id>[0-9a-f]+) (?P<contents>[0-9a-f]{32}) (?P<arches>[a-z0-9,]+)"
    r" (?P<how>depends|alone) (?P<names>[^ ].*)"
)
_OTHERS = ("size", "sets")
_WORDS = {True: "depends", False: "alone"}


@dataclass(frozen=True, kw_only=True, slots=True)
class SuiteLock:
    """The pinned packages of a suite."""

    suite: str
    sets: Mapping[str, PackageSet] = field(default_factory=dict)
    """By id."""
    files: Mapping[Package, frozenset[str]] = field(default_factory=dict)
    """File → ids of its sets; empty for a source archive."""

    def find(self, wanted: PackageSet) -> tuple[Package, ...] | None:
        """Return the packages of a set, sorted; None if it is not pinned."""
        name = wanted.id
        found = tuple(sorted(file for file, sets in self.files.items() if name in sets))
        return found or None

    def source(self, name: str) -> Package | None:
        """Return the upstream archive of a source package; None if it is not pinned."""
        matches = (file for file in self.files if (file.name, file.arch) == (name, SOURCE))
        return next(matches, None)


def make_lock(
    suite: str, sets: Mapping[PackageSet, Iterable[Package]], sources: Iterable[Package]
) -> SuiteLock:
    """Return the lock of the packages of ``sets`` and of the archives ``sources``."""
    files: dict[Package, frozenset[str]] = dict.fromkeys(sources, frozenset())
    for wanted, packages in sets.items():
        for package in packages:
            files[package] = files.get(package, frozenset()) | {wanted.id}
    return SuiteLock(suite=suite, sets={wanted.id: wanted for wanted in sets}, files=files)


def format_lock(lock: SuiteLock) -> str:
    """Return the text of a lock, which is reproducible."""
    asked = sorted(lock.sets.values(), key=lambda s: (s.depends, s.names, s.arches))
    sets = (
        f"set {wanted.id} {contents_key(lock.find(wanted) or ())} {','.join(wanted.arches)} "
        f"{_WORDS[wanted.depends]} "
        f"{' '.join(wanted.names)}"
        for wanted in asked
    )
    files = (
        f"{f.name} {f.version} {f.arch} {f.sha256} {f.size} {f.path} {f.vouched} "
        f"{','.join(sorted(lock.files[f])) or '-'}"
        for f in sorted(lock.files)
    )
    head = _HEADS.get(lock.suite) or _HEAD.format(suite=lock.suite, renew=RENEW)
    return head + "".join(f"{line}\n" for line in (*sets, *files))


def parse_lock(suite: str, text: str, shown: str) -> SuiteLock:
    """Return the lock in the text of a file.

    Raises ``MatrixFileError`` with every invalid line, as ``shown:line:1``.
    """
    sets: dict[str, PackageSet] = {}
    contents: dict[str, str] = {}
    files: dict[Package, frozenset[str]] = {}
    problems = []
    for number, line in enumerate(text.splitlines(), 1):
        where = f"{shown}:{number}:1:"
        if not line or line.startswith("#"):
            continue
        if found := _SET.fullmatch(line):
            wanted = _read_set(suite, found)
            if wanted.id != found["id"] or wanted.id in sets:
                problems.append(f"{where} {_CHANGED}; run `{RENEW}`")
            sets[wanted.id], contents[wanted.id] = wanted, found["contents"]
        elif found := _FILE.fullmatch(line):
            file = _read_file(found)
            if file in files:
                problems.append(f"{where} the line is a duplicate; remove one")
            files[file] = _read_ids(found["sets"])
        else:
            problems.append(f"{where} neither a set nor a package file; run `{RENEW}`")
    lock = SuiteLock(suite=suite, sets=sets, files=files)
    problems += [
        f"{shown}:1:1: the files of set {one} are not the locked ones; run `{RENEW}`"
        for one in sorted({one for ids in files.values() for one in ids} | sets.keys())
        if one not in sets or contents[one] != contents_key(lock.find(sets[one]) or ())
    ]
    if problems:
        raise MatrixFileError(problems)
    return lock


def describe_lock(lock: SuiteLock) -> str:
    """Return a summary of a lock: files, dates of their indexes, number of unsigned files."""
    signed = sorted({file.day for file in lock.files if file.vouched.startswith("signed:")})
    unsigned = sum(file.vouched.startswith("seen:") for file in lock.files)
    days = f"index of {', '.join(signed)}" if signed else "no signed index"
    also = f", {unsigned} of them not signed" if unsigned else ""
    return f"{len(lock.files)} files, {days}{also}"


def read_locks(matrix: Path) -> dict[str, SuiteLock]:
    """Return the locks of a matrix folder by suite. Raises ``MatrixFileError``."""
    locks, problems = read_whole_locks(matrix)
    if problems:
        raise MatrixFileError(problems)
    return locks


def read_whole_locks(matrix: Path) -> tuple[dict[str, SuiteLock], list[str]]:
    """Return the valid locks by suite, and the problems of the others."""
    locks: dict[str, SuiteLock] = {}
    problems: list[str] = []
    for path in sorted((matrix / FOLDER).glob("*.lock")):
        try:
            locks[path.stem] = parse_lock(path.stem, path.read_text("utf-8"), str(path))
        except MatrixFileError as error:
            problems += error.problems
        except (OSError, UnicodeDecodeError) as error:
            problems.append(f"{path}:1:1: cannot be read: {error}; run `{RENEW}`")
    return locks, problems


def lock_path(matrix: Path, suite: str) -> Path:
    """Return the path of a suite's lock."""
    return matrix / FOLDER / f"{suite}.lock"


def _read_set(suite: str, found: re.Match[str]) -> PackageSet:
    return PackageSet(
        suite=suite,
        arches=tuple(found["arches"].split(",")),
        names=tuple(found["names"].split()),
        depends=found["how"] == _WORDS[True],
    )


def _read_file(found: re.Match[str]) -> Package:
    texts = {name: text for name, text in found.groupdict().items() if name not in _OTHERS}
    return Package(**texts, size=int(found["size"]))


def _read_ids(text: str) -> frozenset[str]:
    return frozenset() if text == "-" else frozenset(text.split(","))
