"""``run``, ``check``, ``passport`` and ``repro`` up to the point where they need an engine."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.wheels import make_wheel

Run = Callable[..., Any]


@pytest.fixture(autouse=True)
def _no_engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no-engine.sock")


def test_a_run_without_an_engine(wheelgrid: Run, matrix: Path, tmp_path: Path) -> None:
    """Exit code 3, a message with the next step, and no file."""
    out = tmp_path / "grid"
    result = wheelgrid("run", "--matrix", matrix, "--out", out)
    assert result.status == 3
    assert "no container engine can be reached" in result.err
    assert len(result.err.splitlines()) == 1
    assert not out.exists()


def test_empty_selection_is_reported_without_an_engine(wheelgrid: Run, matrix: Path) -> None:
    result = wheelgrid("run", "--matrix", matrix, "--subject", "nump")
    assert result.status == 2
    assert "numpy" in result.err


@pytest.mark.parametrize(
    ("word", "complaint"),
    [
        ("nothing-here", "nothing-here: no such file, and not a release of the package index"),
        ("numpy>=2", "give a path to a .whl file or name==version"),
        ("numpy==not.a.version!", "write it as name==1.2.3"),
    ],
)
def test_checking_no_wheel(wheelgrid: Run, matrix: Path, word: str, complaint: str) -> None:
    """Neither a wheel file nor a release."""
    (matrix / "index.lock.json").write_text('{"generated": "2026-01-01", "releases": {}}')
    result = wheelgrid("check", word, "--matrix", matrix)
    assert result.status == 2
    assert complaint in result.err


def test_checking_a_damaged_wheel(wheelgrid: Run, matrix: Path, tmp_path: Path) -> None:
    """Reported without an engine."""
    (matrix / "index.lock.json").write_text('{"generated": "2026-01-01", "releases": {}}')
    wheel = tmp_path / "x-1.0-py3-none-any.whl"
    wheel.write_bytes(b"not a zip file")
    result = wheelgrid("check", wheel, "--matrix", matrix)
    assert result.status == 2
    assert "x-1.0-py3-none-any.whl" in result.err


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["passport", "debian-122"], "did you mean 'debian-12'?"),
        (["passport", "debian-12/s390"], "did you mean 'debian-12/s390x'?"),
        (["repro", "debian-12/s390x/nunpy"], "did you mean 'numpy'?"),
    ],
)
def test_a_name_that_is_nearly_right(
    wheelgrid: Run, matrix: Path, words: list[str], complaint: str
) -> None:
    """The nearest target or cell is suggested."""
    result = wheelgrid(*words, "--matrix", matrix)
    assert result.status == 2
    assert complaint in result.err


@pytest.mark.parametrize(
    ("query", "complaint"),
    [
        ("subject:nobody", "cells matches the query"),
        ("outcome:crushed", "did you mean 'crashed'?"),
        ("outcome:crashed", "no such store"),
    ],
)
def test_checking_by_a_query(
    wheelgrid: Run, matrix: Path, tmp_path: Path, query: str, complaint: str
) -> None:
    """``check`` accepts queries, and reports what it cannot answer."""
    (matrix / "index.lock.json").write_text('{"generated": "2026-01-01", "releases": {}}')
    wheel = make_wheel(tmp_path, "x", "")
    words = ("--matrix", matrix, "--store", tmp_path / "none.db", "-q", query)
    result = wheelgrid("check", wheel, *words)
    assert result.status in (2, 3)
    assert complaint in result.err
