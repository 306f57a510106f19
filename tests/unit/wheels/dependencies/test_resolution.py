"""Dependencies of wheels from an index, its lock and the user's files."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from urllib3 import Retry

from harness.core.errors import PackageIndexError, RoomError
from harness.core.own_tests import OwnTests
from harness.core.passport import Passport
from harness.core.subjects import DependencyOptions, FileSource, IndexSource, Subject
from harness.host.cache import Cache
from harness.wheels.dependencies.resolution import DependencyResolver
from harness.wheels.dependencies.resolver import DependencyRefusedError
from harness.wheels.index.client import IndexClient, IndexSettings
from harness.wheels.index.fetch import PackageIndex
from harness.wheels.index.lock import NOTHING_PINNED, IndexLock, LockedWheel
from harness.wheels.wheel_file import wheel_file
from tests.support.loopback_index import LoopbackIndex
from tests.support.offers import files_of
from tests.support.passports import make_passport
from tests.support.released import Releases, sha256
from tests.support.torn_server import Fault
from tests.support.wheels import make_wheel

HERE = make_passport(implementation="CPython", tags=("cp311-cp311-linux_s390x", "py3-none-any"))
Resolve = Callable[..., list[str]]


@pytest.fixture
def open_index(releases: Releases, tmp_path: Path, impatient: Retry) -> Callable[..., PackageIndex]:
    """Return a function that opens the loopback index with a lock, as a new process would."""

    def opened(lock: IndexLock = NOTHING_PINNED) -> PackageIndex:
        client = IndexClient(IndexSettings(endpoint=releases.index.endpoint), impatient)
        return PackageIndex(Cache(tmp_path / "cache"), lock, lambda _: None, client)

    return opened


def subject_of(*paths: Path, options: DependencyOptions | None = None) -> Subject:
    return Subject(
        id="demo",
        group="tests",
        source=FileSource(paths=tuple(map(str, paths))),
        imports=("demo",),
        dependencies=options or DependencyOptions(),
    )


@pytest.fixture
def resolve(open_index: Callable[..., PackageIndex], tmp_path: Path) -> Resolve:
    """Return a function that resolves a wheel with these requirements in a new process."""

    def resolved(
        *requires: str,
        options: DependencyOptions | None = None,
        lock: IndexLock = NOTHING_PINNED,
        passport: Passport = HERE,
        tag: str = "py3-none-any",
    ) -> list[str]:
        wheel = make_wheel(tmp_path, "demo", "", requires=requires, tag=tag)
        resolver = DependencyResolver(open_index(lock), Cache(tmp_path / "cache"))
        subject = subject_of(wheel, options=options)
        return files_of(resolver.resolve(subject, wheel_file(wheel), passport))

    return resolved


def test_metadata_is_asked_before_wheels(releases: Releases, resolve: Resolve) -> None:
    """Only METADATA is downloaded (PEP 658), once per cache; no wheel is."""
    releases.add("a", "1.0", "b>=1")
    releases.add("b", "2.0")
    assert resolve("a") == ["a-1.0-py3-none-any", "b-2.0-py3-none-any"]
    assert [path for path in releases.index.log if path.startswith("files")] == [
        "files/a-1.0-py3-none-any.whl.metadata",
        "files/b-2.0-py3-none-any.whl.metadata",
    ]
    releases.index.log.clear()
    assert resolve("a") == ["a-1.0-py3-none-any", "b-2.0-py3-none-any"]
    assert sorted(releases.index.log) == ["simple/a/", "simple/b/"]


def test_extras_of_the_subject(releases: Releases, resolve: Resolve) -> None:
    """What they require is installed too; one that the wheel does not have is refused."""
    for name in ("a", "b", "c"):
        releases.add(name, "1.0")
    asked = ("a", "b; extra == 'Fast_One'", "demo[fast-one]; extra == 'all'", "c; extra == 'all'")
    assert resolve(*asked) == ["a-1.0-py3-none-any"]
    fast = DependencyOptions(extras=("fast-one",))
    assert resolve(*asked, options=fast) == ["a-1.0-py3-none-any", "b-1.0-py3-none-any"]
    every = resolve(*asked, options=DependencyOptions(extras=("all",)))
    assert [name[0] for name in every] == ["a", "b", "c"]
    for lines, known in ((asked, "all, fast-one"), ((), "none"), (("a ? b",), "none")):
        refusal = rf"demo 1\.0 requires nothing for the extra 'slow'; its extras: {known}"
        with pytest.raises(DependencyRefusedError, match=refusal):
            resolve(*lines, options=DependencyOptions(extras=("slow",)))


def test_tests_may_require_an_extra_of_the_subject(
    releases: Releases, open_index: Callable[..., PackageIndex], tmp_path: Path
) -> None:
    releases.add("runner", "1.0")
    wheel = make_wheel(tmp_path, "demo", "", requires=("runner; extra == 'test'",))
    subject = replace(subject_of(wheel), tests=OwnTests(command=("run",), requires=("demo[test]",)))
    resolver = DependencyResolver(open_index(), Cache(tmp_path / "cache"))
    assert resolver.resolve(subject, wheel_file(wheel), HERE) == ()
    found = resolver.resolve_tests(subject, wheel_file(wheel), HERE)
    assert names_of(found) == ["runner-1.0-py3-none-any"]


@pytest.mark.parametrize("fault", ["not offered", "not found", "other bytes"])
def test_metadata_is_read_from_the_wheel(releases: Releases, resolve: Resolve, fault: str) -> None:
    """Without usable METADATA on the index, the end of the wheel is read."""
    releases.index.ranges = True
    releases.add("a", "1.0", "b", metadata=fault != "not offered")
    releases.add("b")
    path = "files/a-1.0-py3-none-any.whl.metadata"
    if fault == "not found":
        del releases.index.pages[path]
    elif fault == "other bytes":
        releases.index.pages[path] = b"Name: a\nRequires-Dist: nowhere\n"
    assert resolve("a") == ["a-1.0-py3-none-any", "b-1.0-py3-none-any"]
    assert any(asked.startswith("files/a-1.0-py3-none-any.whl -") for asked in releases.index.log)


def test_environment_is_resolved_once(
    releases: Releases, open_index: Callable[..., PackageIndex], tmp_path: Path
) -> None:
    """Equal environments share an answer, refusals included; another machine has its own."""
    releases.add("a", "1.0", 'b; platform_machine == "armv7l"')
    wheel = make_wheel(tmp_path, "demo", "", requires=("a",))
    resolver = DependencyResolver(open_index(), Cache(tmp_path / "cache"))
    subject, ref = subject_of(wheel), wheel_file(wheel)
    first = resolver.resolve(subject, ref, HERE)
    assert resolver.resolve(subject, ref, replace(HERE, page_size=65536)) is first
    there = replace(HERE, machine="armv7l")
    with pytest.raises(DependencyRefusedError, match="no project b") as caught:
        resolver.resolve(subject, ref, there)
    with pytest.raises(DependencyRefusedError) as again:
        resolver.resolve(subject, ref, there)
    assert again.value is caught.value


def test_sdist_is_reported(releases: Releases, resolve: Resolve) -> None:
    """A release without a wheel has an sdist that users would compile; it is not downloaded."""
    releases.add("a", "1.0", tag="cp311-cp311-linux_x86_64")
    releases.add_sdist("a")
    with pytest.raises(DependencyRefusedError) as caught:
        resolve("a")
    assert str(caught.value) == (
        "no wheel of a 1.0 for s390x; there are wheels for x86_64; users would compile it "
        "(demo 1.0 → a)"
    )


@pytest.mark.parametrize(
    ("attributes", "chosen"),
    [("", "2.0"), ('data-requires-python="&gt;=3.12"', "1.0"), ('data-yanked="oops"', "1.0")],
)
def test_link_decides(releases: Releases, resolve: Resolve, attributes: str, chosen: str) -> None:
    """Requires-Python and yanked releases are those of the index's page (PEP 503, PEP 592)."""
    releases.add("a", "1.0")
    releases.add("a", "2.0", attributes=attributes)
    assert resolve("a") == [f"a-{chosen}-py3-none-any"]


