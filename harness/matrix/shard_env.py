"""Find out from the environment which shard of a run this machine is to run. Pure.

Each scheduler numbers the tasks of a job in environment variables. If nothing says the number and
the count, or two schedulers say different ones, the answer is an error: a run in which every
machine does everything would look complete.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from harness.core.errors import UsageError

AUTO = "auto"
SHARDS = "WHEELGRID_SHARDS"
"""Number of shards, for a scheduler that only numbers them: ``plan --format kubernetes``."""
FIRST_SHARD = "WHEELGRID_FIRST_SHARD"
"""The shard of index 0, if the shards of a run are divided over several jobs; 1 by default."""

_Numbers = Callable[[Mapping[str, str]], tuple[int, int]]


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskNumbering:
    """How a scheduler numbers the tasks of a job."""

    title: str
    index: str
    """Environment variable of the task's number."""
    count: str
    """Environment variable of the number of tasks."""
    numbers: _Numbers
    """Returns K and N from the environment. Raises ``ValueError``."""


def shard_of(environment: Mapping[str, str]) -> tuple[str, str]:
    """Return the shard as ``K/N``, and the titles of the schedulers that say so.

    Raises ``UsageError`` if no scheduler does, if one has only the number or only the
    count, or if two disagree.
    """
    found = {
        numbering.title: shard
        for numbering in NUMBERINGS
        if (shard := _shard(numbering, environment))
    }
    if not found:
        names = ", ".join(f"{n.index} and {n.count}" for n in NUMBERINGS)
        raise UsageError(
            f"--shard auto: no scheduler numbers this task; it needs one of {names}; "
            "or write --shard K/N"
        )
    if len(set(found.values())) > 1:
        said = ", ".join(f"{title} says {shard}" for title, shard in found.items())
        raise UsageError(f"--shard auto: {said}; write --shard K/N")
    return next(iter(found.values())), " and ".join(found)


def _shard(numbering: TaskNumbering, environment: Mapping[str, str]) -> str:
    """Return ``K/N``; empty if this scheduler does not number the task."""
    there = [name for name in (numbering.index, numbering.count) if environment.get(name)]
    if not there:
        return ""
    if len(there) == 1:
        (missing,) = {numbering.index, numbering.count} - {*there}
        raise UsageError(
            f"--shard auto: {numbering.title} has {there[0]}={environment[there[0]]} but no "
            f"{missing}; start the job with a number of parallel tasks, or write --shard K/N"
        )
    try:
        number, of = numbering.numbers(environment)
    except ValueError:
        number, of = 0, 0
    if not 1 <= number <= of:
        said = ", ".join(f"{name}={environment[name]}" for name in there)
        raise UsageError(
            f"--shard auto: {numbering.title} has {said}, which is no K of N; write --shard K/N"
        )
    return f"{number}/{of}"


def _slurm(environment: Mapping[str, str]) -> tuple[int, int]:
    """Return K and N of an array, whose numbers may begin anywhere and have a step.

    Raises ``ValueError`` for a list of numbers with gaps, whose places the environment does not
    say (https://slurm.schedmd.com/job_array.html).
    """
    index, count = _ints(environment, "SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_COUNT")
    first = int(environment.get("SLURM_ARRAY_TASK_MIN") or 1)
    last = int(environment.get("SLURM_ARRAY_TASK_MAX") or first + count - 1)
    step = (last - first) // (count - 1) if count > 1 else 1
    place = (index - first) // step if step else 0
    if first + step * (count - 1) != last or first + step * place != index:
        raise ValueError("the numbers of the array have gaps")
    return place + 1, count


def _kubernetes(environment: Mapping[str, str]) -> tuple[int, int]:
    index, count = _ints(environment, "JOB_COMPLETION_INDEX", SHARDS)
    return index + int(environment.get(FIRST_SHARD) or 1), count


def _from(first: int, *names: str) -> _Numbers:
    def numbers(environment: Mapping[str, str]) -> tuple[int, int]:
        index, count = _ints(environment, *names)
        return index - first + 1, count

    return numbers


def _ints(environment: Mapping[str, str], *names: str) -> tuple[int, int]:
    index, count = (int(environment[name]) for name in names)
    return index, count


def _numbering(title: str, index: str, count: str, numbers: _Numbers | int) -> TaskNumbering:
    read = _from(numbers, index, count) if isinstance(numbers, int) else numbers
    return TaskNumbering(title=title, index=index, count=count, numbers=read)


NUMBERINGS = (
    _numbering("Slurm", "SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_COUNT", _slurm),
    _numbering("Kubernetes", "JOB_COMPLETION_INDEX", SHARDS, _kubernetes),
    # docs.gitlab.com/ci/variables/predefined_variables: from 1
    _numbering("GitLab", "CI_NODE_INDEX", "CI_NODE_TOTAL", 1),
    # buildkite.com/docs/pipelines/environment-variables: from 0
    _numbering("Buildkite", "BUILDKITE_PARALLEL_JOB", "BUILDKITE_PARALLEL_JOB_COUNT", 0),
    # circleci.com/docs/reference/variables: from 0
    _numbering("CircleCI", "CIRCLE_NODE_INDEX", "CIRCLE_NODE_TOTAL", 0),
)
"""The schedulers, each with the number of its first task or a function."""
