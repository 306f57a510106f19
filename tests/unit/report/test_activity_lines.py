"""Lines about long work beside pytest's dots."""

from pathlib import Path

import pytest

from harness.probe.journal import Journal
from harness.report import activity_lines
from harness.report.activity_lines import ActivityLines
from tests.support.commands import wait_until


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(activity_lines, "LONG", 0.2)
    monkeypatch.setattr(activity_lines, "TICK", 0.02)


def test_long_work_is_said_once(tmp_path: Path) -> None:
    """Each activity is said, escaped, while it goes on."""
    said: list[str] = []
    journal = Journal(tmp_path / "journal.jsonl", "gw0")
    with ActivityLines(journal.path, said.append):
        journal.activity("alpine-3.14/x86_64", "compiling \x1b[2J CPython")
        wait_until(lambda: len(said) == 1, seconds=10)
        journal.activity("alpine-3.14/x86_64", "")
        journal.activity("alpine-3.14/x86_64", "probing")
        wait_until(lambda: len(said) == 2, seconds=10)
    assert said == [
        r"alpine-3.14/x86_64 compiling \x1b[2J CPython",
        "alpine-3.14/x86_64 probing",
    ]


def test_short_work_is_not_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run of many quick cells stays quiet."""
    monkeypatch.setattr(activity_lines, "LONG", 3600)
    said: list[str] = []
    journal = Journal(tmp_path / "journal.jsonl", "gw0")
    with ActivityLines(journal.path, said.append):
        journal.activity("debian-12/x86_64", "probing plain")
    assert said == []
