"""Lock files on targets, with the wheels of a loopback index."""

import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console
from urllib3 import Retry

from harness.app.lock_prediction import predict_lock
from harness.core.passport import Passport
from harness.host.cache import Cache
from harness.predict.lock_outlook import DependencyState, LockOutlook
from harness.report.applications import outlook_json, print_outlook
from harness.wheels.index.client import IndexClient, IndexSettings
from harness.wheels.index.fetch import PackageIndex
from harness.wheels.index.lock import NOTHING_PINNED
from harness.wheels.locks.application import (
    LockedApplication,
    LockedDependency,
    SourceUse,
    wheels_only,
)
from tests.support.elves import module
from tests.support.forecasts import GLIBC, GNU, MUSL, symbols
from tests.support.loopback_index import LoopbackIndex, impatient, loopback_index
from tests.support.released import Releases, sha256
from tests.support.targets import make_target
from tests.support.wheels import make_wheel, write_demo

__all__ = ["impatient", "loopback_index"]

DEBIAN, ALPINE = make_target("debian/x86_64"), make_target("alpine/x86_64", libc="musl")
UNMEASURED = make_target("fedora/x86_64")
EXTENSION = f"demo/_inner.cpython-311-{GNU}.so"


class RecordedPassports:
    """Passports of two targets."""

    def recorded(self, target_key: str) -> Passport | None:
        return {DEBIAN.key: GLIBC, ALPINE.key: replace(MUSL, machine="x86_64")}.get(target_key)

    def symbols(self, set_id: str) -> frozenset[str]:
        return symbols(set_id)


@pytest.fixture
def releases(loopback_index: LoopbackIndex, tmp_path: Path) -> Releases:
    """Serve what a test adds, in byte ranges."""
    loopback_index.ranges = True
    (tmp_path / "served").mkdir()
    return Releases(loopback_index, tmp_path / "served")


Predict = Callable[..., LockOutlook]


@pytest.fixture
def said() -> list[str]:
    """Collect progress messages."""
    return []


@pytest.fixture
def outlook(releases: Releases, cache: Cache, impatient: Retry, said: list[str]) -> Predict:
    """Return a function that predicts dependencies, as a new process would."""

    def predicted(*dependencies: LockedDependency, requires_python: str = "") -> LockOutlook:
        client = IndexClient(IndexSettings(endpoint=releases.index.endpoint), impatient)
        index = PackageIndex(Cache(cache.root), NOTHING_PINNED, lambda _: None, client)
        lock = LockedApplication(
            path="r.txt", dependencies=dependencies, requires_python=requires_python
        )
        targets = (DEBIAN, ALPINE, UNMEASURED)
        return predict_lock(lock, targets, RecordedPassports(), index, cache, said.append)

    return predicted


def locked(name: str, **fields: object) -> LockedDependency:
    return replace(LockedDependency(name=name, version="1.0"), **fields)  # type: ignore[arg-type]


def states(found: LockOutlook) -> list[str]:
    """Return the state on glibc and that on musl, of each dependency."""
    return [str(each.state) for each in found.forecasts]


def serve_native(releases: Releases, *needed: str) -> bytes:
    """Serve demo 1.0 with an extension module for glibc; return the wheel."""
    files = ((EXTENSION, module("_inner", *needed)), ("demo/__init__.py", b""))
    tag = "manylinux_2_17_x86_64"
    wheel = write_demo(releases.folder, *files, python="cp311", platform=tag)
    releases.link("demo", wheel.name, wheel.read_bytes(), "")
    return wheel.read_bytes()


def test_states_of_dependencies(releases: Releases, outlook: Predict) -> None:
    """A wheel that fits and loads, one that does not fit, an sdist, a marker that is false."""
    releases.add("pure")
    serve_native(releases)
    releases.add_sdist("source")
    releases.add_sdist("demo")
    found = outlook(
        locked("pure"),
        locked("demo"),
        locked("source"),
        locked("windows", markers=('sys_platform == "win32"',)),
    )
    both = ["loads", "loads", "loads", "compiled", "compiled", "compiled", "not needed"]
    assert states(found) == [*both, "not needed"]
    assert (found.moves(DEBIAN), found.moves(ALPINE)) == (True, True)
    assert found.unmeasured == (UNMEASURED.key,)
    assert "there are wheels for manylinux_2_17_x86_64" in found.forecasts[3].reason


def test_sdists_may_be_forbidden(releases: Releases, outlook: Predict) -> None:
    """With wheels only there is no way to install it."""
    releases.add_sdist("source")
    lock = LockedApplication(path="r.txt", dependencies=(locked("source"),))
    found = outlook(*wheels_only(lock).dependencies)
    assert states(found) == ["no wheel", "no wheel"]
    assert not found.moves(DEBIAN)


def test_wheels_may_be_forbidden(releases: Releases, outlook: Predict) -> None:
    """As by `--no-binary` in a requirements file."""
    releases.add("pure")
    releases.add_sdist("pure")
    found = outlook(locked("pure", use=SourceUse.NO_WHEEL))
    assert states(found) == ["compiled"] * 2
    assert found.forecasts[0].reason == "the lock file takes no wheel of it (--no-binary)"