def test_files_come_before_the_index(
    releases: Releases, resolve: Resolve, tmp_path: Path, open_index: Callable[..., PackageIndex]
) -> None:
    """Sibling wheels are found though the index lacks them, and read for what they require."""
    releases.add("a", "1.0")
    siblings = tmp_path / "siblings"
    siblings.mkdir()
    own = make_wheel(siblings, "a", "mine = 1", requires=("sibling",))
    sibling = make_wheel(siblings, "sibling", "")
    options = DependencyOptions(files=(str(own), str(sibling)))
    assert resolve("a==1.0", options=options) == ["a-1.0-py3-none-any", "sibling-1.0-py3-none-any"]
    resolver = DependencyResolver(open_index(), Cache(tmp_path / "cache"))
    wheel = make_wheel(tmp_path, "demo", "", requires=("a",))
    found = resolver.resolve(subject_of(wheel, options=options), wheel_file(wheel), HERE)
    assert resolver.fetch(found, 1 << 20) == (wheel_file(own), wheel_file(sibling))
    sibling.write_bytes(b"no wheel")
    assert "simple/sibling/" in releases.index.log
    with pytest.raises(DependencyRefusedError, match="sibling that fits has metadata"):
        resolve("sibling", options=options)


def test_index_wheel_is_fetched(
    releases: Releases, open_index: Callable[..., PackageIndex], tmp_path: Path
) -> None:
    """A resolved wheel of the index is downloaded and checked."""
    data = releases.add("a")
    wheel = make_wheel(tmp_path, "demo", "", requires=("a",))
    resolver = DependencyResolver(open_index(), Cache(tmp_path / "cache"))
    resolved = resolver.resolve(subject_of(wheel), wheel_file(wheel), HERE)
    (fetched,) = resolver.fetch(resolved, len(data))
    assert Path(fetched.path).read_bytes() == data
    with pytest.raises(RoomError):
        resolver.fetch(resolved, len(data) - 1)


