"""Predecessors of a package: earlier versions in changelogs and their files in pools."""

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.core.errors import UpstreamError
from harness.host.cache import file_sha256
from harness.host.process import run_process
from harness.images.debian import Package
from harness.images.debian.predecessors import (
    candidates,
    earlier_versions,
    find_predecessor,
    likely_versions,
    read_changelog,
)
from tests.support.workspace import a_package

pytestmark = pytest.mark.integration


def changelog(*versions: str) -> str:
    """Return a changelog of these entries."""
    entry = "demo ({0}) unstable; urgency=medium\n\n  * Fix (1.0) of it.\n\n -- A <a@b>  Sat\n\n"
    return "".join(map(entry.format, versions))


@pytest.mark.parametrize(
    ("version", "versions", "earlier"),
    [
        ("1.0-2", ("1.0-2", "1.0-1", "0.9-1"), ("1.0-1", "0.9-1")),
        ("1.0-2+b3", ("1.0-2", "1.0-1"), ("1.0-1",)),
        ("1:1.0-1", ("1:1.0-1", "2.0-1"), ("2.0-1",)),
        ("2.9-1~deb13u1", ("2.9-1~deb13u1", "2.9-1", "2.8-1"), ("2.8-1",)),
        ("2.41-12+deb13u5", ("2.41-12+deb13u5", "2.41-12+deb13u4"), ("2.41-12+deb13u4",)),
        ("1.0-3", ("1.0-2", "1.0-1"), ()),
        ("1.0-1", ("1.0-1",), ()),
    ],
    ids=["plain", "rebuild", "epoch", "backport", "point release", "unknown", "first"],
)
def test_lower_versions_in_a_changelog_are_predecessors(
    version: str, versions: tuple[str, ...], earlier: tuple[str, ...]
) -> None:
    """The newest version comes first; parentheses within an entry are ignored."""
    assert earlier_versions(changelog(*versions), version) == earlier


def test_only_recent_entries_are_read() -> None:
    """Only the last entries of a long changelog are read."""
    versions = [f"1.0-{number}" for number in range(100, 0, -1)]
    earlier = earlier_versions(changelog(*versions), "1.0-100")
    assert earlier[0] == "1.0-99"
    assert len(earlier) == 40


def test_an_ordinary_version_has_the_changelogs_predecessors() -> None:
    """Versions are in the changelog's order."""
    assert likely_versions("1.0-3", ("1.0-2", "1.0-1")) == ["1.0-2", "1.0-1"]


def test_a_backport_has_backports_as_predecessors() -> None:
    """First backports in the changelog, then backports that it need not name, then others."""
    earlier = ("2.9-1~deb13u1", "2.8-1")
    assert likely_versions("2.9-1~deb13u2", earlier) == [
        "2.9-1~deb13u1",
        "2.8-1~deb13u3",
        "2.8-1~deb13u2",
        "2.8-1~deb13u1",
        "2.9-1~deb13u1",
        "2.8-1",
    ]


def test_a_candidate_may_be_a_rebuild_for_one_arch() -> None:
    """A candidate's path has no epoch; its size and digest are unknown."""
    package = Package(
        name="zlib1g",
        version="1:1.3-2+b1",
        arch="s390x",
        sha256="a" * 64,
        size=90000,
        path="pool/main/z/zlib/zlib1g_1.3-2+b1_s390x.deb",
        vouched="signed:2026-11-21",
    )
    found = list(candidates(package, ("1:1.3-1",)))
    assert [candidate.version for candidate in found] == [
        "1:1.3-1",
        "1:1.3-1+b1",
        "1:1.3-1+b2",
        "1:1.3-1+b3",
    ]
    assert [candidate.path.rpartition("/")[2] for candidate in found[:2]] == [
        "zlib1g_1.3-1_s390x.deb",
        "zlib1g_1.3-1+b1_s390x.deb",
    ]
    assert all(candidate.size > package.size for candidate in found)


Build = Callable[..., Path]


@pytest.fixture
def build(tmp_path: Path) -> Build:
    """Build small packages with dpkg-deb."""

    def build_it(name: str, version: str, arch: str, doc: bytes = b"") -> Path:
        root, deb = tmp_path / f"{name}-{version}", tmp_path / f"{name}-{version}.deb"
        (root / "DEBIAN").mkdir(parents=True)
        (root / "DEBIAN/control").write_text(
            f"Package: {name}\nVersion: {version}\nArchitecture: {arch}\n"
            "Maintainer: nobody <nobody@localhost>\nDescription: a demo\n"
        )
        if doc:
            path = root / "usr/share/doc" / name / "changelog.Debian.gz"
            path.parent.mkdir(parents=True)
            path.write_bytes(gzip.compress(doc))
        run_process(("dpkg-deb", "--build", root, deb), timeout=60)
        return deb

    return build_it


NEW = a_package("demo", "1.0-2", arch="s390x")


def pool_of(files: dict[str, Path]) -> Callable[[Package, Path], bool]:
    """Return a function that fetches packages from a pool with these files."""

    def try_file(package: Package, path: Path) -> bool:
        if package.version in files:
            path.write_bytes(files[package.version].read_bytes())
        return package.version in files

    return try_file


def test_the_first_candidate_in_the_pool_is_used(build: Build) -> None:
    """The file has its digest and size, and is recorded as seen, not signed."""
    deb = build("demo", "1.0-1+b1", "s390x")
    pool = pool_of({"1.0-1+b1": deb, "0.9-1": build("demo", "0.9-1", "s390x")})
    found = find_predecessor(NEW, changelog("1.0-2", "1.0-1", "0.9-1"), pool)
    assert (found.version, found.sha256, found.size) == (
        "1.0-1+b1",
        file_sha256(deb),
        deb.stat().st_size,
    )
    assert found.path == "pool/demo_1.0-1+b1_s390x.deb"
    assert found.vouched.startswith("seen:20")


def test_another_package_under_that_name_is_refused(build: Build) -> None:
    """An unsigned file must name package and version in its control data."""
    for other in (
        build("demo", "0.8-1", "s390x"),
        build("evil", "1.0-1", "s390x"),
        build("demo", "1.0-1", "armhf"),
    ):
        with pytest.raises(UpstreamError, match=r"instead of demo 1\.0-1"):
            find_predecessor(NEW, changelog("1.0-2", "1.0-1"), pool_of({"1.0-1": other}))


def test_a_file_that_is_no_package_is_refused(tmp_path: Path) -> None:
    """A web page instead of a package is refused."""
    page = tmp_path / "page"
    page.write_text("<html>Sorry</html>")
    with pytest.raises(UpstreamError, match=r"demo 1\.0-1 is not a valid package"):
        find_predecessor(NEW, changelog("1.0-2", "1.0-1"), pool_of({"1.0-1": page}))


def test_a_pool_without_an_older_file_is_an_error() -> None:
    """The error names the package and the limit of its version."""
    with pytest.raises(UpstreamError, match=r"no pool has a version of demo before 1\.0-2"):
        find_predecessor(NEW, changelog("1.0-2", "1.0-1"), pool_of({}))


def test_a_changelog_is_read_from_the_package(build: Build) -> None:
    """A package without a changelog, or with a link, gives an empty one."""
    text = changelog("1.0-2", "1.0-1")
    assert read_changelog(build("demo", "1.0-2", "s390x", text.encode())) == text
    assert read_changelog(build("bare", "1.0-2", "s390x")) == ""
