"""Where a subject's wheel comes from: a fixture project, the package index, the user's files."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from harness.core.causes import Cause
from harness.core.cells import Matrix
from harness.core.errors import BuildError, RoomError
from harness.core.subjects import (
    DependencyOptions,
    FileSource,
    FixtureSource,
    IndexSource,
    Subject,
    WheelRef,
)
from harness.host import compiler_check
from harness.host.cache import Cache, file_sha256
from harness.wheels.build.fixture_wheels import FixtureWheels
from harness.wheels.index.fetch import PackageIndex
from harness.wheels.index.lock import IndexLock, LockedWheel
from harness.wheels.provider import Refusal, WheelProvider
from tests.support.passports import make_passport
from tests.support.projects import BUILDER, FIXTURES
from tests.support.targets import debian_12
from tests.support.wheels import make_wheel
from tests.support.workspace import make_workspace

TAGS = ("cp311-cp311-manylinux_2_36_x86_64", "cp311-abi3-manylinux_2_17_x86_64", "py3-none-any")
PASSPORT = make_passport("x86_64", tags=TAGS)


def _pin(
    cache: Cache, folder: Path, name: str, *tags: str, requires: Sequence[str] = ()
) -> tuple[LockedWheel, ...]:
    """Return the pinned wheels of one release, which are in the cache."""
    pinned = []
    for tag in tags:
        wheel = make_wheel(folder, name, f"tag = {tag!r}", tag=tag, requires=requires)
        sha256 = file_sha256(wheel)
        cache.get(f"index/{sha256}", wheel.name, lambda p, w=wheel: p.write_bytes(w.read_bytes()))  # type: ignore[misc]
        pinned.append(LockedWheel(filename=wheel.name, sha256=sha256))
    return tuple(pinned)


def _provider(
    cache: Cache,
    releases: dict[str, tuple[LockedWheel, ...]] | None = None,
    *,
    dependencies: tuple[str, ...] = (),
    room: int | None = 1 << 20,
) -> WheelProvider:
    lock = IndexLock(
        generated=date(2026, 1, 1), releases=releases or {}, dependencies={"it": dependencies}
    )
    lines: list[str] = []
    return WheelProvider(
        index=PackageIndex(cache, lock, lines.append),
        cache=cache,
        build=FixtureWheels(
            Matrix(targets=(), subjects=(), builders=(BUILDER,), expectations=(), profiles=()),
            fixtures=FIXTURES,
            workspace=make_workspace(cache, lines.append),
        ),
        room=room,
    )


def _subject(source: FixtureSource | IndexSource | FileSource, *beside: str) -> Subject:
    companions = tuple(IndexSource(name=name, version="1.0") for name in beside)
    return Subject(id="it", group="tests", source=source, imports=("it",), companions=companions)


def _wheel(
    provider: WheelProvider, source: FixtureSource | IndexSource | FileSource
) -> WheelRef | Refusal:
    found = provider.wheels_for(_subject(source), debian_12(), PASSPORT)
    return found if isinstance(found, Refusal) else found[-1]


IT = IndexSource(name="it", version="1.0")


def test_a_fixture_wheel_is_built(cache: Cache) -> None:
    """A fixture subject's wheel is built by its builder for the target."""
    wheel = _wheel(_provider(cache), FixtureSource(project="pure", builder=BUILDER.id))
    assert isinstance(wheel, WheelRef)
    assert wheel.filename == "wheelgrid_pure-1.0.0-py3-none-any.whl"
    assert file_sha256(Path(wheel.path)) == wheel.sha256


def test_a_fixture_wheel_is_for_the_python_that_was_measured(cache: Cache) -> None:
    """The passport's Python counts, not the target's: a replica may run another version."""
    passport = replace(PASSPORT, python="3.4.0")
    subject = _subject(FixtureSource(project="plain", builder=BUILDER.id))
    with pytest.raises(BuildError, match=r"3\.4"):
        _provider(cache).wheels_for(subject, debian_12(), passport)


def test_a_fixture_wheel_needs_a_compiler(monkeypatch: pytest.MonkeyPatch, cache: Cache) -> None:
    """Also one that is cached; the message has the command."""
    monkeypatch.setattr(compiler_check, "_PARTS", ("a-missing-ziglang",))
    with pytest.raises(BuildError, match=r"pip install 'wheelgrid\[build\]'"):
        _wheel(_provider(cache), FixtureSource(project="pure", builder=BUILDER.id))


def test_missing_fixture(cache: Cache) -> None:
    """A missing project is a build error."""
    with pytest.raises(BuildError, match="nowhere"):
        _wheel(_provider(cache), FixtureSource(project="nowhere", builder=BUILDER.id))


