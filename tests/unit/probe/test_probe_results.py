"""What results come to."""

from dataclasses import replace

import pytest

from harness.core.cells import Outcome, Stage
from harness.probe.probe_results import is_listed, refused
from harness.probe.session import Job, ProbeResult
from tests.support.forecasts import GLIBC

PASSED = ProbeResult(
    outcome=Outcome.PASS, stage=Stage.CALL, cause="", evidence="", log="said", seconds=1.0
)


def job(filename: str) -> Job:
    return Job(wheels=((filename, b""),), imports=("demo",), call="", timeout=1, quiet=1)


@pytest.mark.parametrize(
    ("filename", "right"),
    [
        ("demo-1-cp311-cp311-manylinux_2_17_x86_64.whl", True),
        ("demo-1-cp38.cp311-cp311.abi3-win32.manylinux_2_17_x86_64.whl", True),
        ("demo-1-cp311-cp311-musllinux_1_1_x86_64.whl", False),
        ("no wheel", True),
    ],
)
def test_a_list_has_a_wheel_for_one_of_its_tags(filename: str, right: bool) -> None:
    """Any of them will do, as a whole; of what is no wheel the installer itself has to tell."""
    passport = replace(GLIBC, tags=("cp311-cp311-manylinux_2_17_x86_64", "py3-none-any"))
    assert is_listed(job(filename), passport) is right


def test_what_an_old_pip_installs_unasked_is_refused() -> None:
    """In the words that pip has for it, whatever the wheel did then."""
    said = refused(job("demo-1-cp39-cp39-win32.whl"), PASSED)
    assert (said.outcome, said.stage, said.cause) == (
        Outcome.REFUSED,
        Stage.INSTALL,
        "tag-refused",
    )
    assert said.evidence == "demo-1-cp39-cp39-win32.whl is not a supported wheel on this platform."


def test_pips_own_refusal_stays() -> None:
    """Its evidence is pip's."""
    seen = replace(PASSED, outcome=Outcome.REFUSED, evidence="in pip's words")
    assert refused(job("demo-1-cp39-cp39-win32.whl"), seen) is seen
