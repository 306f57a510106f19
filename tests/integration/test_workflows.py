"""The steps of the workflows and the action, run on this machine."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.images.debian_root import native_arch
from harness.matrix.shards import HOSTED
from harness.store import open_store
from tests.support.commands import ROOT, wheelgrid
from tests.support.workflow import Job, Workflow, action_step, machine, run_step

pytestmark = pytest.mark.integration

WORKFLOWS = ROOT / ".github" / "workflows"
RUN = {"github.run_id": "7", "github.run_attempt": "1"}
SUBJECT = """
  - id: plain-again
    group: fixture wheels
    fixture: plain
    builder: cross-glibc
    imports: [wheelgrid_plain]
    call: wheelgrid_plain.selftest() == 42
    include: [debian-12/x86_64]
"""
EXPECTED = """
expectations:
  - {target: debian-12, subject: nobody, outcome: crashed, reason: it is so, link: "https://example.invalid/1"}
"""


def night(place: Path, *, lost: int | None = None) -> tuple[Workflow, Job, Job]:
    """Run the nightly jobs on the profile ``smoke``, without the shard of index ``lost``."""
    own = {"PROFILE": "smoke", "SHARDS": "2", "IMAGES": "assembled"}
    flow = Workflow(
        path=WORKFLOWS / "nightly.yml", place=place, cache=place.parent / "cache", env=own
    )
    plan = flow.run("plan", RUN)
    assert plan.failed == [], plan.said
    shards(flow, plan, lost=lost)
    return flow, plan, flow.run("merge", RUN | plan.outputs)


def shards(flow: Workflow, plan: Job, *, lost: int | None = None) -> None:
    """Run a shard job for each row of the matrix that ``plan`` made."""
    for index, row in enumerate(rows(plan)):
        values = {"matrix.shard": row["shard"], "strategy.job-index": str(index)}
        if index != lost:
            shard = flow.run("shard", plan.outputs | values)
            assert shard.failed == [], shard.said


def rows(plan: Job) -> list[dict[str, Any]]:
    """Return the rows of the matrix."""
    found: list[dict[str, Any]] = json.loads(plan.outputs["needs.plan.outputs.matrix"])["include"]
    return found


def test_two_nightly_runs(tmp_path: Path) -> None:
    """The merged run is complete; the next night uses its durations and compares with it.

    A missing shard fails its night, and all files are written. Every column catches its canaries,
    and what the second night repeats is as before.
    """
    _, plan, merge = night(tmp_path / "monday")
    assert merge.failed == [], merge.said
    assert "canaries: 2 of 2 checked columns caught all of theirs" in merge.said
    assert "measured again" not in merge.said
    assert [row["machine"] for row in rows(plan)] == ["x86_64", "aarch64"]
    runners = json.loads(plan.outputs["needs.plan.outputs.runners"])
    assert runners.keys() == set(HOSTED.values())
    listed = wheelgrid("plan", "--profile", "smoke", "--json").out.splitlines()
    with open_store(tmp_path / "cache" / "night" / "history.db") as store:
        seen = [each.cell for each in store.observations(store.find("last-night"))]
    assert seen == [json.loads(line)["id"] for line in listed]

    flow, later, merge = night(tmp_path / "tuesday", lost=1)
    assert [row["seconds"] for row in rows(later)] != [row["seconds"] for row in rows(plan)]
    assert merge.failed == ["merge"]
    assert "missing: shard 2/2" in merge.said
    assert "canaries: 1 of 1 checked columns" in merge.said
    assert "measured again with an unchanged key: 4 cells, 0 differ (0.00 %)" in merge.said
    assert "4 not-comparable, 4 same" in merge.summary
    assert "4 of 8 cells as expected" in merge.summary
    site = flow.artifact("site")
    assert (site / "index.html").stat().st_size > 10_000
    assert (site / "badges" / "plain.svg").is_file()
    with open_store(tmp_path / "cache" / "night" / "history.db") as store:
        assert [run.label for run in store.runs()] == ["nightly", "nightly"]


def test_a_pull_request_runs_affected_cells(tmp_path: Path) -> None:
    """A change without cells makes no job; a new cell runs alone."""
    clone = tmp_path / "clone"
    for words in (
        ("clone", "-q", "--no-tags", str(ROOT), str(clone)),
        ("-C", str(clone), "update-ref", "refs/remotes/origin/base", "HEAD"),
    ):
        subprocess.run(["/usr/bin/env", "git", *words], check=True)
    flow = Workflow(
        path=WORKFLOWS / "matrix.yml",
        place=tmp_path / "flow",
        cache=tmp_path / "cache",
        env={"BASE": "base"},
        checkout=clone,
    )
    (clone / "README.md").write_text("said otherwise")
    assert rows(flow.run("plan", {})) == []

    with (clone / "matrix" / "subjects.yaml").open("a") as file:
        file.write(SUBJECT)
    plan = flow.run("plan", {})
    assert [row["cells"] for row in rows(plan)] == [1]
    shards(flow, plan)
    merge = flow.run("merge", plan.outputs)
    assert merge.failed == [], merge.said
    assert "1 of 1 cells as expected" in merge.said
    assert "plain-again" in (flow.artifact("page") / "grid.html").read_text()


def test_the_action_checks_wheels(tmp_path: Path) -> None:
    """The action passes its inputs on, and writes summary, page and annotations."""
    check = action_step(ROOT / ".github" / "actions" / "wheelgrid" / "action.yml", "check")
    summary = tmp_path / "summary.md"
    inputs = {
        "WHEELGRID_CONFIG": "",
        "WHEELS": "markupsafe==3.0.3",
        "TARGETS": "debian-12",
        "ARCHES": native_arch().name,
        "AGAINST": "markupsafe==3.0.2",
        "IMPORT": "markupsafe",
        "CALL": "markupsafe._speedups is not None",
        "EXPECT": "",
        "STRICT": "wheel prediction",
        "IMAGES": "assembled",
        "ARGUMENTS": "",
        "OUT": "wheelgrid",
    }
    runner = {"RUNNER_TEMP": str(tmp_path), "GITHUB_STEP_SUMMARY": str(summary)}
    around = {**machine(tmp_path), **runner, **inputs}
    done = run_step(check, tmp_path, around)
    assert done.returncode == 0, done.stdout
    assert "0 cells worse, 0 better" in done.stdout
    assert "::error" not in done.stdout
    assert "markupsafe-3.0.3" in summary.read_text()
    assert (tmp_path / "wheelgrid" / "grid.html").is_file()

    fails = "print('::error::forged') or False"
    done = run_step(check, tmp_path, {**around, "AGAINST": "", "CALL": fails})
    assert done.returncode == 1, done.stdout
    stop, *_, go_on = re.findall(r"(?m)^::(?:stop-commands::)?([0-9a-f-]{36})", done.stdout)
    assert stop == go_on
    during, after = done.stdout.split(f"::{stop}::")
    assert "::" not in during.partition("::stop-commands::")[0]
    told = [line for line in after.splitlines() if line.lstrip().startswith("::")]
    assert [line.split("::")[1] for line in told] == ["error title=markupsafe-3.0.3%3A call-failed"]

    expect = tmp_path / "expected wheels.yaml"
    expect.write_text(EXPECTED)
    done = run_step(check, tmp_path, {**around, "EXPECT": str(expect)})
    assert (done.returncode, "matches no cell" in done.stdout) == (2, True)


def test_the_gitlab_job_checks_wheels(tmp_path: Path) -> None:
    """Its script and what comes after it give every file that it keeps."""
    job = yaml.safe_load((ROOT / ".github" / "gitlab.yml").read_text())["wheelgrid"]
    arguments = f"--target debian-12 --arch {native_arch().name}"
    own = {"WHEELS": "markupsafe==3.0.3", "ARGUMENTS": arguments}
    around = {**machine(tmp_path), **own}
    for line in (*job["script"], *job["after_script"]):
        done = run_step(line, tmp_path, around)
        assert done.returncode == 0, done.stdout
    kept = [*job["artifacts"]["paths"], job["artifacts"]["reports"]["junit"]]
    assert all((tmp_path / path).exists() for path in (*kept, "wheelgrid/grid.html"))
