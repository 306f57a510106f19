"""One test per cell: ``pytest harness -k debian-12``.

An incompatibility that ``matrix/expectations.yaml`` declares is a strict xfail with its reason. A
refused tag that was never meant for the target is an xfail, too. A miss is an error; a failure is
an unexpected incompatibility.
"""

import pytest

from harness.core.cells import Cell, Outcome
from harness.core.observations import Observation
from harness.report.evidence import evidence_line
from harness.report.untrusted import visible
from harness.results.grid import Verdict, expectation_for, judge

NEWLINE = "\n"


class ExpectedError(Exception):
    """The cell does not pass, as the matrix expects."""


def test_cell(cell: Cell, observation: Observation) -> None:
    """Compare the observation of one cell with the expectation of the matrix."""
    line = f"{observation.outcome} ({observation.stage}): {evidence_line(observation.evidence)}"
    match judge(cell, observation):
        case Verdict.AS_EXPECTED if observation.outcome is Outcome.PASS:
            return
        case Verdict.AS_EXPECTED if expectation_for(cell, observation) is None:
            pytest.xfail(line)
        case Verdict.AS_EXPECTED:
            raise ExpectedError(line)
        case Verdict.UNEXPECTED_PASS:
            return  # the strict xfail of its expectation turns this red
        case _ if cell.target.allow_failure:
            pytest.xfail(f"allowed to fail: {line}")
        case _:
            log = visible(observation.log, keep=NEWLINE)
            pytest.fail(f"{cell.id}: {line}\n{log}", pytrace=False)
