"""Predictions without an engine."""

import json
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from harness.core.causes import Cause
from harness.core.cells import Cell, Outcome, Stage
from harness.core.passport import Passport
from harness.core.subjects import FileSource, Subject, WheelRef
from harness.core.targets import Target
from harness.predict.batch import predict_cells
from harness.report.predictions import format_prediction, format_predictions, predictions_json
from harness.wheels.provider import Refusal
from tests.support.forecasts import GLIBC, symbols
from tests.support.targets import make_target
from tests.support.wheels import make_wheel

HERE = make_target("here/x86_64")
SUBJECT = Subject(id="demo", group="tests", source=FileSource(paths=()), imports=("demo",))


class FakePassports:
    """Passports held in memory."""

    def __init__(self, passports: Mapping[str, Passport]) -> None:
        self.passports = passports

    def recorded(self, target_key: str) -> Passport | None:
        return self.passports.get(target_key)

    def symbols(self, set_id: str) -> frozenset[str]:
        return symbols(set_id)


class FakeWheels:
    """``PredictedWheels`` with one file, or a refusal."""

    def __init__(self, path: Path | None, cause: Cause = Cause.TAG_REFUSED) -> None:
        self.path = path
        self.cause = cause

    def wheels_for(
        self,
        subject: Subject,  # noqa: ARG002 - the protocol's
        target: Target,  # noqa: ARG002 - the protocol's
        passport: Passport,  # noqa: ARG002 - the protocol's
    ) -> tuple[WheelRef, ...] | Refusal:
        if self.path is None:
            return Refusal(reason="the release has no wheel for Linux", cause=self.cause)
        return (WheelRef(filename=self.path.name, sha256="", size=1, path=str(self.path)),)


def test_each_target_that_has_a_passport_is_predicted(tmp_path: Path) -> None:
    """A target without a passport is listed without a prediction."""
    wheel = make_wheel(tmp_path, "demo", "", tag="cp310-cp310-linux_x86_64")
    predictions = tuple(
        predict_cells(
            [SUBJECT],
            [HERE, make_target("nowhere/x86_64")],
            FakePassports({"here/x86_64": GLIBC}),
            FakeWheels(wheel),
        )
    )
    assert [o.prediction.cause if o.prediction else None for o in predictions] == [
        Cause.PYTHON_TOO_NEW,
        None,
    ]
    text = format_predictions(predictions, width=80)
    assert "demo: 1 refused" in text
    assert "refused python-too-new: here/x86_64" in text
    assert "no passport recorded: nowhere/x86_64" in text
    assert "passport --record" in format_prediction(predictions[1], width=80)
    assert "is for Python 3.10" in format_prediction(predictions[0], width=80).replace(
        "\n" + " " * 12, " "
    )


def test_a_cause_is_shown_once(tmp_path: Path) -> None:
    """With all its targets and the first explanation; with ``every`` each explanation."""
    wheel = make_wheel(tmp_path, "demo", "", tag="cp310-cp310-linux_x86_64")
    other = replace(GLIBC, installer="23.3")
    keys = ("here/x86_64", "there/x86_64")
    predictions = tuple(
        predict_cells(
            [SUBJECT],
            [make_target(key) for key in keys],
            FakePassports(dict(zip(keys, (GLIBC, other), strict=True))),
            FakeWheels(wheel),
        )
    )
    text = format_predictions(predictions, width=200, left_out={"demo": 7})
    assert "refused python-too-new: here/x86_64 there/x86_64" in text
    assert text.count("  why ") == 1
    assert "1 more with this cause; --all shows each" in text
    assert "left out: 7 targets" in text
    whole = format_predictions(predictions, width=200, every=True)
    assert whole.count("  why ") == 2
    assert "--all" not in whole


def test_predictions_for_programs(tmp_path: Path) -> None:
    """One JSON object per cell; null without a passport."""
    wheel = make_wheel(tmp_path, "demo", "", tag="cp310-cp310-linux_x86_64")
    targets = [HERE, make_target("nowhere/x86_64")]
    passports = FakePassports({"here/x86_64": GLIBC})
    predictions = predict_cells([SUBJECT], targets, passports, FakeWheels(wheel))
    here, nowhere = map(json.loads, predictions_json(predictions).splitlines())
    assert here["cell"] == "here/x86_64/demo"
    assert here["prediction"]["cause"] == Cause.PYTHON_TOO_NEW
    assert (nowhere["cell"], nowhere["prediction"]) == ("nowhere/x86_64/demo", None)


@pytest.mark.parametrize("cause", [Cause.TAG_REFUSED, Cause.DEPENDENCY_REFUSED])
def test_a_release_without_a_wheel_for_the_target(cause: Cause) -> None:
    """A release without a fitting wheel, or without one of a dependency, is refused."""
    (predicted_cell,) = predict_cells(
        [SUBJECT], [HERE], FakePassports({"here/x86_64": GLIBC}), FakeWheels(None, cause)
    )
    assert predicted_cell.prediction is not None
    assert predicted_cell.prediction.cause is cause
    assert (predicted_cell.prediction.outcome, predicted_cell.prediction.stage) == (
        Outcome.REFUSED,
        Stage.WHEEL,
    )
    assert "no wheel for Linux" in format_predictions([predicted_cell], width=200)


def test_a_file_that_is_no_wheel(tmp_path: Path) -> None:
    """A file that is no zip archive has no prediction."""
    broken = tmp_path / "demo-1.0-py3-none-any.whl"
    broken.write_bytes(b"no archive")
    (predicted_cell,) = predict_cells(
        [SUBJECT], [HERE], FakePassports({"here/x86_64": GLIBC}), FakeWheels(broken)
    )
    assert predicted_cell == type(predicted_cell)(
        cell=Cell(target=HERE, subject=SUBJECT), wheel=broken.name, prediction=None
    )


def test_findings_are_shown_under_the_wheel(tmp_path: Path) -> None:
    """Also of a wheel that is predicted to pass."""
    wheel = make_wheel(tmp_path, "demo", "")
    with zipfile.ZipFile(wheel, "a") as archive:
        archive.writestr("more.py", "")
    predictions = tuple(
        predict_cells([SUBJECT], [HERE], FakePassports({"here/x86_64": GLIBC}), FakeWheels(wheel))
    )
    text = format_predictions(predictions, width=200)
    assert "demo: 1 pass" in text
    assert "finding   unrecorded-file: more.py: RECORD does not list it." in text
    assert "finding   unrecorded-file: more.py" in format_prediction(predictions[0], width=200)
