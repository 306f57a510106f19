"""A grid of eleven targets on up to five architectures, as wide as a terminal."""

from dataclasses import replace

import pytest

from harness.core.causes import Cause
from harness.core.cells import Cell, Expectation, Outcome, Stage
from harness.core.observations import ImageRef, Observation, Provenance
from harness.core.subjects import FixtureSource, IndexSource, Subject
from harness.core.targets import ImageWay
from harness.results.grid import Grid, build_grid
from tests.support.sample_run import HOSTILE
from tests.support.targets import make_target

RPM = ("x86_64", "aarch64", "armv7l", "ppc64le", "s390x")
TARGETS = {
    "python-3.9-alpine3.14": RPM,
    "python-3.14-alpine3.22": ("x86_64", "aarch64"),
    "alpine-3.14-ga": RPM,
    "alpine-3.14-ga-pip-upgraded": RPM,
    "alpine-3.22": ("x86_64", "aarch64", "riscv64"),
    "fedora-32-ga": RPM,
    "fedora-33": RPM,
    "fedora-43": ("x86_64", "aarch64", "ppc64le", "s390x"),
    "debian-11": ("x86_64", "i686", "aarch64", "armv7l"),
    "debian-12": ("x86_64", "i686", "ppc64le"),
    "debian-13": ("x86_64", "i686", "aarch64", "riscv64"),
}
GROUPS = {
    "fixture wheels": ("plain", "abi3", "bundled-lib"),
    "fixture wheels, musllinux_1_1": ("plain-musllinux-1-1", "bundled-lib-musllinux-1-1"),
    "index wheels": ("psycopg-binary", "simple-manylinux-demo", "numpy", "cachebox"),
}
MUSL = ("alpine-", "python-3.9-alpine", "python-3.14-alpine")
MUSLLINUX = "fixture wheels, musllinux_1_1"
IMPORT_ERRORS = {
    "alpine-3.22/x86_64": "ImportError: Error relocating "
    "/tmp/cell/lib/python3/site-packages/cachebox/_core.cpython-311-x86_64-linux-musl.so: "
    "posix_fallocate64: symbol not found",
    "debian-12/x86_64": HOSTILE,
    "debian-13/riscv64": "ImportError: " + "_ZN4deep5names" * 90 + ": undefined symbol",
}
"""Evidence of the subject cachebox, by target."""
OLD_PIP = Expectation(
    target="alpine-3.14-ga",
    arch="*",
    subject="*-musl*",
    outcome=Outcome.REFUSED,
    reason="Up to 3.15 Alpine shipped a pip that knows no musllinux tag (those from 21.2 on do).",
    link="https://example.invalid/10678",
)
NO_MUSL_NAME = Expectation(
    target="alpine-3.14-ga-pip-upgraded",
    arch="*",
    subject="*-musl*",
    outcome=Outcome.IMPORT_FAILED,
    reason="Alpine 3.14 read -linux-musl alone, and CPython 3.9 built elsewhere writes -linux-gnu.",
    link="https://example.invalid/43112",
)


@pytest.fixture
def wide_grid() -> Grid:
    """45 columns, nine rows: refused, expected and unexpected cells."""
    cells = [
        _cell(f"{name}/{arch}", group, subject)
        for name, arches in TARGETS.items()
        for arch in arches
        for group, subjects in GROUPS.items()
        for subject in subjects
    ]
    return build_grid(cells, [_seen(cell) for cell in cells])


def _cell(target: str, group: str, subject: str) -> Cell:
    source = (
        IndexSource(name=subject, version="1.0")
        if group == "index wheels"
        else FixtureSource(project=subject, builder="cross")
    )
    expectation = {"alpine-3.14-ga": OLD_PIP, "alpine-3.14-ga-pip-upgraded": NO_MUSL_NAME}.get(
        target.partition("/")[0]
    )
    return Cell(
        target=make_target(target),
        subject=Subject(id=subject, group=group, source=source, imports=(subject,)),
        expectation=expectation if group == MUSLLINUX else None,
    )


def _seen(cell: Cell) -> Observation:
    target, name = cell.target, cell.subject.id
    way = ImageWay.ASSEMBLED if target.id.startswith("debian-") else ImageWay.REPLICA
    seen = Observation(
        cell=cell.id,
        outcome=Outcome.PASS,
        stage=Stage.CALL,
        provenance=Provenance(image=ImageRef(id="sha256:12", way=way, origin="somewhere")),
    )
    if expected := cell.expectation:
        refused = expected.outcome is Outcome.REFUSED
        missing = f"ModuleNotFoundError: No module named '{name}._impl'"
        return replace(
            seen,
            outcome=expected.outcome,
            stage=Stage.INSTALL if refused else Stage.IMPORT,
            cause=Cause.TAG_REFUSED if refused else Cause.SUFFIX_MISMATCH,
            evidence=f"{name}-1.0-cp39.whl is not a supported wheel on this platform."
            if refused
            else missing,
        )
    no_wheel = replace(seen, outcome=Outcome.REFUSED, stage=Stage.WHEEL, cause=Cause.TAG_REFUSED)
    if name == "numpy" and target.arch_name not in ("x86_64", "aarch64"):
        why = f"no wheel of numpy 1.0 for {target.arch_name}; there are wheels for x86_64"
        return replace(no_wheel, evidence=why)
    if name == "simple-manylinux-demo" and target.id.startswith(MUSL):
        why = f"no wheel of {name} 1.0 for this platform; there are wheels for manylinux2014"
        accepted = f"the installer accepts up to musllinux_1_1_{target.arch_name}"
        return replace(no_wheel, evidence=f"{why}; {accepted}")
    if name == "cachebox" and target.key in IMPORT_ERRORS:
        failed = replace(seen, outcome=Outcome.IMPORT_FAILED, stage=Stage.IMPORT)
        return replace(failed, evidence=IMPORT_ERRORS[target.key])
    return seen
