"""The matrix in the repository loads and says what it means to say."""

from pathlib import Path

import pytest

from harness.matrixfile import load_matrix
from harness.model import FixtureSource, Matrix

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def matrix() -> Matrix:
    return load_matrix(ROOT / "matrix")


def test_targets_cover_debian_with_the_arches_it_has(matrix: Matrix) -> None:
    """Debian 11 to unstable, each with its Python, on seven arches in the end."""
    found: dict[str, tuple[str, int]] = {}
    for target in matrix.targets:
        found[target.id] = (target.python, found.get(target.id, ("", 0))[1] + 1)
    assert found == {
        "debian-11": ("3.9", 4),
        "debian-12": ("3.11", 6),
        "debian-13": ("3.13", 7),
        "debian-sid-3.14": ("3.14", 7),
        "debian-sid-3.15": ("3.15", 7),
    }


def test_every_target_can_be_pulled_and_assembled(matrix: Matrix) -> None:
    """No target depends on one way to its image."""
    assert all(target.registry and target.assembled for target in matrix.targets)


def test_the_two_pythons_of_unstable_share_one_recipe(matrix: Matrix) -> None:
    """Equal recipes have equal keys: the image is made once for both."""
    recipes = {
        target.key: (target.registry, target.assembled)
        for target in matrix.targets
        if target.id.startswith("debian-sid")
    }
    assert recipes["debian-sid-3.14/s390x"] == recipes["debian-sid-3.15/s390x"]


def test_every_fixture_subject_has_its_project(matrix: Matrix) -> None:
    """A subject of a fixture names a folder under ``fixtures/`` that is there."""
    projects = {s.source.project for s in matrix.subjects if isinstance(s.source, FixtureSource)}
    there = {path.name for path in (ROOT / "fixtures").iterdir() if path.is_dir()}
    assert projects <= there
    assert len(projects) >= 9


def test_fixture_wheels_are_left_out_nowhere(matrix: Matrix) -> None:
    """The builder has headers for every Python and arch of the targets."""
    left_out = {subject for _, subject in matrix.excluded}
    assert left_out == {"cryptography", "psycopg-binary"}


def test_no_target_id_is_a_piece_of_another(matrix: Matrix) -> None:
    """``-k`` with a target's id selects that target alone."""
    ids = {target.id for target in matrix.targets}
    assert not [(a, b) for a in ids for b in ids if a != b and a in b]
