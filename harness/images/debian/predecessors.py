"""Find the previous version of a package that a mirror's index names but its pool lacks.

This happens when a mirror's index is newer than its pool for an arch. The changelog in another
arch's package names the previous versions. If the pool still has such a file, its control data is
checked. No signed index names it any more.
"""

import gzip
import io
import re
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

from harness.core.errors import UpstreamError
from harness.host.cache import file_sha256
from harness.host.process import ProcessError, run_process
from harness.images.debian.packages import Package

TryFile = Callable[[Package, Path], bool]
"""Writes the file of a package without checking its digest; False if no mirror has it."""

LARGEST = 256 << 20
"""Maximum bytes of such a file."""
_SECONDS = 60
_ENTRY = re.compile(r"^\S+ \((?P<version>[^)]+)\) ", re.MULTILINE)
_DEEPEST = 40
"""Number of changelog entries that are considered."""
_BACKPORT = re.compile(r"(?P<suffix>~deb\d+u)\d+")
_REBUILDS = ("", "+b1", "+b2", "+b3")
"""Version suffixes of rebuilds for one arch (binNMU)."""


def earlier_versions(changelog: str, version: str) -> tuple[str, ...]:
    """Return the lower versions after ``version`` in a Debian changelog, the newest first.

    A backport's changelog continues with the release that it comes from, which is higher
    (``2.9.0-1~deb13u1`` is lower than ``2.9.0-1``).
    """
    source = re.sub(r"\+b\d+$", "", version)
    versions = [found["version"] for found in _ENTRY.finditer(changelog)]
    before = versions[versions.index(source) + 1 :] if source in versions else []
    return tuple(filter(lambda other: _is_lower(other, version), before[:_DEEPEST]))


def _is_lower(one: str, other: str) -> bool:
    try:
        run_process(("dpkg", "--compare-versions", one, "lt", other), timeout=_SECONDS)
    except ProcessError:
        return False
    return True


def read_changelog(deb: Path) -> str:
    """Return the changelog in a package file; empty if it has none."""
    data = run_process(("dpkg-deb", "--fsys-tarfile", deb), timeout=_SECONDS)
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        for member in tar:
            if re.fullmatch(r"\./usr/share/doc/[^/]+/changelog(\.Debian)?\.gz", member.name):
                stream = tar.extractfile(member)
                return gzip.decompress(stream.read()).decode("utf-8", "replace") if stream else ""
    return ""


def likely_versions(version: str, earlier: Sequence[str]) -> list[str]:
    """Return possible previous versions in the suite, likely ones first.

    A package backported into a suite (``2.9.0-1~deb13u1``) usually replaces another backport
    (``2.8.3-1~deb13u1``), which its changelog need not name.
    """
    found = _BACKPORT.search(version)
    if found is None:
        return list(earlier)
    named = [one for one in earlier if found["suffix"] in one]
    bases = [one for one in earlier if "~deb" not in one]
    return [*named, *(f"{one}{found['suffix']}{n}" for one in bases for n in "321"), *earlier]


def candidates(package: Package, earlier: Sequence[str]) -> Iterator[Package]:
    """Yield possible previous files of ``package``, likely ones first."""
    for version in likely_versions(package.version, earlier):
        for rebuild in _REBUILDS:
            now, then = (re.sub(r"^\d+:", "", v) for v in (package.version, version + rebuild))
            yield replace(
                package,
                version=version + rebuild,
                path=package.path.replace(f"_{now}_", f"_{then}_"),
                size=LARGEST,
            )


def find_predecessor(package: Package, changelog: str, try_file: TryFile) -> Package:
    """Return the likeliest previous file of ``package`` that a pool has, as seen today.

    Raises ``UpstreamError`` if no pool has one, or if it is another package.
    """
    for candidate in candidates(package, earlier_versions(changelog, package.version)):
        with tempfile.TemporaryDirectory(prefix="deb-") as folder:
            path = Path(folder, "package.deb")
            if not try_file(candidate, path):
                continue
            _check_control(candidate, path)
            return replace(
                candidate,
                sha256=file_sha256(path),
                size=path.stat().st_size,
                vouched=f"seen:{date.today():%Y-%m-%d}",  # noqa: DTZ011 - the user's day
            )
    raise UpstreamError(f"no pool has a version of {package.name} before {package.version}")


def _check_control(package: Package, deb: Path) -> None:
    try:
        fields = run_process(
            ("dpkg-deb", "--show", "--showformat=${Package} ${Version} ${Architecture}", deb),
            timeout=_SECONDS,
        ).decode()
    except ProcessError as error:
        raise UpstreamError(f"{package.title} is not a valid package: {error.reason}") from error
    if fields != f"{package.name} {package.version} {package.arch}":
        raise UpstreamError(f"{package.path} is {fields} instead of {package.title}")
