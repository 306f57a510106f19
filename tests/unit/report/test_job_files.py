"""Job files of schedulers fit the published schemas."""

import json
from importlib.resources import files
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

from harness.matrix.shard_env import shard_of
from harness.matrix.shards import Shard, github_matrix, split_cells
from harness.report.job_files import PlannedJob, gitlab_job, kubernetes_job, slurm_job
from tests.support.cells import cells_on

ARCHES = ("x86_64", "i686", "aarch64", "s390x", "armv7l")
WORDS = ("-q", "arch:s390x -subject:numpy", "--profile", "full")
KUBERNETES = "1.30"


def shards(count: int) -> tuple[Shard, ...]:
    keys = [f"t{number}/{arch}" for arch in ARCHES for number in range(3)]
    return split_cells(cells_on(*keys), count, {})


def job(count: int) -> PlannedJob:
    return PlannedJob(shards=shards(count), words=WORDS)


def published(name: str) -> Any:  # noqa: ANN401 - a JSON document
    folder = files("check_jsonschema") / "builtin_schemas" / "vendor"
    return json.loads((folder / f"{name}.json").read_text("utf-8"))


def holds(document: object, schema: str) -> None:
    """Fail unless the document has that schema."""
    jsonschema.Draft7Validator(published(schema)).validate(document)


@pytest.mark.parametrize("count", [1, 2, 7])
def test_gitlab_job(count: int) -> None:
    """GitLab's schema takes it, and each of its numbers is a shard."""
    document = yaml.safe_load(gitlab_job(job(count)))
    holds(document, "gitlab-ci")
    shard = document["wheelgrid-shard"]
    (line,) = shard["script"]
    assert line == (
        "wheelgrid run --shard auto -q 'arch:s390x -subject:numpy' --profile full "
        "--store shard-$CI_NODE_INDEX.db --out grid-$CI_NODE_INDEX"
    )
    assert shard["parallel"] == (count if count > 1 else {"matrix": [{"ALONE": "yes"}]})
    shard["parallel"] = 0
    with pytest.raises(jsonschema.ValidationError):
        holds(document, "gitlab-ci")


def test_github_matrix() -> None:
    """GitHub's schema takes the matrix in a workflow."""
    strategy = {"fail-fast": False, "matrix": github_matrix(shards(7))}
    steps = [{"run": "wheelgrid run --shard ${{ matrix.shard }}"}]
    run = {"runs-on": "ubuntu-24.04", "strategy": strategy, "steps": steps}
    holds({"on": "push", "jobs": {"shard": run}}, "github-workflows")
    strategy["matrix"] = {"include": "7"}
    with pytest.raises(jsonschema.ValidationError):
        holds({"on": "push", "jobs": {"shard": run}}, "github-workflows")


@pytest.mark.parametrize("count", [1, 3, 5, 13])
def test_kubernetes_jobs(count: int) -> None:
    """The schema of Kubernetes takes each job; together their indexes are all shards."""
    documents = list(yaml.safe_load_all(kubernetes_job(job(count))))
    numbers = []
    for document in documents:
        kubernetes_validate.validate(document, KUBERNETES, strict=True)
        assert document["spec"]["completionMode"] == "Indexed"
        pod = document["spec"]["template"]["spec"]
        environment = {row["name"]: row["value"] for row in pod["containers"][0]["env"]}
        for index in range(document["spec"]["completions"]):
            shard, _ = shard_of(environment | {"JOB_COMPLETION_INDEX": str(index)})
            numbers.append(shard)
    assert numbers == [f"{number}/{count}" for number in range(1, count + 1)]
    documents[0]["spec"]["completions"] = "many"
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(documents[0], KUBERNETES, strict=True)


def test_kubernetes_nodes() -> None:
    """A shard that some node runs natively requires one; others prefer one of their arch."""
    documents = yaml.safe_load_all(kubernetes_job(job(5)))
    found = {}
    for document in documents:
        affinity = document["spec"]["template"]["spec"]["affinity"]["nodeAffinity"]
        ((kind, rule),) = affinity.items()
        terms = rule["nodeSelectorTerms"] if kind.startswith("required") else [
            each["preference"] for each in rule
        ]  # fmt: skip
        ((expression,),) = (term["matchExpressions"] for term in terms)
        assert expression["key"] == "kubernetes.io/arch"
        found[expression["values"][0]] = (kind[:8], document["spec"]["completions"])
    assert found == {
        "amd64": ("required", 2),  # x86_64 and i686
        "arm64": ("required", 1),
        "s390x": ("preferre", 1),
        "arm": ("preferre", 1),
    }


def test_slurm_script() -> None:
    """The array has a task for each shard, which may be started again."""
    lines = slurm_job(job(6)).splitlines()
    assert lines[0] == "#!/bin/sh"
    assert "#SBATCH --array=1-6" in lines
    assert "#SBATCH --requeue" in lines
    assert lines[-1].endswith("--profile full --store shard-$SLURM_ARRAY_TASK_ID.db "
                              "--out grid-$SLURM_ARRAY_TASK_ID")  # fmt: skip
