"""Failed imports of submodules: failures of the wheel, or findings."""

from dataclasses import replace

import pytest

from harness.core.causes import Cause
from harness.core.cells import Outcome, Stage
from harness.predict.inferred_imports import ImportPlan
from harness.probe.jobs import Job, ProbeResult
from harness.probe.module_failures import weigh_failures

JOB = Job(
    wheels=(), imports=("demo",), submodules=("demo._a", "demo._b"), call="", timeout=9, quiet=9
)
PASSED = ProbeResult(
    outcome=Outcome.PASS, stage=Stage.CALL, cause="", evidence="", log="", seconds=1, tried=2
)
UNLOADABLE = "ImportError: libx.so.1: cannot open shared object file: No such file or directory"
UNDEFINED = "ImportError: /s/_a.so: undefined symbol: spam"
NOT_FOUND = "ModuleNotFoundError: No module named 'demo._b'"


def judged(text: str, result: ProbeResult = PASSED, guarded: frozenset[str] = frozenset()) -> str:
    seen = weigh_failures(replace(result, failures=(("demo._b", text),)), JOB, guarded)
    assert (seen.outcome is result.outcome) == (seen.unimportable == (("demo._b", text),))
    return seen.outcome


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        (UNLOADABLE, Outcome.IMPORT_FAILED),
        (NOT_FOUND, Outcome.IMPORT_FAILED),
        ("ImportError: cannot import name '_a' from 'demo' (/s)", Outcome.IMPORT_FAILED),
        ("RuntimeError: module compiled against ABI version 0x1", Outcome.IMPORT_FAILED),
        ("ImportError: numpy.core.multiarray failed to import", Outcome.PASS),
        ("ModuleNotFoundError: No module named 'pandas'", Outcome.PASS),
        ("ModuleNotFoundError: No module named 'demo.plugin'", Outcome.PASS),
        ("OSError: libcuda.so.1: cannot open shared object file: No such file", Outcome.PASS),
        ("RuntimeError: import demo first", Outcome.PASS),
        ("ImportError: cannot import name 'x' from 'demo.y' (/s)", Outcome.PASS),
        ("SystemExit: 1", Outcome.PASS),
    ],
)
def test_what_fails_the_wheel(text: str, outcome: Outcome) -> None:
    """A file that does not load or is not found does; what Python code raises does not."""
    assert judged(text) == outcome


def test_module_that_its_package_replaces_is_a_finding() -> None:
    """If it is not found; a file that does not load is a failure."""
    assert judged(NOT_FOUND, guarded=frozenset({"demo._b"})) == Outcome.PASS
    assert judged(UNDEFINED, guarded=frozenset({"demo._b"})) == Outcome.IMPORT_FAILED


def test_module_that_its_package_goes_on_without_is_a_finding() -> None:
    """If it needs a library that users install themselves, as numba's omppool."""
    failed = replace(PASSED, failures=(("demo._a", UNLOADABLE), ("demo._b", UNLOADABLE)))
    both = frozenset({"demo._a", "demo._b"})
    assert weigh_failures(failed, JOB, both).unimportable == failed.failures
    one = weigh_failures(failed, JOB, frozenset({"demo._a"}))
    assert (one.outcome, one.unimportable) == (Outcome.IMPORT_FAILED, failed.failures[:1])


