"""Stored runs with a real engine: killed, resumed, and reused."""

import json
from pathlib import Path
from typing import Any

import pytest

from harness.core.cells import Outcome
from harness.images.debian_root import native_arch
from harness.probe.journal import observations, read_events
from harness.results.runfile import Run, read_run
from harness.store import open_store
from tests.support.commands import started_wheelgrid, wait_until, wheelgrid
from tests.support.wheels import make_wheel

pytestmark = pytest.mark.integration

HERE = ("--images", "assembled", "--target", "debian-12", "--arch", native_arch().name)
REUSE = {"WHEELGRID_FRESH": "0"}


@pytest.fixture
def wheels(tmp_path: Path) -> list[Path]:
    """Return two wheels; the second takes 4 s."""
    codes = {"first": "", "slow": "import time\ntime.sleep(4)"}
    return [make_wheel(tmp_path, name, code) for name, code in codes.items()]


def seen_in(out: Path) -> list[dict[str, Any]]:
    document = json.loads((out / "run.json").read_text())
    return [cell["observation"] for cell in document["cells"]]


def test_a_killed_run_resumes(tmp_path: Path, wheels: list[Path]) -> None:
    """``--resume`` measures only what the killed run lacks; later runs reuse both."""
    store, out = tmp_path / "store.db", tmp_path / "grid"
    kept = ("--store", store, "--out", out)
    with started_wheelgrid("check", *wheels, *HERE, "-n", 1, *kept) as started:
        wait_until(lambda: list(observations(read_events(out / "journal.jsonl")[0])), seconds=90)
        wait_until(lambda: _stored(store).cells[0].observation, seconds=2)
        started.kill()
    listed = wheelgrid("runs", "--store", store).out
    assert "2 cells  not ended" in listed
    first, missing = (cell.observation for cell in _stored(store).cells)
    assert first is not None
    assert (first.outcome, missing) == (Outcome.PASS, None)

    resumed = wheelgrid("run", "--resume", "-n", 1, *HERE[:2], *kept)
    assert (resumed.status, resumed.err) == (0, "")
    again, slow = seen_in(out)
    assert read_run(out / "run.json") == _stored(store)
    assert (again["outcome"], again["measured_at"]) == ("pass", first.measured_at)
    assert (slow["outcome"], slow["cached"]) == ("pass", False)

    reused = wheelgrid("check", *wheels, *HERE, "-n", 1, *kept, env=REUSE)
    assert "2 of 2 results were reused" in reused.out
    both = seen_in(out)
    assert [each["cached"] for each in both] == [True, True]
    assert [each["measured_at"] for each in both] == [again["measured_at"], slow["measured_at"]]
    measured = wheelgrid("check", wheels[0], *HERE, "-n", 1, *kept, "--fresh", env=REUSE)
    assert measured.status == 0
    assert [each["cached"] for each in seen_in(out)] == [False]


def _stored(store: Path) -> Run:
    """Return the last run of the store."""
    with open_store(store) as opened:
        return opened.run(opened.find("last"))


def test_a_regression_is_confirmed(tmp_path: Path) -> None:
    """``--confirm`` repeats regressions: a repeated failure counts, a pass is flaky."""
    wheels = [make_wheel(tmp_path, name, "") for name in ("good", "bad")]
    store, base = tmp_path / "store.db", tmp_path / "base"
    kept = ("--store", store, "--out")
    assert wheelgrid("check", *wheels, *HERE, *kept, base).status == 0
    document = json.loads((base / "run.json").read_text())
    for cell in document["cells"]:
        cell["observation"]["outcome"] = "import-failed"
    accusing = tmp_path / "accusing.json"
    accusing.write_text(json.dumps(document))
    make_wheel(tmp_path, "bad", "raise ImportError('broken on purpose')")

    words = ("compare", base / "run.json", accusing, *kept, tmp_path)
    assert "2 regressed" in wheelgrid(*words).out
    confirmed = wheelgrid(*words, "--confirm", *HERE[:2])
    assert confirmed.status == 1
    (flaky,) = [line for line in confirmed.out.splitlines() if line.endswith("flaky")]
    assert "good-1.0" in flaky
    make_wheel(tmp_path, "bad", "")
    assert wheelgrid(*words, "--confirm", *HERE[:2]).status == 0
