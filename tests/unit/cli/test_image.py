"""``wheelgrid image`` where there is no engine, and where there is nothing to make."""

from collections.abc import Callable
from typing import Any

import pytest

Run = Callable[..., Any]


@pytest.fixture(autouse=True)
def _no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/no-engine.sock")


@pytest.mark.parametrize("command", ["build", "list", "prune"])
def test_without_an_engine_nothing_can_be_said(wheelgrid: Run, command: str) -> None:
    """Neither made, nor listed, nor removed: one line, and no traceback."""
    result = wheelgrid("image", command)
    assert result.status == 3
    assert "no container engine can be reached" in result.err
    assert result.out == ""


def test_a_target_that_is_not_there_is_named(wheelgrid: Run) -> None:
    """Before anything is asked of the engine."""
    result = wheelgrid("image", "build", "--target", "debian-21")
    assert result.status == 2
    assert "debian-21" in result.err