def test_an_index_wheel_is_chosen_by_the_passport(cache: Cache, tmp_path: Path) -> None:
    """The wheel of a release is the one that the target's installer ranks first."""
    pinned = _pin(cache, tmp_path, "it", TAGS[2], TAGS[0], "cp312-cp312-manylinux_2_17_x86_64")
    wheel = _wheel(_provider(cache, {"it==1.0": pinned}), IT)
    assert isinstance(wheel, WheelRef)
    assert wheel.filename == f"it-1.0-{TAGS[0]}.whl"
    assert wheel.sha256 == pinned[1].sha256
    assert wheel.size == Path(wheel.path).stat().st_size


def test_an_index_release_that_is_refused(cache: Cache, tmp_path: Path) -> None:
    """If the installer accepts none, the refusal lists the available wheels."""
    pinned = _pin(cache, tmp_path, "it", "cp311-cp311-musllinux_1_2_x86_64")
    refusal = _wheel(_provider(cache, {"it==1.0": pinned}), IT)
    assert isinstance(refusal, Refusal)
    assert "musllinux" in str(refusal)


@pytest.mark.parametrize("tags", [(TAGS[1], TAGS[0]), (TAGS[0], TAGS[1])])
def test_the_best_of_several_files(cache: Cache, tmp_path: Path, tags: tuple[str, ...]) -> None:
    """The user's file with the installer's best tag is chosen, in any order."""
    paths = tuple(str(make_wheel(tmp_path, "it", "", tag=tag)) for tag in tags)
    wheel = _wheel(_provider(cache), FileSource(paths=paths))
    assert isinstance(wheel, WheelRef)
    assert wheel.filename == f"it-1.0-{TAGS[0]}.whl"
    assert Path(wheel.path).parent == tmp_path


def test_file_that_the_installer_refuses(cache: Cache, tmp_path: Path) -> None:
    """A single file is returned even if the installer accepts none of its tags."""
    path = make_wheel(tmp_path, "it", "", tag="cp27-cp27mu-manylinux1_i686")
    wheel = _wheel(_provider(cache), FileSource(paths=(str(path),)))
    assert isinstance(wheel, WheelRef)
    assert (wheel.filename, wheel.size) == (path.name, path.stat().st_size)


def test_companions_in_order(cache: Cache, tmp_path: Path) -> None:
    """Companions are chosen as subjects are; one refusal refuses them all."""
    releases = {
        "second==1.0": _pin(cache, tmp_path, "second", TAGS[2]),
        "first==1.0": _pin(cache, tmp_path, "first", TAGS[2]),
        "absent==1.0": (),
        "it==1.0": _pin(cache, tmp_path, "it", TAGS[2]),
    }
    provider = _provider(cache, releases)
    wheels = provider.wheels_for(_subject(IT, "first", "second"), debian_12(), PASSPORT)
    assert isinstance(wheels, tuple)
    assert [wheel.filename.partition("-")[0] for wheel in wheels] == ["first", "second", "it"]
    refusal = provider.wheels_for(_subject(IT, "first", "absent"), debian_12(), PASSPORT)
    assert refusal == Refusal(reason="the release has no wheel for Linux")


def test_dependencies_of_a_locked_subject(cache: Cache, tmp_path: Path) -> None:
    """They are resolved among pinned releases, without an index if the cache has the wheels."""
    first = _pin(cache, tmp_path, "first", TAGS[2], requires=("second", "third; os_name == 'nt'"))
    releases = {
        "first==1.0": first,
        "second==1.0": _pin(cache, tmp_path, "second", TAGS[2], TAGS[0]),
        "absent==1.0": _pin(cache, tmp_path, "absent", "cp311-cp311-linux_s390x"),
        "it==1.0": _pin(cache, tmp_path, "it", TAGS[2], requires=("first>=1",)),
    }
    pins = ("absent==1.0", "first==1.0", "second==1.0")
    subject = replace(_subject(IT), dependencies=DependencyOptions(locked=True))
    provider = _provider(cache, releases, dependencies=pins)
    wheels = provider.wheels_for(subject, debian_12(), PASSPORT)
    assert isinstance(wheels, tuple)
    assert [wheel.filename.split("-")[0] for wheel in wheels] == ["first", "second", "it"]
    assert wheels[1].filename == f"second-1.0-{TAGS[0]}.whl"
    predicting = _provider(cache, releases, dependencies=pins, room=None)
    assert predicting.wheels_for(subject, debian_12(), PASSPORT) == wheels
    beside = replace(subject, companions=(IndexSource(name="absent", version="1.0"),))
    assert provider.wheels_for(beside, debian_12(), PASSPORT) == Refusal(
        reason="no wheel of absent 1.0 for x86_64; there are wheels for s390x; "
        "users cannot install it (absent==1.0)",
        cause=Cause.DEPENDENCY_REFUSED,
    )
    with pytest.raises(RoomError, match=r"the disk of a cell's container has 0 MiB; .*--cell-disk"):
        _provider(cache, releases, dependencies=pins, room=100).wheels_for(
            subject, debian_12(), PASSPORT
        )
