"""Every replica, measured in its container, against the recorded facts of the real thing."""

import pytest

from harness.app.wiring import ROOT, ProberOptions, open_images, open_pinned, read_matrix
from harness.core.targets import ImageWay, Target
from harness.host.engine import Limits
from harness.host.engine.docker import DockerEngine
from harness.images import ImageStore
from harness.passports.conformance import differences, unaccounted
from harness.probe.session import open_session
from tests.support.facts import recorded_facts

pytestmark = pytest.mark.integration

# What does not wait for the night: each naming on each libc, on an arch that nobody renamed and
# on the two that somebody did.
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
# Upstream's names on glibc, which follow one rule on every arch.
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
def images() -> ImageStore:
    options = ProberOptions(images=ImageWay.REPLICA)
    return open_images(options, open_pinned(options, print), print)


def test_a_replica_is_as_recorded(engine: DockerEngine, images: ImageStore, target: Target) -> None:
    """Names, libc, pip and what pip accepts, but for what the matrix gives a reason for."""
    assert target.replica is not None
    recorded = recorded_facts()[target.replica.replicates, target.arch_name]
    with open_session(engine, images.get(target).id, target, Limits()) as session:
        found = differences(session.start(), recorded)
    assert list(unaccounted(found, target.replica.differs)) == []


def test_no_naming_waits_for_the_night() -> None:
    """What is measured every time has each naming that the matrix uses, on each libc."""
    kinds = [(t.replica.naming.id, t.libc, t.id in TARGETS) for t in REPLICAS if t.replica]
    assert {kind[:2] for kind in kinds} == {kind[:2] for kind in kinds if kind[2]}
