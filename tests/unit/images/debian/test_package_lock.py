"""Package locks: format, parsing and problems."""

import itertools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from harness.core.errors import MatrixFileError
from harness.images.debian import PackageSet
from harness.images.debian.package_lock import (
    RENEW,
    SuiteLock,
    describe_lock,
    format_lock,
    lock_path,
    make_lock,
    parse_lock,
    read_locks,
)
from harness.images.debian.packages import SOURCE
from tests.support.workspace import a_package

ROOT = PackageSet(suite="toy", arches=("s390x",), names=("python3", "dash"), depends=True)
HEADERS = PackageSet(
    suite="toy",
    arches=("amd64", "s390x"),
    names=("libc6-dev:s390x", "libstdc++-*-dev:s390x"),
    depends=False,
)
DASH = a_package("dash", "0.5.12-12", arch="s390x", digit="a")
PYTHON = a_package("python3", "1:3.13.5~rc1+b1", arch="s390x", digit="b")
CXX = a_package("libstdc++-12-dev", "12.2.0-14", arch="s390x", digit="c")
ZLIB = a_package("zlib", "1:1.3.dfsg-1", arch=SOURCE, digit="d")
SEEN = replace(DASH, version="0.5.12-11", sha256="e" * 64, vouched="seen:2026-11-28")
LOCK = make_lock("toy", {ROOT: [PYTHON, DASH], HEADERS: [CXX, DASH]}, [ZLIB])


def problems(text: str) -> list[str]:
    with pytest.raises(MatrixFileError) as caught:
        parse_lock("toy", text, "toy.lock")
    return caught.value.problems


def test_lock_survives_a_round_trip() -> None:
    """With epochs, tildes, pluses, globs, sources and unsigned files."""
    lock = make_lock("toy", {ROOT: [PYTHON, SEEN], HEADERS: [CXX]}, [ZLIB])
    assert parse_lock("toy", format_lock(lock), "toy.lock") == lock


def test_empty_lock_is_read() -> None:
    """A suite without any file has only the header."""
    empty = SuiteLock(suite="toy")
    assert parse_lock("toy", format_lock(empty), "toy.lock") == empty


def test_text_is_reproducible() -> None:
    """The order of sets and files does not matter."""
    texts = {
        format_lock(make_lock("toy", dict(sets), sources))
        for sets in itertools.permutations([(ROOT, (DASH, PYTHON)), (HEADERS, (DASH, CXX))])
        for sources in itertools.permutations([ZLIB, replace(ZLIB, name="xz")])
    }
    assert len(texts) == 1


def test_file_is_one_sorted_line() -> None:
    """A file of two sets has both ids; a source has none."""
    lines = [line for line in format_lock(LOCK).splitlines() if line[0] != "#"]
    sets, files = lines[:2], lines[2:]
    assert [line.split()[0] for line in sets] == ["set", "set"]
    assert files == sorted(files)
    assert [line.split()[0] for line in files] == ["dash", "libstdc++-12-dev", "python3", "zlib"]
    both = ",".join(sorted((ROOT.id, HEADERS.id)))
    assert files[0] == (
        f"dash 0.5.12-12 s390x {'a' * 64} 1 pool/dash_0.5.12-12_s390x.deb signed:2026-01-01 {both}"
    )
    assert files[3].endswith(" -")


def test_set_is_found_sorted() -> None:
    """Only the files of the set are returned."""
    assert LOCK.find(ROOT) == (DASH, PYTHON)
    assert LOCK.find(HEADERS) == (DASH, CXX)


@pytest.mark.parametrize(
    "other",
    [
        replace(ROOT, arches=("armhf",)),
        replace(ROOT, names=("python3",)),
        replace(ROOT, depends=False),
    ],
    ids=["arch", "names", "depends"],
)
def test_other_set_is_not_pinned(other: PackageSet) -> None:
    """A changed row of the matrix does not match an old set."""
    assert LOCK.find(other) is None


def test_source_is_found_by_name() -> None:
    """A binary package of the same name does not count."""
    assert LOCK.source("zlib") == ZLIB
    assert LOCK.source("dash") is None
    assert LOCK.source("xz") is None


