"""What commands import before they do anything; see ``harness.bench.startup`` for the seconds."""

import sys

import pytest

from tests.support.commands import ROOT, run_to_end

SLOW = {
    "docker",
    "jinja2",
    "pypi_simple",
    "pytest",
    "requests",
    "resolvelib",
    "tenacity",
    "urllib3",
}


@pytest.mark.parametrize(
    ("module", "others"),
    [("harness.cli", {"pydantic", "rich", "yaml"}), ("harness.cli.predict", set[str]())],
)
def test_slow_libraries_are_imported_when_they_are_needed(module: str, others: set[str]) -> None:
    """Help needs only click; a prediction needs neither engine nor index."""
    code = f"import sys, {module}; print(*sys.modules)"
    ended = run_to_end((sys.executable, "-c", code), cwd=ROOT)
    assert ended.status == 0, ended.err
    assert set(ended.out.split()).isdisjoint(SLOW | others)
