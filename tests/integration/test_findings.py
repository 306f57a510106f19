"""Every kind of finding on real targets: the target's own pip decides, as predicted."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.app.engine_wiring import open_prober
from harness.app.prober_options import ProberOptions
from harness.app.wiring import read_matrix
from harness.core.cells import Cell, Outcome
from harness.core.subjects import FileSource, Subject
from harness.core.wheel_findings import MindedBy
from harness.images.debian_root import native_arch
from harness.probe.journal import Journal
from harness.probe.prober import Prober
from tests.support.commands import ROOT
from tests.support.defective_wheels import DEFECTS, FILENAME, wheel_bytes

pytestmark = pytest.mark.integration

MATRIX = read_matrix(ROOT / "matrix")
LOCAL = ProberOptions(images="local")
TOLERANT = frozenset(MindedBy) - {MindedBy.PIP, MindedBy.SOME_PIP, MindedBy.LIMITS}
"""Who does not decide about an installation by pip."""


@pytest.fixture(scope="module")
def prober(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prober]:
    journal = Journal(tmp_path_factory.mktemp("findings") / "journal")
    with open_prober(MATRIX, LOCAL, journal) as opened:
        yield opened


NATIVE, EMULATED = f"debian-12/{native_arch().name}", "debian-12/s390x"
FIRST_OF_A_CODE = {code: name for name, (_, code, _, _) in reversed(DEFECTS.items())}
TRIED = [(NATIVE, name) for name in DEFECTS]
TRIED += [(EMULATED, name) for name in FIRST_OF_A_CODE.values()]


@pytest.mark.parametrize(("target", "defect"), TRIED)
def test_pip_decides_about_a_defect(
    prober: Prober, tmp_path: Path, target: str, defect: str
) -> None:
    """What pip minds does not install; everything else imports, with the finding beside it."""
    damage, code, _, minded_by = DEFECTS[defect]
    arch = target.partition("/")[2]
    path = tmp_path / FILENAME.replace("x86_64", arch)
    path.write_bytes(damage(wheel_bytes))
    subject = Subject(
        id="demo", group="tests", source=FileSource(paths=(str(path),)), imports=("demo",)
    )
    (there,) = (t for t in MATRIX.targets if t.key == target)
    seen = prober.observe(Cell(target=there, subject=subject))
    assert code in {finding.code for finding in seen.findings}
    if minded_by is MindedBy.PIP:
        assert seen.outcome is Outcome.INSTALL_FAILED, seen.evidence
    elif minded_by in TOLERANT:
        assert seen.outcome is Outcome.PASS, seen.evidence
    assert seen.prediction is not None
    if minded_by is not MindedBy.SOME_PIP:
        assert seen.outcome is seen.prediction.outcome, seen.evidence
