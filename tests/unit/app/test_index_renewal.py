"""The pins of dependencies."""

from dataclasses import replace
from pathlib import Path

from urllib3 import Retry

from harness.app.index_renewal import with_dependencies
from harness.core.cells import Matrix
from harness.core.passport import Passport
from harness.core.subjects import DependencyOptions, Subject, WheelRef
from harness.core.targets import Target
from harness.host.cache import Cache
from harness.wheels.dependencies.resolution import DependencyResolver
from harness.wheels.index.client import IndexClient, IndexSettings
from harness.wheels.index.fetch import PackageIndex
from harness.wheels.index.lock import NOTHING_PINNED
from harness.wheels.provider import Refusal
from harness.wheels.wheel_file import wheel_file
from tests.support.cells import make_subject
from tests.support.loopback_index import LoopbackIndex, impatient, loopback_index
from tests.support.passports import make_passport
from tests.support.released import Releases
from tests.support.targets import make_target
from tests.support.wheels import make_wheel

__all__ = ["impatient", "loopback_index"]

PASSPORTS = {
    "new/x86_64": make_passport(python="3.13.1"),
    "old/x86_64": make_passport(python="3.9.2"),
    "poor/x86_64": make_passport(python="3.9.2", machine="poor"),
    "refusing/x86_64": make_passport(python="3.6.1"),
}


class Recorded:
    """Passports by target key; ``unmeasured`` has none."""

    def recorded(self, target_key: str) -> Passport | None:
        return PASSPORTS.get(target_key)

    def symbols(self, set_id: str) -> frozenset[str]:
        raise NotImplementedError(set_id)


class OneWheel:
    """One file for every target but those of Python 3.6."""

    def __init__(self, path: Path) -> None:
        self._ref = wheel_file(path)

    def wheels_for(
        self,
        subject: Subject,
        target: Target,  # noqa: ARG002 - the protocol's
        passport: Passport,
    ) -> tuple[WheelRef, ...] | Refusal:
        assert subject.dependencies is None
        return Refusal(reason="no") if passport.minor == "3.6" else (self._ref,)


def test_pins_of_all_targets(
    loopback_index: LoopbackIndex, impatient: Retry, tmp_path: Path
) -> None:
    """Releases for every Python of the targets are pinned, and those of companions once."""
    served = tmp_path / "served"
    served.mkdir()
    releases = Releases(loopback_index, served)
    releases.add("a", "1.0")
    releases.add("a", "2.0", attributes='data-requires-python="&gt;=3.10"')
    wheel = make_wheel(tmp_path, "demo", "", requires=("a", 'nowhere; platform_machine == "poor"'))
    client = IndexClient(IndexSettings(endpoint=loopback_index.endpoint), impatient)
    cache = Cache(tmp_path / "cache")
    index = PackageIndex(cache, NOTHING_PINNED, lambda _: None, client)
    asking = make_subject("demo", dependencies=DependencyOptions(locked=True))
    targets = [*PASSPORTS, "unmeasured/x86_64"]
    matrix = Matrix(
        targets=tuple(map(make_target, targets)),
        subjects=(asking, replace(asking, id="alone", dependencies=None)),
        builders=(),
        expectations=(),
        profiles=(),
    )
    resolver = DependencyResolver(index, cache)
    lock = with_dependencies(NOTHING_PINNED, matrix, index, resolver, OneWheel(wheel), Recorded())
    assert lock.dependencies == {"demo": ("a==1.0", "a==2.0")}
    assert sorted(lock.releases) == ["a==1.0", "a==2.0"]
    assert lock.dependency_wheels("demo") == lock.releases
    assert lock.dependency_wheels("alone") == {}