@pytest.mark.parametrize(
    "text",
    [
        "ImportError: libc.so: cannot open shared object file: No such file or directory",
        "ImportError: libc.musl-x86_64.so.1: cannot open shared object file: No such file",
        "ImportError: /lib/libm.so.6: version `GLIBC_2.99' not found (required by /s/_a.so)",
        UNDEFINED,
    ],
)
def test_other_failure_of_such_a_module_is_one_of_the_wheel(text: str) -> None:
    """No library that is missing, or a libc."""
    failed = replace(PASSED, failures=(("demo._b", text),))
    seen = weigh_failures(failed, JOB, frozenset({"demo._b"}))
    assert seen.outcome is Outcome.IMPORT_FAILED


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("ImportError: please install: No module named 'aiohttp'", Outcome.PASS),
        ("ModuleNotFoundError: No module named 'yaml.x'", Outcome.PASS),
        ("ModuleNotFoundError: No module named 'other'", Outcome.IMPORT_FAILED),
        ("RuntimeError: no", Outcome.IMPORT_FAILED),
    ],
)
def test_package_beside_that_lacks_an_extra(text: str, outcome: Outcome) -> None:
    """As black's ``blackd``, which needs ``black[d]``; any other failure is one of the wheel."""
    job = replace(JOB, submodules=("demod", "demo._b"))
    plan = ImportPlan(beside=frozenset({"demod"}), extras=frozenset({"aiohttp", "pyyaml"}))
    failed = replace(PASSED, failures=(("demod", text),))
    seen = weigh_failures(failed, job, plan=plan)
    assert seen.outcome is outcome
    assert bool(seen.unimportable) is (outcome is Outcome.PASS)


def test_evidence_names_the_module() -> None:
    failures = (("demo._a", UNLOADABLE), ("demo._b", UNLOADABLE))
    seen = weigh_failures(replace(PASSED, failures=failures), JOB)
    assert (seen.stage, seen.cause) == (Stage.IMPORT, "")
    assert seen.evidence == f"{UNLOADABLE} [demo._a] (and 1 more modules)"


@pytest.mark.parametrize(
    ("outcome", "stage", "judged_as"),
    [
        (Outcome.CALL_FAILED, Stage.CALL, Outcome.IMPORT_FAILED),
        (Outcome.CRASHED, Stage.CALL, Outcome.IMPORT_FAILED),
        (Outcome.CRASHED, Stage.IMPORT, Outcome.CRASHED),
        (Outcome.INSTALL_FAILED, Stage.INSTALL, Outcome.INSTALL_FAILED),
    ],
)
def test_import_comes_before_call(outcome: Outcome, stage: Stage, judged_as: Outcome) -> None:
    seen = replace(PASSED, outcome=outcome, stage=stage, failures=(("demo._b", UNLOADABLE),))
    assert weigh_failures(seen, JOB).outcome == judged_as


def test_nothing_to_import() -> None:
    """An installed wheel without a module fails; one that is not installed stays as it is."""
    empty = replace(JOB, imports=(), submodules=())
    seen = weigh_failures(PASSED, empty)
    assert (seen.outcome, seen.stage, seen.cause) == (
        Outcome.IMPORT_FAILED,
        Stage.IMPORT,
        Cause.NO_MODULE,
    )
    failed = replace(PASSED, outcome=Outcome.INSTALL_FAILED, stage=Stage.INSTALL)
    assert weigh_failures(failed, empty).outcome == Outcome.INSTALL_FAILED


@pytest.mark.parametrize(("tried", "untried"), [(2, 0), (1, 1), (0, 2), (None, 0), (7, 0)])
def test_modules_for_which_no_time_was_left(tried: int | None, untried: int) -> None:
    assert weigh_failures(replace(PASSED, tried=tried), JOB).untried == untried


def test_all_that_a_wheel_has_fails() -> None:
    """Without a required module, one that imports is enough, and none is too few."""
    loose = replace(JOB, imports=())
    text = "ModuleNotFoundError: No module named 'nowhere'"
    one, both = (("demo._a", text),), (("demo._a", text), ("demo._b", text))
    seen = [weigh_failures(replace(PASSED, failures=f), loose) for f in (one, both)]
    assert [each.outcome for each in seen] == [Outcome.PASS, Outcome.IMPORT_FAILED]


def test_import_comes_before_tests() -> None:
    """A module that does not load is the wheel's failure, whatever its tests say."""
    tested = replace(PASSED, outcome=Outcome.TEST_FAILED, stage=Stage.TEST)
    seen = weigh_failures(replace(tested, failures=(("demo._b", UNLOADABLE),)), JOB)
    assert (seen.outcome, seen.stage) == (Outcome.IMPORT_FAILED, Stage.IMPORT)
