"""Run the jobs of a workflow on this machine.

``run:`` goes to bash as a runner starts it. Artifacts and caches are folders. Expressions have the
values that steps and jobs before gave them, or the test; any other fails it, so that no step
changes unnoticed.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.support.commands import ROOT

INSTALLS = (
    "python -m pip install --quiet --require-hashes --only-binary=':all:' "
    "-r .github/requirements.lock"
)
SETS_UP = (INSTALLS, "python -m harness doctor --fix || true")
"""The environment variables of the test machine that steps may use."""
BASH = ("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c")
"""``shell: bash`` (docs.github.com, "Workflow syntax")."""
Step = dict[str, Any]
"""A step as parsed YAML."""
_EXPRESSION = re.compile(r"\$\{\{ (.*?) \}\}")


@dataclass(kw_only=True)
class Job:
    """A finished job."""

    known: dict[str, str]
    """Values of expressions."""
    desk: Path
    """The job's working directory."""
    said: str = ""
    """The output of its steps."""
    summary: str = ""
    failed: list[str] = field(default_factory=list)
    """The ids, or first lines, of failed steps."""
    outputs: dict[str, str] = field(default_factory=dict)
    """The outputs for later jobs: ``needs.plan.outputs.matrix``."""


@dataclass(frozen=True, kw_only=True)
class Workflow:
    """A run of a workflow file; its jobs share artifacts."""

    path: Path
    place: Path
    """Directory of jobs and artifacts."""
    cache: Path
    env: Mapping[str, str]
    """Replacements of variables in the file's ``env``."""
    checkout: Path = ROOT

    def run(self, name: str, values: Mapping[str, str]) -> Job:
        """Run a job's steps in a new folder."""
        read = yaml.safe_load(self.path.read_text())
        steps, around = read["jobs"][name], {**read["env"], **self.env}
        around |= steps.get("env", {})
        desk = self.place / "desks" / f"{len(list(self.place.glob('desks/*')))}-{name}"
        desk.mkdir(parents=True)
        known = {f"env.{key}": value for key, value in around.items()}
        job = Job(known=known | dict(values), desk=desk)
        for step in steps["steps"]:
            if not _is_due(step, job):
                continue
            if "uses" in step:
                self._use(step, job)
            elif step["run"] not in SETS_UP:
                self._shell(step, around, job)
        for key, text in steps.get("outputs", {}).items():
            job.outputs[f"needs.{name}.outputs.{key}"] = _filled(text, job.known)
        return job

    def artifact(self, name: str) -> Path:
        """Return an artifact's folder."""
        return self.place / "artifacts" / name

    def _use(self, step: Step, job: Job) -> None:
        words = {key: _filled(str(text), job.known) for key, text in step["with"].items()}
        match step["uses"].partition("@")[0]:
            case "actions/upload-artifact":
                assert (job.desk / words["path"]).exists(), job.said
                _copy(job.desk / words["path"], self.artifact(words["name"]))
            case "actions/download-artifact" if "name" in words:
                _copy(self.artifact(words["name"]), job.desk / words["path"])
            case "actions/download-artifact":
                for kept in self.artifact("").glob(words["pattern"]):
                    _copy(kept, job.desk / words["path"] / kept.name)
            case "actions/cache/restore":
                kept = self.cache / words["path"]
                job.known[f"steps.{step['id']}.outputs.cache-matched-key"] = (
                    words["restore-keys"] if kept.exists() else ""
                )
                if kept.exists():
                    _copy(kept, job.desk / words["path"])
            case "actions/cache/save":
                _copy(job.desk / words["path"], self.cache / words["path"])
            case action:
                assert action in ("actions/checkout", "actions/setup-python"), action

    def _shell(self, step: Step, around: Mapping[str, str], job: Job) -> None:
        env = {**around, **step.get("env", {})}
        runner = {
            "GITHUB_OUTPUT": job.desk / ".output",
            "GITHUB_STEP_SUMMARY": job.desk / ".summary",
        }
        for file in runner.values():
            file.write_text("")
        done = run_step(
            step["run"],
            job.desk,
            {
                **machine(self.place, self.checkout),
                **{key: _filled(str(text), job.known) for key, text in env.items()},
                **{key: str(file) for key, file in runner.items()},
            },
        )
        job.said += done.stdout
        job.summary += runner["GITHUB_STEP_SUMMARY"].read_text()
        for line in runner["GITHUB_OUTPUT"].read_text().splitlines():
            key, _, value = line.partition("=")
            job.known[f"steps.{step['id']}.outputs.{key}"] = value
        if done.returncode:
            job.failed.append(step.get("id", step["run"].splitlines()[0]))


def run_step(text: str, cwd: Path, env: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
    """Run the text of a ``run:`` step; both streams go to ``stdout``."""
    return subprocess.run(
        [*BASH, text],
        cwd=cwd,
        env=dict(env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )


def action_step(action: Path, step_id: str) -> str:
    """Return the command of a composite action's step."""
    steps = yaml.safe_load(action.read_text())["runs"]["steps"]
    return str(next(step["run"] for step in steps if step.get("id") == step_id))


def machine(place: Path, checkout: Path = ROOT) -> dict[str, str]:
    """Return a runner's environment; ``python`` is that of the tests and runs the checkout."""
    script = place / "wheelgrid" / "bin" / "python"
    script.parent.mkdir(parents=True, exist_ok=True)
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    script.chmod(0o755)
    # What pytest tells its own workers must not reach a pytest of the command's own.
    own = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "COV_"))}
    paths = {"PATH": f"{script.parent}:{own['PATH']}", "PYTHONPATH": str(checkout)}
    return {**own, **paths, "COLUMNS": "160"}


def _copy(what: Path, where: Path) -> None:
    """Copy a file, or replace a folder."""
    if what.is_dir():
        shutil.rmtree(where, ignore_errors=True)
        shutil.copytree(what, where)
    else:
        where.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(what, where)


def _is_due(step: Step, job: Job) -> bool:
    """Return whether a runner runs the step; after a failure it may skip it."""
    condition = str(step.get("if", "success()")).removeprefix("${{ ").removesuffix(" }}")
    return all(_holds(part, job) for part in condition.split(" && "))


def _holds(part: str, job: Job) -> bool:
    match part:
        case "always()" | "!cancelled()":
            return True
        case "success()":
            return not job.failed
    if part.startswith("vars."):  # the repository has none
        return bool(job.known.get(part))
    return bool(job.known[part])


def _filled(text: str, known: Mapping[str, str]) -> str:
    return _EXPRESSION.sub(lambda found: _value(found[1], known), text)


def _value(expression: str, known: Mapping[str, str]) -> str:
    """Return the value of ``name``, or of ``name && 'text'``."""
    name, _, text = expression.partition(" && ")
    return text.strip("'") if text and known[name] else known[name]
