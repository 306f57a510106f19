"""Packages, sources and headers in the cache: made once, and made again if changed."""

import multiprocessing
from dataclasses import replace
from pathlib import Path

import pytest

from harness.core.errors import UpstreamError
from harness.host.cache import Cache
from harness.images.cpython import sources
from harness.images.cpython.sources import find_source
from harness.images.debian import Package, PackageSet, Upstream
from harness.images.debian import upstream as upstream_module
from harness.images.debian.mirrors import Mirrors
from harness.images.debian.package_lock import SuiteLock, make_lock
from harness.images.debian.upstream import Settings, cached_name
from harness.wheels.build import headers
from tests.support.distribution import SUITE, Distribution, Key
from tests.support.torn_server import Fault, TornServer
from tests.support.upstream import FOREIGN, SOURCE, OpenClient, wanted

pytestmark = pytest.mark.integration


def _fetch(folder: Path, key: Key, address: str, lock: SuiteLock) -> None:
    settings = Settings(locks={SUITE: lock})
    made = Upstream(settings, Cache(folder / "cache"), lambda _: None)
    made.mirrors = Mirrors(mirrors=(address,), keyring=str(key.keyring))
    made.fetch(wanted())


def test_two_processes_download_a_file_once(
    tmp_path: Path, key: Key, mirror: TornServer, lock: SuiteLock
) -> None:
    """The second process waits for the first."""
    mirror.tear("*.deb*", Fault.LATE)
    context = multiprocessing.get_context("fork")
    processes = [
        context.Process(target=_fetch, args=(tmp_path, key, mirror.address, lock)) for _ in range(2)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(30)
    assert [process.exitcode for process in processes] == [0, 0]
    assert mirror.asked("*.deb*") == 3


def test_a_cached_package_that_was_changed_is_fetched_again(
    client: OpenClient, mirror: TornServer, lock: SuiteLock
) -> None:
    """The digest in the lock counts, not the digest file in the cache."""
    _, files = client(mirror, lock=lock).upstream.fetch(wanted())
    right = files[0].read_bytes()
    files[0].write_bytes(b"evil")
    mirror.log.clear()
    _, again = client(mirror, lock=lock).upstream.fetch(wanted())
    assert again[0].read_bytes() == right
    assert mirror.asked() == 1


def test_an_unpacked_source_that_was_changed_is_unpacked_again(
    client: OpenClient, mirror: TornServer, lock: SuiteLock
) -> None:
    """The tree is compared with its archive: a changed file and an additional file are found."""
    opened = client(mirror, lock=lock)
    source = find_source(SOURCE, opened.workspace)
    assert (source.version, source.digest) == ("1.0", source.package.sha256)
    for name in ("main.c", "evil.h"):
        tree = source.tree(opened.cache)
        (tree / name).write_text("evil\n")
        sources._whole_tree.cache_clear()
        tree = source.tree(opened.cache)
        assert [path.name for path in tree.iterdir()] == ["main.c"]
        assert "int main" in (tree / "main.c").read_text()
    assert mirror.asked("*.orig.tar.gz*") == 1


def test_headers_that_were_changed_are_unpacked_again(
    client: OpenClient, distribution: Distribution, mirror: TornServer
) -> None:
    """The tree holds headers alone, with the bytes of the package."""
    files = {"usr/include/demo.h": b"#define DEMO 1\n", "usr/bin/tool": b"no\n"}
    distribution.add("libdemo-dev", "1.0", FOREIGN, files=files)
    distribution.publish()
    dev = PackageSet(suite=SUITE, arches=(FOREIGN,), names=("libdemo-dev",), depends=False)
    opened = client(mirror)
    tree = headers._suite_headers(dev, opened.workspace)
    assert (tree.root / "include/demo.h").read_bytes() == files["usr/include/demo.h"]
    assert not (tree.root / "bin").exists()
    (tree.root / "include/demo.h").write_text("evil\n")
    again = headers._suite_headers(dev, client(mirror).workspace)
    assert (again.root / "include/demo.h").read_bytes() == files["usr/include/demo.h"]
    assert again.digest == tree.digest


def test_a_source_is_taken_from_the_first_suite_that_has_it(
    client: OpenClient, mirror: TornServer
) -> None:
    """A suite that no mirror has is skipped; it fails if it is the only one."""
    opened = client(mirror)
    package, _ = opened.upstream.source(replace(SOURCE, suites=("nowhere", SUITE)))
    assert package.version == "1.0-1"
    with pytest.raises(UpstreamError, match="the index of Debian nowhere"):
        opened.upstream.source(replace(SOURCE, suites=("nowhere",)))


def test_a_failed_source_is_requested_once(client: OpenClient, mirror: TornServer) -> None:
    """The next cell gets the same error, or the same source, without a request."""
    mirror.tear("*.orig.tar.gz*", Fault.MISSING)
    opened = client(mirror)
    for _ in range(2):
        with pytest.raises(
            UpstreamError, match=r"names demo 1\.0-1, but its pool lacks it \(404\)"
        ):
            opened.upstream.source(SOURCE)
        assert (mirror.asked("*Sources*"), mirror.asked("*.orig.tar.gz*")) == (1, 1)
    mirror.repair()
    opened = client(mirror)
    assert opened.upstream.source(SOURCE) == opened.upstream.source(SOURCE)
    assert (mirror.asked("*Sources*"), mirror.asked("*.orig.tar.gz*")) == (1, 1)


def test_cached_names_hold_the_digest() -> None:
    """Two files of one name have two cache entries."""
    one = Package(
        name="a", version="1", arch="all", sha256="0" * 64, size=1, path="p/a.deb", vouched="seen:x"
    )
    assert cached_name(one) != cached_name(replace(one, sha256="1" * 64))
    assert make_lock(SUITE, {}, [one]).source("a") is None
    assert upstream_module.DEBS == "debs"
