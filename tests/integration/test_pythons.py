"""Free-threaded CPython and PyPy on real targets, with wheels that are built and published."""

import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.app.adhoc import run_subjects
from harness.app.engine_wiring import open_prober
from harness.app.prober_options import ProberOptions
from harness.app.pytest_driver import RunOptions
from harness.app.wiring import read_matrix
from harness.core.cells import Matrix, Outcome
from harness.core.observations import Observation
from harness.core.subjects import IndexSource
from harness.core.wheel_findings import FindingCode
from harness.images.debian_root import native_arch
from harness.matrix.plan import Selection, find_cell
from harness.probe.journal import Journal
from harness.probe.prober import Prober
from harness.report.console import Console
from harness.results.grid import Verdict, judge
from tests.support.cells import make_subject
from tests.support.commands import ROOT

pytestmark = pytest.mark.integration

ARCH = native_arch().name
NOGIL, PYPY = f"cpython-3.13t-glibc/{ARCH}", f"pypy-3.11-debian13/{ARCH}"
EMULATED = pytest.mark.nightly


@pytest.fixture(scope="module")
def matrix() -> Matrix:
    return read_matrix(ROOT / "matrix")


@pytest.fixture(scope="module")
def prober(
    request: pytest.FixtureRequest, matrix: Matrix, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Prober]:
    options = ProberOptions(images="local", require_nogil=getattr(request, "param", False))
    journal = Journal(tmp_path_factory.mktemp("pythons") / "journal")
    with open_prober(matrix, options, journal) as opened:
        yield opened


def observe(prober: Prober, matrix: Matrix, cell_id: str) -> Observation:
    """Return what is seen of a cell, which is as the matrix expects and as predicted."""
    cell = find_cell(matrix, cell_id)
    seen = prober.observe(cell)
    assert seen.prediction is not None
    if seen.cause != "gil-enabled":
        assert judge(cell, seen) is Verdict.AS_EXPECTED, seen.evidence
        assert seen.prediction.outcome is seen.outcome, seen.prediction
    return seen


def codes(seen: Observation) -> set[FindingCode]:
    return {finding.code for finding in seen.findings}


@pytest.mark.parametrize(
    "prober", [False, True], ids=["", "require-nogil"], indirect=True, scope="module"
)
@pytest.mark.parametrize(
    "target",
    [
        NOGIL,
        pytest.param(f"cpython-3.13t-musl/{ARCH}", marks=EMULATED),
        pytest.param("cpython-3.13t-glibc/aarch64", marks=EMULATED),
        pytest.param("cpython-3.13t-glibc/s390x", marks=EMULATED),
        pytest.param("cpython-3.13t-musl/aarch64", marks=EMULATED),
        pytest.param("cpython-3.13t-musl/s390x", marks=EMULATED),
    ],
)
def test_an_import_that_switches_the_gil_on_is_found(
    prober: Prober, matrix: Matrix, target: str
) -> None:
    """It fails with ``--require-nogil`` alone; a module that declares Py_mod_gil never does."""
    ending = "-musllinux-1-2" if "musl" in target else ""
    plain = observe(prober, matrix, f"{target}/plain{ending}")
    assert plain.wheel
    assert "-cp313-cp313t-" in plain.wheel.filename
    assert codes(plain) == {FindingCode.GIL_ENABLED}
    (finding,) = plain.findings
    assert finding.file == "wheelgrid_plain._impl"
    required = prober._require_nogil
    assert plain.outcome is (Outcome.IMPORT_FAILED if required else Outcome.PASS)
    assert plain.cause == ("gil-enabled" if required else "")
    declared = observe(prober, matrix, f"{target}/nogil{ending}")
    assert (declared.outcome, codes(declared)) == (Outcome.PASS, set())


@pytest.mark.nightly
@pytest.mark.parametrize("arch", [ARCH, "aarch64"])
def test_published_wheels_without_the_gil(tmp_path: Path, arch: str) -> None:
    """One has a wheel of cp313t whose module switches the GIL on; its next release declares it."""
    # https://github.com/adamchainz/time-machine/issues/530
    releases = {
        "time-machine 2.17.0": ("_time_machine", "gil-enabled"),
        "time-machine 2.19.0": ("_time_machine", ""),
        "markupsafe 3.0.2": ("markupsafe._speedups", ""),
        "kiwisolver 1.4.8": ("kiwisolver._cext", ""),
    }
    subjects = []
    for release, (module, _) in releases.items():
        name, version = release.split()
        source = IndexSource(name=name, version=version)
        subjects.append(make_subject(release.replace(" ", "-"), source=source, imports=(module,)))
    selection = Selection(targets=("cpython-3.13t-glibc",), arches=(arch,))
    options = RunOptions(
        prober=ProberOptions(images="local", require_nogil=True), out=tmp_path, workers=1
    )
    grid = run_subjects(tuple(subjects), selection, options, Console(file=io.StringIO()))
    seen = {each.cell.subject.id: each.observation for each in grid.cells if each.observation}
    wanted = {release.replace(" ", "-"): cause for release, (_, cause) in releases.items()}
    assert {name: each.cause for name, each in seen.items()} == wanted


def test_free_threaded_python_refuses_the_stable_abi(prober: Prober, matrix: Matrix) -> None:
    seen = observe(prober, matrix, f"{NOGIL}/abi3")
    assert seen.outcome is Outcome.REFUSED
    assert seen.prediction
    assert seen.prediction.cause == "free-threaded"


@pytest.mark.parametrize("target", ["cpython-3.15t-glibc", "debian-sid-3.15"])
def test_one_stable_abi_for_both_builds(prober: Prober, matrix: Matrix, target: str) -> None:
    """A wheel of ``abi3t`` runs with and without the GIL, and leaves it off (PEP 803)."""
    seen = observe(prober, matrix, f"{target}/{ARCH}/abi3t")
    assert (seen.outcome, codes(seen)) == (Outcome.PASS, set()), seen.evidence
    assert seen.wheel
    assert "-cp315-abi3.abi3t-" in seen.wheel.filename


@pytest.mark.parametrize(
    ("subject", "outcome", "cause"),
    [
        ("pure", Outcome.PASS, ""),
        ("lxml", Outcome.PASS, ""),
        ("numpy-2.4.6", Outcome.PASS, ""),
        ("abi3", Outcome.REFUSED, "other-implementation"),
    ],
)
def test_pypy_has_tags_of_its_own(
    prober: Prober, matrix: Matrix, subject: str, outcome: Outcome, cause: str
) -> None:
    """Published wheels for PyPy run, and its passport names it."""
    seen = observe(prober, matrix, f"{PYPY}/{subject}")
    assert seen.outcome is outcome, seen.evidence
    assert seen.prediction
    assert seen.prediction.cause == cause
    if subject in ("lxml", "numpy-2.4.6"):
        assert seen.wheel
        assert "-pp311-pypy311_pp73-" in seen.wheel.filename
    passport = prober.passport(find_cell(matrix, f"{PYPY}/{subject}").target)
    assert passport.variant == "pypy3.11"
    assert passport.extension_suffixes[0].startswith(".pypy311-pp73-")
