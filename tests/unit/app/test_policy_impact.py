"""The impact of policies on wheels of a loopback index."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from urllib3 import Retry

from harness.app.policy_impact import (
    PolicyTargets,
    ReleaseFacts,
    find_policies,
    find_releases,
    read_native,
    read_releases,
    shifts_of,
)
from harness.app.requested import ListedRelease
from harness.core.cells import Matrix
from harness.core.errors import UsageError
from harness.core.policy import Policy
from harness.core.subjects import IndexSource
from harness.core.targets import Naming
from harness.host.cache import Cache
from harness.predict.policy_effects import PolicyEffect
from harness.wheels.index.client import IndexClient, IndexSettings
from harness.wheels.index.fetch import PackageIndex
from harness.wheels.index.lock import NOTHING_PINNED
from tests.support.elves import module
from tests.support.forecasts import MUSL, symbols
from tests.support.loopback_index import LoopbackIndex, impatient, loopback_index
from tests.support.targets import make_target
from tests.support.wheels import write_demo

__all__ = ["impatient", "loopback_index"]

NAMES = {libc: f"demo/_core.cpython-311-x86_64-linux-{libc}.so" for libc in ("gnu", "musl")}
TARGET = make_target("alpine/x86_64", libc="musl")
TO_GNU = Policy(
    id="to-gnu",
    title="To -gnu",
    link="",
    targets=("*",),
    naming=Naming(id="gnu", builds={"x86_64": "x86_64-linux-gnu"}),
)
NOTHING = replace(TO_GNU, id="nothing", naming=None)


Read = Callable[[str, bytes, Policy], ReleaseFacts]


@pytest.fixture
def said() -> list[str]:
    """Collect progress messages."""
    return []


@pytest.fixture
def index(loopback_index: LoopbackIndex, impatient: Retry, tmp_path: Path) -> PackageIndex:
    """Return the loopback index, which serves byte ranges."""
    loopback_index.ranges = True
    client = IndexClient(IndexSettings(endpoint=loopback_index.endpoint), impatient)
    return PackageIndex(Cache(tmp_path / "cache"), NOTHING_PINNED, lambda _: None, client)


def serve(loopback: LoopbackIndex, folder: Path, name: str, data: bytes) -> IndexSource:
    """Serve a release with one wheel that has one module of that name."""
    path = write_demo(folder, (name, data), python="cp311", platform="musllinux_1_2_x86_64")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    loopback.serve("demo", f'href="/files/{path.name}#sha256={digest}">{path.name}')
    loopback.pages[f"files/{path.name}"] = path.read_bytes()
    return IndexSource(name="demo", version="1.0")


@pytest.fixture
def read(
    loopback_index: LoopbackIndex, index: PackageIndex, tmp_path: Path, said: list[str]
) -> Read:
    """Return a function that serves a wheel of one module and reads it for a policy."""

    def read(name: str, data: bytes, policy: Policy) -> ReleaseFacts:
        release = serve(loopback_index, tmp_path, name, data)
        policy_targets = PolicyTargets(
            targets=(TARGET,), passports={TARGET.key: MUSL}, symbols=symbols
        )
        cache = Cache(tmp_path / "cache")
        named = read_releases([release], policy_targets, index, cache, said.append)
        return read_native(named, [policy], index, cache, said.append)

    return read


@pytest.mark.parametrize(
    ("libc", "needed", "effect"),
    [
        ("musl", (), PolicyEffect.REGRESSED),
        ("gnu", (), PolicyEffect.FIXED),
        ("musl", ("libgone.so.1",), PolicyEffect.FAILS),
        ("gnu", ("libgone.so.1",), PolicyEffect.FAILS),
        ("musl", ("ld-linux-x86-64.so.2",), PolicyEffect.FAILS),
    ],
)
def test_wheel_that_fails_anyway_does_not_shift(
    read: Read, libc: str, needed: tuple[str, ...], effect: PolicyEffect
) -> None:
    """A wheel that lacks a library or needs the other libc is neither broken nor fixed."""
    release_facts = read(NAMES[libc], module("_core", *needed), TO_GNU)
    (shift,) = shifts_of(TO_GNU, release_facts)
    assert shift.effect is effect
    assert len(release_facts.native) == 1
    if needed:
        fails = shift.before if libc == "musl" else shift.after
        assert needed[0] in fails.evidence


def test_elf_files_of_unshifted_wheels_are_not_read(
    read: Read, loopback_index: LoopbackIndex
) -> None:
    """Only the end of such a wheel is requested, for its member names."""
    release_facts = read(NAMES["musl"], module("_core", "libgone.so.1"), NOTHING)
    assert release_facts.native == {}
    assert loopback_index.asked("files/*") == 1
    assert release_facts.read == release_facts.size


def test_policies_do_not_affect_each_other(read: Read) -> None:
    """A wheel that one policy shifts is predicted the same under another policy."""
    release_facts = read(NAMES["musl"], module("_core", "libgone.so.1"), TO_GNU)
    assert len(release_facts.native) == 1
    assert [shift.effect for shift in shifts_of(NOTHING, release_facts)] == [PolicyEffect.WORKS]


def test_unreadable_elf_files(
    read: Read, loopback_index: LoopbackIndex, monkeypatch: pytest.MonkeyPatch, said: list[str]
) -> None:
    """If the ELF files cannot be read, that is logged and the names decide."""
    whole = loopback_index.read

    def damaged(path: str) -> bytes | None:
        data, first = whole(path), loopback_index.log[-1].rpartition(" ")[2]
        return bytes(len(data)) if data and first.isdigit() else data

    monkeypatch.setattr(loopback_index, "read", damaged)
    noise = b"".join(hashlib.sha256(bytes([i % 256, i // 256])).digest() for i in range(9000))
    release_facts = read(NAMES["musl"], module("_core") + noise, TO_GNU)
    assert release_facts.native == {}
    assert "cannot be unpacked" in said[-1]
    assert [shift.effect for shift in shifts_of(TO_GNU, release_facts)] == [PolicyEffect.REGRESSED]


def test_bare_name_is_its_newest_release(
    loopback_index: LoopbackIndex, index: PackageIndex, tmp_path: Path, said: list[str]
) -> None:
    """The newest release is logged; an unknown name is left out."""
    release = serve(loopback_index, tmp_path, NAMES["musl"], module("_core"))
    listed = [
        ListedRelease(name="demo"),
        ListedRelease(name="gone"),
        ListedRelease(name="demo", version="1.0"),
    ]
    assert find_releases(listed, index, said.append) == (release,)
    assert "demo: 1.0 is the newest release" in said
    assert any(line.startswith("gone: the package index") for line in said)


def test_find_policies() -> None:
    """Policies are found by id, all without ids; an unknown id gets a suggestion."""
    matrix = Matrix(
        targets=(), subjects=(), builders=(), expectations=(), profiles=(),
        policies=(TO_GNU, NOTHING),
    )  # fmt: skip
    assert find_policies(matrix, ["nothing"]) == (NOTHING,)
    assert find_policies(matrix, []) == (TO_GNU, NOTHING)
    with pytest.raises(UsageError, match="did you mean 'to-gnu'"):
        find_policies(matrix, ["to-gnus"])
