"""CI installs only what its locks have, and they fit pyproject.toml."""

import re

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from harness.wheels.locks.application import LockedDependency
from harness.wheels.locks.requirements_file import read_requirements_file
from tests.support.ci_lock import LOCKS, PROJECT, ROOT, TESTS, extras, tox

GITHUB = ROOT / ".github"
NAMES = sorted(LOCKS)
RENEW = "run `tox -e ci-lock`"


def locked(name: str) -> tuple[LockedDependency, ...]:
    return read_requirements_file(LOCKS[name], lambda path: path.read_text("utf-8")).dependencies


def wanted(name: str) -> list[Requirement]:
    """Return what pyproject.toml and tox.ini ask for; the project's own extras are resolved."""
    more = [line for extra in extras(name) for line in PROJECT["optional-dependencies"][extra]]
    lines = [*PROJECT["dependencies"], *more, *([tox()] if name == TESTS else [])]
    found = map(Requirement, lines)
    return [each for each in found if each.name != PROJECT["name"]]


@pytest.mark.parametrize("name", NAMES)
def test_lock_fits_the_project(name: str) -> None:
    """Every requirement is locked to a version that fits; asked of the files, not of an index."""
    versions = {each.name: each.version for each in locked(name)}
    for requirement in wanted(name):
        version = versions.get(canonicalize_name(requirement.name))
        assert version, f"{requirement.name} is not in {name}.lock; {RENEW}"
        assert requirement.specifier.contains(version), f"{requirement}, not {version}; {RENEW}"


@pytest.mark.parametrize("name", NAMES)
def test_lock_has_nothing_else(name: str) -> None:
    """What the project no longer asks for is not locked as its own."""
    asked = {canonicalize_name(each.name) for each in wanted(name)}
    text = LOCKS[name].read_text("utf-8")
    blocks = re.findall(r"(?m)^([\w.-]+)==.*((?:\n +.*)*)", text)
    own = {found for found, more in blocks if "(pyproject.toml)" in more or "-r -" in more}
    assert own <= asked, RENEW


@pytest.mark.parametrize("name", NAMES)
def test_everything_has_a_digest(name: str) -> None:
    """Pip checks each file."""
    assert [each.title for each in locked(name) if not each.sha256] == []


def commands() -> list[tuple[str, str]]:
    """Return the file and text of every command of workflows, action and GitLab job."""
    found = []
    for path in sorted(GITHUB.rglob("*.yml")):
        read = yaml.safe_load(path.read_text("utf-8"))
        jobs = read.get("jobs") or {"": {"steps": read.get("runs", {}).get("steps", [])}}
        found += [
            (path.name, step["run"])
            for job in jobs.values()
            for step in job["steps"]
            if "run" in step
        ]
    gitlab = yaml.safe_load((GITHUB / "gitlab.yml").read_text("utf-8"))["wheelgrid"]
    found += [("gitlab.yml", line) for line in (*gitlab["before_script"], *gitlab["script"])]
    return found


def test_only_locked_files_are_installed() -> None:
    """Every `pip install` of CI takes wheels of a lock, with their digests."""
    installs = [(name, text) for name, text in commands() if "install" in text and "pip" in text]
    assert len(installs) > 7
    for name, text in installs:
        for line in re.findall(r"pip install (?:.*\\\n)*.*", text):
            assert "--require-hashes" in line, name
            assert "--only-binary" in line, name
            assert re.search(r"\.github/(requirements|test)\.lock", line), name


def test_tox_locks_what_uses_sudo() -> None:
    """An environment that runs `doctor --fix` installs a lock and builds nothing."""
    text = (ROOT / "tox.ini").read_text("utf-8")
    sections = re.split(r"(?m)^\[", text)
    fixes = [section for section in sections if "doctor --fix" in section and "commands" in section]
    assert len(fixes) == 4
    for section in fixes:
        assert "skip_install = true" in section
        assert ".lock" in section or "{[locked]deps}" in section
