"""The shard that a scheduler's environment names."""

import pytest

from harness.core.errors import UsageError
from harness.matrix.shard_env import NUMBERINGS, TaskNumbering, shard_of

SLURM = {
    "SLURM_ARRAY_TASK_ID": "7",
    "SLURM_ARRAY_TASK_COUNT": "4",
    "SLURM_ARRAY_TASK_MIN": "5",
    "SLURM_ARRAY_TASK_MAX": "8",
}


@pytest.mark.parametrize(
    ("environment", "shard", "title"),
    [
        (SLURM, "3/4", "Slurm"),
        (SLURM | {"SLURM_ARRAY_TASK_MIN": "1", "SLURM_ARRAY_TASK_MAX": "10"}, "3/4", "Slurm"),
        (SLURM | dict.fromkeys(("SLURM_ARRAY_TASK_MIN", "SLURM_ARRAY_TASK_MAX"), "7")
         | {"SLURM_ARRAY_TASK_COUNT": "1"}, "1/1", "Slurm"),
        ({"SLURM_ARRAY_TASK_ID": "4", "SLURM_ARRAY_TASK_COUNT": "4"}, "4/4", "Slurm"),
        ({"JOB_COMPLETION_INDEX": "0", "WHEELGRID_SHARDS": "3"}, "1/3", "Kubernetes"),
        (
            {"JOB_COMPLETION_INDEX": "1", "WHEELGRID_SHARDS": "9", "WHEELGRID_FIRST_SHARD": "6"},
            "7/9",
            "Kubernetes",
        ),
        ({"CI_NODE_INDEX": "1", "CI_NODE_TOTAL": "2"}, "1/2", "GitLab"),
        ({"BUILDKITE_PARALLEL_JOB": "0", "BUILDKITE_PARALLEL_JOB_COUNT": "5"}, "1/5", "Buildkite"),
        ({"CIRCLE_NODE_INDEX": "3", "CIRCLE_NODE_TOTAL": "4"}, "4/4", "CircleCI"),
        (
            {"CI_NODE_INDEX": "2", "CI_NODE_TOTAL": "4"}
            | {"CIRCLE_NODE_INDEX": "1", "CIRCLE_NODE_TOTAL": "4"},
            "2/4",
            "GitLab and CircleCI",
        ),
    ],
)  # fmt: skip
def test_each_scheduler_numbers_its_tasks(
    environment: dict[str, str], shard: str, title: str
) -> None:
    """Some count from 0, others from 1; an array of Slurm begins anywhere."""
    assert shard_of(environment) == (shard, title)


@pytest.mark.parametrize(
    ("environment", "complaint"),
    [
        ({}, "no scheduler numbers this task; it needs one of SLURM_ARRAY_TASK_ID and"),
        ({"SLURM_ARRAY_TASK_ID": "", "SLURM_ARRAY_TASK_COUNT": ""}, "no scheduler numbers"),
        ({"SLURM_ARRAY_TASK_ID": "1"}, "=1 but no SLURM_ARRAY_TASK_COUNT"),
        ({"JOB_COMPLETION_INDEX": "0"}, "Kubernetes has JOB_COMPLETION_INDEX=0 but no WHEELGRID"),
        ({"CI_NODE_TOTAL": "1"}, "CI_NODE_TOTAL=1 but no CI_NODE_INDEX"),
        ({"BUILDKITE_PARALLEL_JOB_COUNT": "3"}, "but no BUILDKITE_PARALLEL_JOB;"),
        ({"CIRCLE_NODE_INDEX": "4", "CIRCLE_NODE_TOTAL": "4"}, "which is no K of N"),
        ({"CI_NODE_INDEX": "0", "CI_NODE_TOTAL": "4"}, "which is no K of N"),
        ({"CI_NODE_INDEX": "one", "CI_NODE_TOTAL": "4"}, "which is no K of N"),
        (SLURM | {"SLURM_ARRAY_TASK_MAX": "90", "SLURM_ARRAY_TASK_ID": "7"}, "which is no K of N"),
        (
            {"CI_NODE_INDEX": "1", "CI_NODE_TOTAL": "4"} | SLURM,
            "Slurm says 3/4, GitLab says 1/4; write --shard K/N",
        ),
        (SLURM | {"CI_NODE_TOTAL": "1"}, "GitLab has CI_NODE_TOTAL=1 but no CI_NODE_INDEX"),
    ],
)
def test_nothing_a_half_or_two_are_refused(environment: dict[str, str], complaint: str) -> None:
    """Otherwise every machine would do everything, or some cells would be done by none."""
    with pytest.raises(UsageError, match=r"^--shard auto: ") as raised:
        shard_of(environment)
    assert complaint in str(raised.value)


@pytest.mark.parametrize("numbering", NUMBERINGS, ids=lambda numbering: numbering.title)
def test_half_of_a_numbering_is_refused(numbering: TaskNumbering) -> None:
    """A number without a count is no shard, nor is a count without a number."""
    names = (numbering.index, numbering.count)
    for there, missing in (names, names[::-1]):
        with pytest.raises(UsageError, match=f"{there}=1 but no {missing};"):
            shard_of({there: "1"})
