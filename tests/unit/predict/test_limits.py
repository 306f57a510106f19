"""Which limit of predictions explains a failure that was not predicted."""

from dataclasses import replace

import pytest

from harness.core.causes import Cause
from harness.core.cells import Outcome, Stage
from harness.core.observations import Observation
from harness.predict.explanation import PASS, passing
from harness.predict.limits import NOT_NEEDED, limit_of

LACKS = "ModuleNotFoundError: No module named '{}'"
SOUNDFILE = f"OSError: cannot load library 'libsndfile.so' (from {LACKS.format('_soundfile_data')})"


@pytest.mark.parametrize(
    ("evidence", "cause", "limit"),
    [
        (LACKS.format("sphinx"), Cause.MISSING_DEPENDENCY, "other-projects"),
        (SOUNDFILE, Cause.MISSING_LIBRARY, "opened-by-code"),
        ("ValueError: on purpose", "", "python-code"),
        ("dependency a 1: ImportError: no", Cause.MISSING_LIBRARY, "dependencies"),
        (LACKS.format("demo"), Cause.NO_EXTENSION, None),
        ("ImportError: /s/x.so: undefined symbol: spam", Cause.UNDEFINED_SYMBOL, None),
    ],
)
def test_limit_of_a_failure(evidence: str, cause: str, limit: str | None) -> None:
    """The library that code opens comes before the project that it would take instead."""
    seen = Observation(
        cell="a/b/c", outcome=Outcome.IMPORT_FAILED, stage=Stage.IMPORT, cause=cause,
        evidence=evidence, imports=("demo",), prediction=PASS,
    )  # fmt: skip
    found = limit_of(seen, ())
    assert (found.id if found else None) == limit


def test_package_that_needs_a_module_all_the_same() -> None:
    """Its code tries to import the module, and fails without it later."""
    seen = Observation(
        cell="a/b/c", outcome=Outcome.IMPORT_FAILED, stage=Stage.IMPORT,
        cause=Cause.SUFFIX_MISMATCH, evidence=LACKS.format("demo._x"), imports=("demo",),
        prediction=passing(f"demo._x {NOT_NEEDED}"),
    )  # fmt: skip
    found = limit_of(seen, ())
    assert found is not None
    assert found.id == "substitutes"
    assert limit_of(replace(seen, prediction=PASS), ()) is None


@pytest.mark.parametrize(
    ("outcome", "stage", "cause", "evidence", "limit"),
    [
        ("load-failed", "load", Cause.MISSING_LIBRARY, "a.so: OSError: no", "opened-late"),
        ("load-failed", "load", Cause.SIGNAL, "a.so: killed by SIGSEGV", "code-that-runs"),
        ("start-failed", "start", Cause.SIGNAL, "a: killed by SIGSEGV", "code-that-runs"),
        ("import-failed", "import", Cause.ENDLESS_OUTPUT, "more than 16 MiB", "code-that-runs"),
        ("import-failed", "import", "", "the process exited with status 0 …", "code-that-runs"),
        ("start-failed", "start", Cause.PAGE_SIZE, "a: killed by SIGABRT: <j", "code-that-runs"),
        ("import-failed", "import", Cause.PAGE_SIZE, "ImportError: ELF load command", None),
        ("start-failed", "start", "", "demo.cli:main: AttributeError: no", "commands"),
        ("start-failed", "start", Cause.MISSING_LIBRARY, "bin/a: a: error while", None),
    ],
)
def test_limit_of_a_late_failure(
    outcome: str, stage: str, cause: str, evidence: str, limit: str | None
) -> None:
    """What a library or a program does, and which is opened, is in code; how it is linked, not."""
    seen = Observation(
        cell="a/b/c", outcome=Outcome(outcome), stage=Stage(stage), cause=cause,
        evidence=evidence, prediction=PASS,
    )  # fmt: skip
    found = limit_of(seen, ())
    assert (found.id if found else None) == limit
