"""``wheelgrid lock`` for a matrix without index releases."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SUBJECTS = """\
subjects:
  - {id: plain, group: ours, fixture: plain, builder: cross, imports: [plain]}
"""
BUILDERS = """\
builders:
  - id: cross
    kind: cross
    libc: glibc
    promises: {x86_64: "2.17"}
    headers:
      - {python: "3.11", suite: bookworm, arches: [x86_64]}
"""


@pytest.mark.parametrize("before", ["", "{", None])
def test_missing_or_broken_lock_is_replaced(
    wheelgrid: Callable[..., Any], matrix: Path, before: str | None
) -> None:
    (matrix / "subjects.yaml").write_text(SUBJECTS)
    (matrix / "builders.yaml").write_text(BUILDERS)
    (matrix / "expectations.yaml").unlink()
    lock = matrix / "index.lock.json"
    if before is not None:
        lock.write_text(before)
    said = wheelgrid("lock", "--matrix", matrix)
    assert (said.status, said.out) == (0, f"{lock}\n"), said.err
    assert json.loads(lock.read_text())["releases"] == {}
