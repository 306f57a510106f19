"""One test per cell: ``pytest harness -k debian-12``.

An incompatibility that ``matrix/expectations.yaml`` declares is a strict xfail with its reason. A
refused tag that was never meant for the target is an xfail, too. A miss is an error; a failure is
an unexpected incompatibility, or a prediction that differs from what is seen.
"""

import pytest

from harness.core.cells import Cell, Outcome
from harness.core.observations import Observation
from harness.report.evidence import evidence_line
from harness.report.untrusted import visible
from harness.results.grid import Agreement, GridCell, Verdict, expectation_for, judge

NEWLINE = "\n"


class ExpectedError(Exception):
    """The cell does not pass, as the matrix expects."""


def test_cell(cell: Cell, observation: Observation) -> None:
    """Compare the observation of one cell with the expectation of the matrix."""
    line = f"{observation.outcome} ({observation.stage}): {evidence_line(observation.evidence)}"
    verdict = judge(cell, observation)
    judged = GridCell(cell=cell, observation=observation, verdict=verdict)
    as_expected = verdict is Verdict.AS_EXPECTED and not cell.target.allow_failure
    if as_expected and judged.agreement is Agreement.DISAGREES:
        pytest.fail(f"{cell.id}: {line}: predicted {_predicted(observation)}", pytrace=False)
    match verdict:
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


def _predicted(observation: Observation) -> str:
    predicted = observation.prediction
    return f"{predicted.outcome} {predicted.cause}".rstrip() if predicted else "nothing"