def test_too_large_dependencies_are_not_downloaded(
    loopback_index: LoopbackIndex, impatient: Retry, tmp_path: Path
) -> None:
    """The sizes that the index lists are compared with the cell's disk first (PEP 700)."""
    name = "a-1.0-py3-none-any.whl"
    metadata = b"Metadata-Version: 2.1\nName: a\nVersion: 1.0\n"
    file = {
        "filename": name,
        "url": f"/files/{name}",
        "hashes": {"sha256": "0" * 64},
        "size": 3 << 30,
        "core-metadata": {"sha256": sha256(metadata)},
    }
    page = {"meta": {"api-version": "1.1"}, "name": "a", "versions": ["1.0"], "files": [file]}
    loopback_index.kind = "application/vnd.pypi.simple.v1+json"
    loopback_index.pages["simple/a/"] = json.dumps(page).encode()
    loopback_index.pages[f"files/{name}.metadata"] = metadata
    client = IndexClient(IndexSettings(endpoint=loopback_index.endpoint), impatient)
    index = PackageIndex(Cache(tmp_path / "cache"), NOTHING_PINNED, lambda _: None, client)
    resolver = DependencyResolver(index, Cache(tmp_path / "cache"))
    wheel = make_wheel(tmp_path, "demo", "", requires=("a",))
    resolved = resolver.resolve(subject_of(wheel), wheel_file(wheel), HERE)
    with pytest.raises(RoomError, match=r"have 3072 MiB, .* has 512 MiB"):
        resolver.fetch(resolved, 512 << 20)
    assert f"files/{name}" not in loopback_index.log


def test_lock_limits_releases(releases: Releases, resolve: Resolve) -> None:
    """A locked subject gets the pinned releases; what is not pinned comes from the index."""
    data = releases.add("a", "1.0", "b")
    releases.add("a", "2.0")
    releases.add("b")
    pinned = LockedWheel(filename="a-1.0-py3-none-any.whl", sha256=sha256(data))
    lock = IndexLock(
        generated=date(2026, 1, 1),
        releases={"a==1.0": (pinned,)},
        dependencies={"demo": ("a==1.0",)},
    )
    locked = DependencyOptions(locked=True)
    both = ["a-1.0-py3-none-any", "b-1.0-py3-none-any"]
    assert resolve("a", options=locked, lock=lock) == both
    assert resolve("a", lock=lock) == ["a-2.0-py3-none-any"]


@pytest.mark.parametrize("tag", ["cp39-cp39-linux_s390x", "py3-none-any"])
def test_refused_wheel_asks_for_nothing(releases: Releases, resolve: Resolve, tag: str) -> None:
    """If the installer refuses the wheel itself, or nothing is required, no index is asked."""
    requires = ("a",) if tag.startswith("cp39") else ()
    assert resolve(*requires, tag=tag) == []
    assert releases.index.log == []


def test_subject_without_options_or_metadata(
    open_index: Callable[..., PackageIndex], tmp_path: Path
) -> None:
    """Nothing is resolved for a subject that does not ask, or for a file that cannot be read."""
    resolver = DependencyResolver(open_index(), Cache(tmp_path / "cache"))
    wheel = make_wheel(tmp_path, "demo", "", requires=("a",))
    plain = replace(subject_of(wheel), dependencies=None)
    assert resolver.resolve(plain, wheel_file(wheel), HERE) == ()
    wheel.write_bytes(b"no wheel")
    ref = wheel_file(wheel)
    assert resolver.resolve(subject_of(wheel), ref, HERE) == ()
    wheel.unlink()
    assert resolver.resolve(subject_of(wheel), replace(ref, sha256="1" * 64), HERE) == ()


