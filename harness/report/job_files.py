"""Write the job file of a scheduler that runs the shards of a plan."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import yaml

from harness import __version__
from harness.core.arches import find_arch
from harness.core.errors import ExitCode
from harness.matrix.shard_env import FIRST_SHARD, SHARDS
from harness.matrix.shards import HOSTED, Shard

IMAGE = f"example.org/wheelgrid:{__version__}"
ENGINE_IMAGE = "docker:28-dind"
ENGINE = "tcp://localhost:2375"
GITLAB_MOST = 200
"""Maximum of ``parallel`` (docs.gitlab.com/ci/yaml, and GitLab's schema)."""
TRIES = 2
"""How often a scheduler starts a shard again that was killed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedJob:
    """What a job file is written for."""

    shards: tuple[Shard, ...]
    words: tuple[str, ...]
    """The options that select the same cells again."""

    def command(self, store: str, out: str) -> str:
        """Return the shell line of one task."""
        words = ("wheelgrid", "run", "--shard", "auto", *self.words)
        return f"{shlex.join(words)} --store {store} --out {out}"


def gitlab_job(job: PlannedJob) -> str:
    """Return two jobs of ``.gitlab-ci.yml``: the shards, and their merge."""
    number = "$CI_NODE_INDEX"
    shards = {
        "image": IMAGE,
        "services": [ENGINE_IMAGE],
        "variables": {"DOCKER_HOST": "tcp://docker:2375", "DOCKER_TLS_CERTDIR": ""},
        "parallel": len(job.shards),
        "script": [job.command(f"shard-{number}.db", f"grid-{number}")],
        # The merge says what is not as expected, and which cells were missed.
        "allow_failure": {
            "exit_codes": [int(ExitCode.UNEXPECTED), int(ExitCode.NOTHING_CAN_BE_SAID)]
        },
        "artifacts": {"when": "always", "paths": ["shard-*.db"]},
    }
    if len(job.shards) == 1:
        shards["parallel"] = {"matrix": [{"ALONE": "yes"}]}  # `parallel: 1` numbers nothing
    merge = {
        "image": IMAGE,
        "needs": ["wheelgrid-shard"],
        "when": "always",
        "script": ["wheelgrid merge shard-*.db --store wheelgrid.db"],
        "artifacts": {"when": "always", "paths": ["wheelgrid.db"]},
    }
    return _yaml({"wheelgrid-shard": shards, "wheelgrid-merge": merge})


def slurm_job(job: PlannedJob) -> str:
    """Return a script for sbatch: an array with a task for each shard."""
    number = "$SLURM_ARRAY_TASK_ID"
    return "\n".join(
        (
            "#!/bin/sh",
            "# sbatch --parsable FILE; then, with the number that it prints, sbatch",
            "# --dependency=afterany:NUMBER --wrap 'wheelgrid merge shard-*.db --store all.db'",
            "#SBATCH --job-name=wheelgrid",
            f"#SBATCH --array=1-{len(job.shards)}",
            "#SBATCH --requeue",
            "#SBATCH --open-mode=append",
            "#SBATCH --output=shard-%a.log",
            "# What a killed task measured is in its store, and is not measured again.",
            f"exec {job.command(f'shard-{number}.db', f'grid-{number}')}",
            "",
        )
    )


def kubernetes_job(job: PlannedJob) -> str:
    """Return an Indexed Job for each kind of node: the shards whose arches it runs alike."""
    numbered = [(shard, _node(shard)) for shard in job.shards]
    documents = []
    for node, group in groupby(numbered, key=lambda each: each[1]):
        shards = [shard for shard, _ in group]
        documents.append(_indexed_job(job, shards, *node))
    return yaml.safe_dump_all(documents, sort_keys=False, width=1000)


def _node(shard: Shard) -> tuple[str, bool]:
    """Return the arch of nodes as Kubernetes names it, and whether it is required.

    A node emulates an arch that few clusters have. Of several arches the first counts.
    """
    name = shard.arches[0]
    return find_arch(HOSTED.get(name, name)).oci, bool(shard.machine)


def _indexed_job(
    job: PlannedJob, shards: Sequence[Shard], node: str, required: bool
) -> dict[str, Any]:
    first, count, number = shards[0].number, len(shards), "$JOB_COMPLETION_INDEX"
    place = f"/results/{first}-{number}"
    variables = {
        SHARDS: str(len(job.shards)),
        FIRST_SHARD: str(first),
        "DOCKER_HOST": ENGINE,
        "WHEELGRID_CACHE": "/cache",
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": f"wheelgrid-{node}-{first}"},
        "spec": {
            "completionMode": "Indexed",
            "completions": count,
            "parallelism": count,
            "backoffLimitPerIndex": TRIES,
            # Another try does not change a cell that is not as expected.
            "podFailurePolicy": {
                "rules": [
                    {
                        "action": "FailIndex",
                        "onExitCodes": {
                            "containerName": "wheelgrid",
                            "operator": "In",
                            "values": [int(ExitCode.UNEXPECTED), int(ExitCode.USAGE)],
                        },
                    }
                ]
            },
            "template": {
                "spec": {
                    "restartPolicy": "Never",
                    "affinity": {"nodeAffinity": _affinity(node, required)},
                    "initContainers": [_engine_container()],
                    "containers": [
                        {
                            "name": "wheelgrid",
                            "image": IMAGE,
                            "command": ["sh", "-c", job.command(f"{place}.db", place)],
                            "env": [{"name": k, "value": v} for k, v in variables.items()],
                            "volumeMounts": [
                                {"name": "results", "mountPath": "/results"},
                                {"name": "cache", "mountPath": "/cache"},
                            ],
                        }
                    ],
                    "volumes": [
                        {"name": "results", "persistentVolumeClaim": {"claimName": "wheelgrid"}},
                        {"name": "cache", "emptyDir": {}},
                    ],
                }
            },
        },
    }


def _engine_container() -> dict[str, Any]:
    """Return the container engine, which runs beside the shard until that ends."""
    return {
        "name": "engine",
        "image": ENGINE_IMAGE,
        "restartPolicy": "Always",
        "securityContext": {"privileged": True},
        "env": [{"name": "DOCKER_TLS_CERTDIR", "value": ""}],
        "startupProbe": {"exec": {"command": ["docker", "info"]}, "failureThreshold": 60},
    }


def _affinity(node: str, required: bool) -> dict[str, Any]:
    term = {"matchExpressions": [{"key": "kubernetes.io/arch", "operator": "In", "values": [node]}]}
    if required:
        return {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}
    return {
        "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 100, "preference": term}]
    }


def _yaml(document: dict[str, Any]) -> str:
    return yaml.safe_dump(document, sort_keys=False, width=1000)
