"""Whose failure an import is: the wheel's, or that of a dependency."""

from dataclasses import replace

import pytest

from harness.core.causes import Cause
from harness.core.cells import Outcome, Stage
from harness.core.subjects import WheelRef
from harness.probe.dependency_failures import SLOW, accused, blame_unread, name_dependency
from harness.probe.jobs import ProbeResult
from tests.support.forecasts import GLIBC, elf, wheel

DEP = WheelRef(filename="dep-2.0-py3-none-any.whl", sha256="", size=0, path="")
RESULT = ProbeResult(
    outcome=Outcome.IMPORT_FAILED,
    stage=Stage.IMPORT,
    cause="",
    evidence="ImportError: broken",
    log="",
    seconds=1.0,
)
NAMED = "dependency dep 2.0: ImportError: broken"

HEAD = "Traceback (most recent call last):\n"
SITE = "/tmp/cell/lib/python3/site-packages"
OURS = f'  File "{SITE}/demo/__init__.py", line 1, in <module>\n    import dep\n'
IMPORTED = f'  File "{SITE}/dep/__init__.py", line 3, in <module>\n    from . import core\n'
DEEPER = f'  File "{SITE}/dep/core.py", line 9, in load\n    raise ImportError\n'
IMPORTLIB = '  File "<frozen importlib._bootstrap>", line 1027, in _find_and_load\n'
STDLIB = '  File "/usr/lib/python3.11/ctypes/__init__.py", line 376, in __init__\n'
LAST = "ImportError: broken\n"
CAUSED = "\nThe above exception was the direct cause of the following exception:\n\n"
DURING = "\nDuring handling of the above exception, another exception occurred:\n\n"

LOGS = {
    "in the dependency": (HEAD + OURS + IMPORTLIB + IMPORTED + IMPORTLIB + LAST, NAMED),
    "in a function of it": (HEAD + OURS + IMPORTED + DEEPER + STDLIB + LAST, NAMED),
    "in the wheel": (HEAD + OURS + IMPORTLIB + LAST, RESULT.evidence),
    "in a call of the dependency": (HEAD + OURS + DEEPER + LAST, RESULT.evidence),
    "raised from its exception": (
        HEAD + OURS + IMPORTED + LAST + CAUSED + HEAD + OURS + LAST,
        NAMED,
    ),
    "after a fallback": (
        HEAD + OURS + IMPORTED + LAST + DURING + HEAD + OURS + LAST,
        RESULT.evidence,
    ),
    "no traceback": ("", RESULT.evidence),
}


def owner(place: str) -> WheelRef | None:
    return DEP if place.startswith("dep/") else None


@pytest.mark.parametrize("name", LOGS)
def test_traceback_names_the_dependency(name: str) -> None:
    """The package counts whose import raised, not one that is called with wrong arguments."""
    log, evidence = LOGS[name]
    named = name_dependency(replace(RESULT, log=log), owner)
    assert named == replace(RESULT, log=log, evidence=evidence)


@pytest.mark.parametrize(("folder", "named"), [("dep", True), ("demo", False)])
def test_loader_names_the_module(folder: str, named: bool) -> None:
    """The module in the loader's message counts, whoever imported it."""
    evidence = f"ImportError: {SITE}/{folder}/_core.so: undefined symbol: gone"
    seen = name_dependency(replace(RESULT, evidence=evidence, log=HEAD + OURS + LAST), owner)
    assert seen.evidence == (f"dependency dep 2.0: {evidence}" if named else evidence)


def test_installation_of_a_dependency() -> None:
    """A dependency that does not install is no miss: ``pip install`` of the wheel fails.

    One that takes longer than our time limit is.
    """
    missed = replace(
        RESULT,
        outcome=Outcome.MISS,
        stage=Stage.INSTALL,
        cause=Cause.COMPANION,
        evidence="dep has an invalid wheel",
    )
    named = name_dependency(missed, owner)
    assert (named.outcome, named.cause) == (Outcome.INSTALL_FAILED, "")
    assert named.evidence == "dependency does not install: dep has an invalid wheel"
    slow = name_dependency(replace(missed, evidence=SLOW), owner)
    assert (slow.outcome, slow.cause) == (Outcome.MISS, Cause.COMPANION)
    assert "--timeout" in slow.evidence


@pytest.mark.parametrize("outcome", [Outcome.PASS, Outcome.CRASHED, Outcome.TIMEOUT])
def test_other_outcomes_stay(outcome: Outcome) -> None:
    result = replace(RESULT, outcome=outcome, log=HEAD + IMPORTED + LAST)
    assert name_dependency(result, owner) is result


def test_dependency_whose_module_is_not_read_is_to_blame() -> None:
    """Not the one that imports it; nobody is, if there is no such module or it is read."""
    suffix = ".cpython-311-x86_64-linux-musl.so"
    cffi = wheel({f"_cffi_backend{suffix}": elf(init="_cffi_backend")}, python_files=())
    raised = "ModuleNotFoundError: No module named '_cffi_backend'"
    for evidence in (raised, f"dependency dep 2.0: {raised}"):
        blamed = blame_unread(evidence, [wheel(), cffi], GLIBC.extension_suffixes)
        assert blamed == f"dependency demo 1.0: {raised}"
        assert blame_unread(evidence, [cffi], (suffix,)) == evidence
        assert blame_unread(evidence, [wheel()], GLIBC.extension_suffixes) == evidence


def test_accused_dependency_is_found_by_its_name() -> None:
    other = replace(DEP, filename="dep-2.0.1-py3-none-any.whl")
    assert accused(NAMED, [other, DEP]) == DEP
    assert accused(NAMED, [other]) is None
    assert accused("ImportError: dependency dep 2.0: x", [DEP]) is None