def test_wheel_that_does_not_load(releases: Releases, outlook: Predict) -> None:
    """The prediction of the wheel is the reason."""
    serve_native(releases, "libgone.so.1")
    found = outlook(locked("demo"))
    assert states(found) == ["does not load", "no wheel"]
    prediction = found.forecasts[0].prediction
    assert prediction is not None
    assert prediction.cause == "missing-library"


def test_libraries_of_another_wheel_are_there(releases: Releases, outlook: Predict) -> None:
    """As torch's are in the nvidia projects; what is not locked does not help."""
    serve_native(releases, "libheld.so.1.1k")
    tag = "py3-none-manylinux_2_17_x86_64"
    held = make_wheel(
        releases.folder, "holder", None, tag=tag, files={"holder/lib/libheld.so.1.1k": b"\x7fELF"}
    )
    releases.link("holder", held.name, held.read_bytes(), "")
    assert states(outlook(locked("demo"), locked("holder")))[::2] == ["loads", "loads"]
    assert states(outlook(locked("demo")))[0] == "does not load"


def test_digests_of_the_lock_file_decide(releases: Releases, outlook: Predict) -> None:
    """A wheel that the lock file does not name is not installed, however well it fits."""
    data = releases.add("pure")
    assert states(outlook(locked("pure", sha256=frozenset({sha256(data)})))) == ["loads"] * 2
    found = outlook(locked("pure", sha256=frozenset({"0" * 64})))
    assert states(found) == ["no wheel"] * 2
    assert found.forecasts[0].reason == (
        "the lock file does not name pure-1.0-py3-none-any.whl, which fits; "
        "write it for this target too"
    )


def test_lock_file_for_another_python(outlook: Predict) -> None:
    """Nothing is looked up for it."""
    found = outlook(locked("pure"), requires_python=">=3.12")
    assert states(found) == []
    assert found.refusals.keys() == {DEBIAN.key, ALPINE.key}
    assert not found.moves(DEBIAN)


def test_what_cannot_be_said(releases: Releases, outlook: Predict) -> None:
    """A release that the index lacks and a wheel that it does not serve are unknown."""
    data = releases.add("pure")
    releases.index.pages.pop("files/pure-1.0-py3-none-any.whl")
    found = outlook(locked("pure", sha256=frozenset({sha256(data)})), locked("gone"))
    assert set(states(found)) == {DependencyState.UNKNOWN}
    assert "HTTP status 404" in found.forecasts[0].reason
    assert "no release gone 1.0; --index-url names" in found.forecasts[2].reason


def test_interrupted_prediction_goes_on(
    releases: Releases, outlook: Predict, said: list[str]
) -> None:
    """A wheel that was read is not requested again, and its bytes still count."""
    releases.add("pure")
    first = outlook(locked("pure"))
    releases.index.log.clear()
    again = outlook(locked("pure"))
    assert not [path for path in releases.index.log if path.startswith("files/")]
    assert (again.fetched, again.size) == (first.fetched, first.size)
    assert said == ["1 of 1 releases looked up", "1 of 1 wheels read"] * 2


def printed(found: LockOutlook, *, every: bool = False, width: int = 80) -> str:
    console = Console(width=width, record=True, file=io.StringIO(), force_terminal=True)
    print_outlook(found, console, every=every)
    return console.export_text()


def test_printed_outlook(releases: Releases, outlook: Predict) -> None:
    """The table has what does not load everywhere; the reasons and an answer follow."""
    releases.add("pure")
    serve_native(releases)
    found = outlook(locked("pure"), locked("demo"))
    text = printed(found)
    assert "pure 1.0" not in text
    assert "1 of 2 dependencies are not listed; --all lists them" in text
    assert "demo 1.0: no wheel on alpine/x86_64\n  no wheel of demo 1.0 for this" in text
    assert "debian/x86_64: yes: 2 dependencies, all load" in text
    assert "alpine/x86_64: no: 2 dependencies, 1 without a wheel" in text
    assert "pure 1.0" in printed(found, every=True)
    assert max(map(len, text.splitlines())) <= 80


def test_outlook_as_json(releases: Releases, outlook: Predict) -> None:
    """One object for each dependency and target."""
    serve_native(releases, "libgone.so.1")
    lines = [json.loads(line) for line in outlook_json(outlook(locked("demo"))).splitlines()]
    assert [line["target"] for line in lines] == [DEBIAN.key, ALPINE.key]
    assert lines[0]["prediction"]["cause"] == "missing-library"
    assert (
        lines[0].items()
        >= {
            "lock": "r.txt",
            "name": "demo",
            "version": "1.0",
            "state": "does not load",
            "wheel": "demo-1.0-cp311-cp311-manylinux_2_17_x86_64.whl",
        }.items()
    )
    refused = json.loads(outlook_json(outlook(requires_python=">=3.12")).splitlines()[0])
    assert (refused["state"], refused["target"]) == ("refused", DEBIAN.key)
