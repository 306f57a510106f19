"""``wheelgrid plan``."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

Run = Callable[..., Any]


def test_a_table_with_a_count(wheelgrid: Run, matrix: Path) -> None:
    """Subjects, targets, the number of cells and expected failures."""
    result = wheelgrid("plan", "--matrix", matrix)
    assert result.status == 0
    assert "debian-12" in result.out
    assert "markupsafe" in result.out
    assert "6 cells of 3 targets" in result.out
    assert "debian-12/s390x/numpy: crashed expected: the emulator loses a thread" in result.out


def test_json(wheelgrid: Run, matrix: Path) -> None:
    """One object per line and cell, in the order of the plan."""
    result = wheelgrid("plan", "--json", "--matrix", matrix, "--target", "debian-12", "-k", "numpy")
    cells = [json.loads(line) for line in result.out.splitlines()]
    assert [cell["id"] for cell in cells] == ["debian-12/x86_64/numpy", "debian-12/s390x/numpy"]
    assert cells[1] == {
        "id": "debian-12/s390x/numpy",
        "target": "debian-12",
        "arch": "s390x",
        "python": "3.11",
        "subject": "numpy",
        "group": "package index",
        "expected": "crashed",
    }


def test_a_job_matrix(wheelgrid: Run, matrix: Path) -> None:
    """One JSON object with an entry per shard."""
    result = wheelgrid("plan", "--format", "github", "--matrix", matrix, "--shards", 2)
    assert result.status == 0
    rows = json.loads(result.out)["include"]
    assert [(row["shard"], row["arches"], row["cells"]) for row in rows] == [
        ("1/2", "x86_64", 4),
        ("2/2", "s390x", 2),
    ]
    whole = wheelgrid("plan", "--format", "github", "--matrix", matrix)
    assert len(json.loads(whole.out)["include"]) == 3


def test_a_parallel_job_of_gitlab_has_no_more_shards_than_it_may(wheelgrid: Run) -> None:
    """GitLab takes 200; of other schedulers there are more for the installed matrix."""
    for words in ((), ("--shards", 250)):
        said = wheelgrid("plan", "--target", "*", "--format", "gitlab", *words)
        assert yaml.safe_load(said.out)["wheelgrid-shard"]["parallel"] == 200


def test_a_query_before_a_run(wheelgrid: Run, matrix: Path, tmp_path: Path) -> None:
    """Fields known before a run can be queried; others need a stored run."""
    store = ("--store", tmp_path / "none.db")
    asked = wheelgrid("plan", "--json", "-q", "arch:s390x -numpy", "--matrix", matrix, *store)
    assert [json.loads(line)["id"] for line in asked.out.splitlines()] == [
        "debian-12/s390x/markupsafe"
    ]


def test_a_job_file_selects_the_same_cells(wheelgrid: Run, matrix: Path) -> None:
    """Each task names the options of the selection, and no other."""
    chosen = ("--target", "debian-12", "-k", "not numpy", "-q", "arch:s390x,x86_64 -zstd")
    words = ("plan", "--matrix", matrix, *chosen, "--shards", 2, "--format")
    for form, task in (("slurm", 1), ("gitlab", 1), ("kubernetes", 2)):
        said = wheelgrid(*words, form)
        assert said.status == 0, said.err
        line = (
            "wheelgrid run --shard auto -k 'not numpy' --target debian-12 "
            f"-q 'arch:s390x,x86_64 -zstd' --matrix {matrix} --store "
        )
        assert said.out.replace("\n", " ").count(line) == task
    none = wheelgrid("plan", "--matrix", matrix, "--target", "none-such", "--format", "slurm")
    assert (none.status, none.out) == (2, "")
