"""The replica way without an archive and a compiler: the image's name."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from harness.core.errors import BuildError, ImageError, PackageIndexError, UpstreamError
from harness.core.targets import ImageWay, Interpreter, ReplicaField, Target
from harness.host.cache import Cache
from harness.host.engine import EngineImage
from harness.images import replica
from harness.images.cpython.build import source_choice
from harness.images.cpython.libraries import SOURCES
from harness.images.debian import Package, Upstream, Workspace
from harness.images.debian.package_lock import make_lock
from harness.images.debian.packages import RELEASES
from harness.images.debian.upstream import Settings
from harness.images.debian_root import native_arch, write_recipe
from harness.images.replica import ReplicaSource
from harness.images.roots import Roots
from tests.support.image_engine import ImageEngine, StockedEngine
from tests.support.targets import MUSL, alpine_replica, no_pip
from tests.support.torn_server import torn_server
from tests.support.workspace import a_package, pinned_workspace

REPLICA = alpine_replica()


def pinned(cache: Cache, *, source: str = "0") -> Workspace:
    """Return a workspace in which bases and sources are pinned, so that no index is queried."""
    bases = {
        write_recipe(suite, REPLICA.arch, (), libc="musl").wanted: (a_package("musl", "1.2.3-1"),)
        for suite in ("bookworm", "trixie", "bullseye")
    }
    names = ("python3.9", *(choice.name for choice in SOURCES))
    sources = [a_package(each, "3.9.2-1", arch="source", digit=source) for each in names]
    return pinned_workspace(cache, bases, sources)


OWN = EngineImage(
    id="sha256:own",
    platform="linux/amd64",
    labels={"wheelgrid.packages": "busybox-static=1 musl=1.2.3-1"},
)


def with_release(cache: Cache, release: Package, announce: Callable[[str], None]) -> Workspace:
    """Return the workspace of ``pinned`` whose locks name a release of CPython too."""
    plain = pinned(cache)
    locks = {**plain.upstream._settings.locks, RELEASES: make_lock(RELEASES, {}, [release])}
    upstream = Upstream(Settings(locks=locks), cache, announce)
    return Workspace(cache=cache, upstream=upstream, announce=announce)


def open_source(cache: Cache, engine: ImageEngine | None = None) -> ReplicaSource:
    return ReplicaSource(engine or ImageEngine(), pinned(cache), fetch_pip=no_pip)


def name(cache: Cache, target: Target) -> str:
    return open_source(cache).storage(target).image


def test_image_in_the_engine_is_used(cache: Cache) -> None:
    """Nothing is compiled or fetched; the origin names the replicated environment."""
    labels = {"wheelgrid.packages": "busybox-static=1 musl=1.2.3-1"}
    own = EngineImage(id="sha256:own", platform="linux/amd64", labels=labels)
    engine = StockedEngine(own, prefix="wheelgrid/replica-")
    ref = open_source(cache, engine).get(REPLICA)
    assert (ref.id, ref.way) == ("sha256:own", ImageWay.REPLICA)
    assert ref.origin == (
        "replica of alpine-3.14: Debian's python3.9 3.9.2-1 (naming musl), musl 1.2.3-1, pip 21.3.1"
    )


def test_an_interpreter_stands_in_where_its_source_cannot_be_had(tmp_path: Path) -> None:
    """With the release's archive on a server the environment's own interpreter is named."""
    data = b"an archive"
    own = Interpreter(id="cpython-3.10", python="3.10", suite=RELEASES, source="python3.10")
    assert REPLICA.replica
    way = replace(REPLICA.replica, own=own, differs={ReplicaField.PYTHON: "3.9 stands in"})
    target = replace(REPLICA, replica=way)
    with torn_server({"python/3.10.18/Python-3.10.18.tar.xz": data}) as server:
        path = f"{server.address}/python/3.10.18/Python-3.10.18.tar.xz"
        release = replace(
            a_package("python3.10", "3.10.18", arch="source"),
            path=path,
            sha256=hashlib.sha256(data).hexdigest(),
            size=1 << 20,
            vouched="cited:2025-06-03",
        )
        said: list[str] = []
        there = with_release(Cache(tmp_path / "there"), release, said.append)
        engine = StockedEngine(OWN, prefix="wheelgrid/replica-cpython-3.10-")
        source = ReplicaSource(engine, there, fetch_pip=no_pip)
        assert "replica-cpython-3.9-" in source.storage(target).image
        ref = source.get(target)
        assert ref.origin.startswith("replica of alpine-3.14: the release of python3.10 3.10.18 ")
        there.upstream.source(source_choice(own))
        assert "replica-cpython-3.10-" in source.storage(target).image
    gone = with_release(Cache(tmp_path / "gone"), release, said.append)
    engine = StockedEngine(OWN, prefix="wheelgrid/replica-cpython-3.9-")
    ref = ReplicaSource(engine, gone, fetch_pip=no_pip).get(target)
    assert ref.origin.startswith("replica of alpine-3.14: Debian's python3.9 3.9.2-1 ")
    assert way.with_own.interpreter is own
    assert way.with_own.differs == {}


def test_name_depends_on_base_naming_and_pip(cache: Cache) -> None:
    """It does not depend on the target's id."""
    plain = name(cache, REPLICA)
    second = replace(MUSL, second={"x86_64": "x86_64-linux-gnu"})
    last = replace(MUSL, last={"x86_64": "x86_64-linux-gnu"})
    others = [
        name(cache, alpine_replica(pip="20.3.4")),
        name(cache, alpine_replica(suite="trixie")),
        name(cache, alpine_replica(naming=second)),
        name(cache, alpine_replica(naming=last)),
    ]
    assert plain.startswith("wheelgrid/replica-cpython-3.9-musl-bookworm-x86_64:")
    assert len({plain, *others}) == 5
    assert name(cache, replace(REPLICA, id="another")) == plain