def test_all_bad_lines_are_reported() -> None:
    """With file, line and next step; blank lines and comments are allowed."""
    good = format_lock(LOCK)
    count = len(good.splitlines())
    text = f"{good}\n# a comment\nset of nothing\n<<<<<<< HEAD\n"
    assert problems(text) == [
        f"toy.lock:{count + number}:1: neither a set nor a package file; run `{RENEW}`"
        for number in (3, 4)
    ]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("dash 0.5", "Dash 0.5"),
        ("0.5.12-12 s390x", "0.5.12_12 s390x"),
        ("a" * 64, "a" * 63),
        ("a" * 64, "A" * 64),
        (" 1 pool/dash", " -1 pool/dash"),
        (" pool/dash", " /pool/dash"),
        ("signed:2026-01-01", "believed:2026-01-01"),
        ("signed:2026-01-01", "signed:yesterday"),
        (" depends ", " perhaps "),
    ],
)
def test_invalid_field_is_a_bad_line(old: str, new: str) -> None:
    """Manual edits are not guessed."""
    bad = format_lock(LOCK).replace(old, new, 1)
    assert any(problem.endswith(f"run `{RENEW}`") for problem in problems(bad))


def test_file_of_an_unknown_set_is_a_problem() -> None:
    """A bad merge may leave one."""
    text = format_lock(LOCK)
    without = "".join(line for line in text.splitlines(True) if not line.startswith("set "))
    assert problems(without) == [
        f"toy.lock:1:1: the files of set {one} are not the locked ones; run `{RENEW}`"
        for one in sorted((ROOT.id, HEADERS.id))
    ]


def damaged_lines(text: str) -> Iterator[tuple[str, str]]:
    """Yield variants of a lock after a bad merge or a manual edit."""
    lines = text.splitlines(keepends=True)
    for at, line in enumerate(lines):
        if not line.startswith("#") and " source " not in line:
            yield f"line {at} lost", "".join(lines[:at] + lines[at + 1 :])
        if not line.startswith("#"):
            yield f"line {at} twice", "".join([*lines, line])
    yield "another arch", text.replace("set ", "set", 1)
    yield "other words", text.replace(" depends ", " alone ", 1)
    yield "another digest", text.replace("a" * 64, "f" * 64)
    yield "no set of it", text.replace(f" {ROOT.id}\n", " -\n")
    yield "a size of 5,000 digits", text.replace(" 1 pool", f" {'9' * 5000} pool", 1)


def test_lost_or_duplicate_line_is_refused() -> None:
    """Otherwise the image would change silently."""
    for what, text in damaged_lines(format_lock(LOCK)):
        with pytest.raises(MatrixFileError):
            pytest.fail(f"{what}: {parse_lock('toy', text, 'toy.lock')}")


def test_locks_are_read_by_suite(tmp_path: Path) -> None:
    """Each suite has a file; a matrix without locks has none."""
    assert read_locks(tmp_path) == {}
    path = lock_path(tmp_path, "toy")
    path.parent.mkdir()
    path.write_text(format_lock(LOCK))
    assert read_locks(tmp_path) == {"toy": LOCK}


def test_problems_of_all_locks_are_reported(tmp_path: Path) -> None:
    """A bad line, and a file that is not text."""
    first, second = (lock_path(tmp_path, suite) for suite in ("a", "b"))
    first.parent.mkdir()
    first.write_text("nonsense\n")
    second.write_bytes(b"\xff\xfe")
    with pytest.raises(MatrixFileError) as caught:
        read_locks(tmp_path)
    one, other = caught.value.problems
    assert one.startswith(f"{first}:1:1: neither a set")
    assert other.startswith(f"{second}:1:1: cannot be read")


def test_description_has_dates_and_unsigned_files() -> None:
    """Unsigned files are counted."""
    lock = make_lock("toy", {ROOT: [PYTHON, SEEN]}, [])
    assert describe_lock(lock) == "2 files, index of 2026-01-01, 1 of them not signed"
    assert describe_lock(LOCK) == "4 files, index of 2026-01-01"
