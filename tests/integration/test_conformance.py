"""Every replica compared with the recorded facts of the real environment."""

import pytest

from harness.app.engine_wiring import open_images
from harness.app.prober_options import ProberOptions
from harness.app.wiring import open_pinned, read_matrix
from harness.core.targets import ImageWay, Target
from harness.host.engine.docker import DockerEngine
from harness.passports.conformance import differences, reasons_of, unaccounted
from harness.probe.open_target import TargetImages
from harness.probe.session import open_session
from tests.support.commands import ROOT
from tests.support.facts import recorded_facts

pytestmark = pytest.mark.integration

# Replicas outside the nightly: each naming on each libc, on x86_64 and on the two renamed arches.
TARGETS = (
    "python-3.9-alpine3.14",
    "alpine-3.14-ga",
    "alpine-3.14",
    "fedora-32-ga",
    "fedora-33",
    "fedora-34",
    "fedora-35",
)
ARCHES = ("x86_64", "armv7l", "ppc64le")
# Upstream's names on glibc follow one rule on every arch.
NATIVELY = "fedora-35"

REPLICAS = [target for target in read_matrix(ROOT / "matrix").targets if target.replica]


@pytest.fixture(
    params=[
        pytest.param(
            target,
            id=target.key,
            marks=[]
            if target.id in TARGETS
            and target.arch_name in (ARCHES[:1] if target.id == NATIVELY else ARCHES)
            else pytest.mark.nightly,
        )
        for target in REPLICAS
    ]
)
def target(request: pytest.FixtureRequest) -> Target:
    found: Target = request.param
    return found


@pytest.fixture(scope="module")
def images() -> TargetImages:
    options = ProberOptions(images=ImageWay.REPLICA)
    return open_images(options, open_pinned(options, print), print)


def test_a_replica_matches_the_recorded_facts(
    engine: DockerEngine, images: TargetImages, target: Target
) -> None:
    """Names, libc, pip and its tags are as recorded, except for reasons in the matrix."""
    assert target.replica is not None
    recorded = recorded_facts()[target.replica.replicates, target.arch_name]
    with open_session(engine, images.get(target).id, target) as session:
        passport = session.start()
    found = differences(passport, recorded)
    assert list(unaccounted(found, reasons_of(target.replica, passport))) == []


def test_every_naming_is_tested_outside_the_nightly() -> None:
    """The replicas outside the nightly cover each naming on each libc."""
    kinds = [(t.replica.naming.id, t.libc, t.id in TARGETS) for t in REPLICAS if t.replica]
    assert {kind[:2] for kind in kinds} == {kind[:2] for kind in kinds if kind[2]}