def test_name_ignores_namings_of_other_arches(cache: Cache) -> None:
    """A naming that differs on another arch gives the same image."""
    elsewhere = replace(MUSL, second={"ppc64le": "powerpc64le-linux-gnu"})
    assert name(cache, alpine_replica(naming=elsewhere)) == name(cache, REPLICA)


def test_name_depends_on_the_source(cache: Cache) -> None:
    """The digest of the source archive is in the key."""
    names = [
        ReplicaSource(ImageEngine(), pinned(cache, source=digit), fetch_pip=no_pip)
        .storage(REPLICA)
        .image
        for digit in "12"
    ]
    assert names[0] != names[1]


def test_unpinned_source_has_no_name(cache: Cache) -> None:
    """The index is not queried."""
    source = ReplicaSource(ImageEngine(), pinned_workspace(cache, {}), fetch_pip=no_pip)
    assert source.storage(REPLICA).image == ""


def test_storage_lists_root_interpreter_and_pip(cache: Cache) -> None:
    """Pruning keeps these entries."""
    entries = open_source(cache).storage(REPLICA).entries
    assert "interpreters/cpython-3.9-x86_64-musl-*" in entries
    assert "installers/pip-21.3.1-*-cpython-3.9-*" in entries
    assert any(entry.startswith("roots/") for entry in entries)


def test_storage_lists_the_native_build(cache: Cache) -> None:
    """An interpreter on musl is compiled with the native build on glibc."""
    entries = open_source(cache).storage(REPLICA).entries
    arch = native_arch().name
    kept = {f"builds/cpython-3.9-{arch}-glibc-*", f"libraries/{arch}-glibc-*"}
    assert kept <= entries


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (BuildError("does not compile\nits log"), "infra:interpreter"),
        (PackageIndexError("no such pip"), "infra:index"),
        (UpstreamError("its pool has not"), "infra:upstream"),
    ],
)
def test_unavailable_part_has_its_own_cause(
    cache: Cache, monkeypatch: pytest.MonkeyPatch, error: Exception, cause: str
) -> None:
    """It is an image error, and not a wheel that does not build."""

    def fail(*_: object, **__: object) -> Path:
        raise error

    monkeypatch.setattr(replica, "interpreter_tree", fail)
    monkeypatch.setattr(Roots, "make", lambda roots, recipe: roots.resolve(recipe))
    monkeypatch.setattr(ReplicaSource, "_found_sources", lambda *_: (a_package("python3.9"),))
    engine = ImageEngine()
    with pytest.raises(ImageError, match=r"^alpine-3[.]14-replica/x86_64: ") as caught:
        open_source(cache, engine).get(REPLICA)
    assert caught.value.cause == cause
    assert engine.asked == []
