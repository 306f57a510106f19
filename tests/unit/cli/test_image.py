"""``wheelgrid image`` without an engine, and without anything to build."""

from collections.abc import Callable
from typing import Any

import pytest

Run = Callable[..., Any]


@pytest.fixture(autouse=True)
def _no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/no-engine.sock")


@pytest.mark.parametrize("command", ["build", "list", "prune"])
def test_missing_engine_gives_one_line_and_exit_code_3(wheelgrid: Run, command: str) -> None:
    """For building, listing and pruning."""
    result = wheelgrid("image", command)
    assert result.status == 3
    assert "no container engine can be reached" in result.err
    assert result.out == ""


def test_unknown_target_is_reported_without_an_engine(wheelgrid: Run) -> None:
    result = wheelgrid("image", "build", "--target", "debian-21")
    assert result.status == 2
    assert "debian-21" in result.err
