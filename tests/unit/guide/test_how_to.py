"""The how-to pages say what the action and the tables have."""

import re

import yaml

from harness.predict.lock_outlook import DependencyState
from harness.report.applications import SIGNS
from tests.support.commands import ROOT

HOW_TO = ROOT / "harness" / "guide" / "how-to"


def rows(name: str) -> list[list[str]]:
    """Return the cells of the tables of a page, without headings."""
    lines = re.findall(r"(?m)^\| (.*) \|$", (HOW_TO / name).read_text("utf-8"))
    return [line.split(" | ") for line in lines]


def test_every_input_of_the_action_is_explained() -> None:
    """And no other."""
    action = yaml.safe_load((ROOT / ".github/actions/wheelgrid/action.yml").read_text("utf-8"))
    named = [name for row in rows("ci.md") for name in re.findall(r"`([a-z]+)`", row[0])]
    assert named == list(action["inputs"])


def test_every_sign_of_the_table_is_explained() -> None:
    """With the words of the program."""
    explained = {row[1]: row[0] for row in rows("lock-files.md") if len(row) == 3}
    for state in DependencyState:
        assert explained[state] == f"`{SIGNS[state][0]}`"
