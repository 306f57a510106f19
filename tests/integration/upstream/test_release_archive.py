"""CPython's release archive on loopback, with the archive of a version that Debian has too."""

from pathlib import Path

import pytest

from harness.host.cache import Cache, file_sha256
from harness.images.cpython.sources import find_source
from harness.images.debian import SourceChoice, Upstream, Workspace
from harness.images.debian.mirrors import PYTHON_ARCHIVE
from harness.images.debian.package_lock import read_locks
from harness.images.debian.packages import RELEASES
from harness.images.debian.upstream import Settings
from tests.support.commands import ROOT
from tests.support.torn_server import torn_server
from tests.support.workspace import make_workspace

pytestmark = pytest.mark.integration

NAME = "python3.13"


def test_a_release_is_fetched_by_its_digest_and_unpacked(
    cache: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lock's address is that of upstream's server; a mirror of it has the same digest."""
    lock = read_locks(ROOT / "matrix")[RELEASES]
    _, archive = make_workspace(cache).upstream.source(SourceChoice(name=NAME, suites=("trixie",)))
    release = lock.source(NAME)
    assert release
    assert release.sha256 == file_sha256(archive)
    folder = f"python/{release.version}"
    with torn_server({f"{folder}/{release.filename}": archive.read_bytes()}) as server:
        monkeypatch.setenv(PYTHON_ARCHIVE, f"{server.address}/python/")
        own = Cache(tmp_path)
        upstream = Upstream(Settings(locks={RELEASES: lock}), own, print)
        choice = SourceChoice(name=NAME, suites=(RELEASES,))
        assert not upstream.has_source(choice)
        assert upstream.offers_source(choice)
        source = find_source(choice, Workspace(cache=own, upstream=upstream, announce=print))
        assert server.log == [f"{folder}/{release.filename}"] * 2  # asked for, then fetched
        assert (source.tree(own) / "configure").is_file()
        assert source.version == release.version
        assert upstream.has_source(choice)