def test_companions_are_requirements(
    releases: Releases, open_index: Callable[..., PackageIndex], tmp_path: Path
) -> None:
    """A companion is pinned for the wheel's dependencies too; an unknown one is a refusal."""
    releases.add("a", "1.0")
    releases.add("a", "2.0")
    wheel = make_wheel(tmp_path, "demo", "", requires=("a",))
    resolver = DependencyResolver(open_index(), Cache(tmp_path / "cache"))
    beside = replace(subject_of(wheel), companions=(IndexSource(name="a", version="1.0"),))
    found = resolver.resolve(beside, wheel_file(wheel), HERE)
    assert files_of(found) == ["a-1.0-py3-none-any"]
    unknown = replace(beside, companions=(IndexSource(name="a", version="9.9"),))
    with pytest.raises(DependencyRefusedError, match=r"no release of a fits ==9\.9"):
        resolver.resolve(unknown, wheel_file(wheel), HERE)


def test_silent_index_is_no_refusal(releases: Releases, resolve: Resolve) -> None:
    """An index that fails says nothing about a dependency."""
    releases.add("a")
    releases.index.tear("simple/a/", Fault.UNAVAILABLE)
    with pytest.raises(PackageIndexError, match="does not answer"):
        resolve("a")


def test_many_projects_are_looked_up_at_once(releases: Releases, resolve: Resolve) -> None:
    """300 dependencies are looked up in parallel, each once."""
    names = [f"p{number:03}" for number in range(300)]
    for name in names:
        releases.add(name)
    assert resolve(*names) == [f"{name}-1.0-py3-none-any" for name in names]
    pages = [path for path in releases.index.log if path.startswith("simple")]
    assert sorted(pages) == [f"simple/{name}/" for name in names]


def test_invalid_requirement_of_the_wheel_is_left_to_its_installer(
    releases: Releases, resolve: Resolve
) -> None:
    """Pip from 24.1 on refuses the wheel itself; an older one reads ``>dev`` as any version."""
    releases.add("a", "1.0")
    old, new = (replace(HERE, installer=f"pip {version}") for version in ("24.0", "24.1"))
    assert resolve("a (>dev)", passport=new) == []
    assert resolve("a (>dev)", passport=old) == ["a-1.0-py3-none-any"]


def names_of(resolved: object) -> list[str]:
    return files_of(resolved)  # type: ignore[arg-type]


def test_tests_have_wheels_of_their_own(
    releases: Releases, open_index: Callable[..., PackageIndex], tmp_path: Path
) -> None:
    """They are resolved with the wheel's, fit them, and are not installed for its import."""
    for version in ("1.0", "2.0"):
        releases.add("a", version)
    releases.add("runner", "1.0", "a<2", "b")
    releases.add("b", "1.0")
    wheel = make_wheel(tmp_path, "demo", "", requires=("a",))
    resolver = DependencyResolver(open_index(), Cache(tmp_path / "cache"))
    subject = replace(subject_of(wheel), tests=OwnTests(command=("run",), requires=("runner>=1",)))
    ref = wheel_file(wheel)
    assert names_of(resolver.resolve(subject, ref, HERE)) == ["a-1.0-py3-none-any"]
    found = resolver.resolve_tests(subject, ref, HERE)
    assert names_of(found) == ["b-1.0-py3-none-any", "runner-1.0-py3-none-any"]
    alone = replace(subject, dependencies=None)
    assert resolver.resolve(alone, ref, HERE) == ()
    assert "a-1.0-py3-none-any" in names_of(resolver.resolve_tests(alone, ref, HERE))


@pytest.mark.parametrize(
    ("requirement", "said"),
    [
        ("nothing", r"has no project nothing \(the tests → nothing\)"),
        ("a; extra_thing == 'x'", "the tests: "),
    ],
)
def test_tests_that_cannot_be_installed_leave_the_wheel_alone(
    releases: Releases,
    open_index: Callable[..., PackageIndex],
    tmp_path: Path,
    requirement: str,
    said: str,
) -> None:
    """The wheel has its dependencies; the tests have a reason."""
    releases.add("a", "1.0")
    wheel = make_wheel(tmp_path, "demo", "", requires=("a",))
    resolver = DependencyResolver(open_index(), Cache(tmp_path / "cache"))
    subject = replace(subject_of(wheel), tests=OwnTests(command=("run",), requires=(requirement,)))
    ref = wheel_file(wheel)
    assert names_of(resolver.resolve(subject, ref, HERE)) == ["a-1.0-py3-none-any"]
    with pytest.raises(DependencyRefusedError, match=said):
        resolver.resolve_tests(subject, ref, HERE)
