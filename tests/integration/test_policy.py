"""``wheelgrid policy`` with the package index and replicas: predicted and verified."""

from pathlib import Path

import pytest

from tests.support.commands import Ended, wheelgrid

pytestmark = pytest.mark.integration

HERE = ("--images", "replica", "--arch", "x86_64", "--measure")


@pytest.fixture
def releases(tmp_path: Path) -> Path:
    """Return a list of one release whose musllinux wheels for 3.9 have -gnu names."""
    path = tmp_path / "releases.txt"
    path.write_text("# the one of the story\npsycopg-binary==3.0.4\n")
    return path


def predicted(name: str, releases: Path, *words: object) -> Ended:
    out = releases.parent / "grid"
    ended = wheelgrid(
        "policy", name, *HERE, "--subjects", releases, "--out", out, *words, timeout=600
    )
    assert ended.status == 0, ended.said
    return ended


def test_alpine_also_looks_for_gnu(releases: Path) -> None:
    """The fallback fixes the wheel, and the run confirms it."""
    ended = predicted("alpine-also-gnu", releases, "--verify")
    assert "fixed: psycopg_binary 3.0.4: alpine-3.14-ga-pip-upgraded/x86_64" in ended.out
    assert "0 regressed, 1 fixed" in ended.out
    assert "verified: 1 of 1 went as predicted, before and after" in ended.out


def test_dropping_the_patch_breaks_no_wheel(releases: Path) -> None:
    """An interpreter that reads only -gnu still imports the builder images' wheels."""
    ended = predicted("alpine-drop-patch", releases, "--target", "alpine-3.15*")
    assert "0 regressed, 0 fixed, 1 works as before, 0 fails as before" in ended.out


def test_an_unknown_policy_suggests_the_nearest() -> None:
    """The nearest name is suggested."""
    ended = wheelgrid("policy", "alpine-also-gnue")
    assert ended.status == 2
    assert "did you mean 'alpine-also-gnu'?" in ended.err
