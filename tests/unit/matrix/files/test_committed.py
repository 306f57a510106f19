"""The committed matrix loads and has the intended cells."""

import re
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from harness.app.requested import read_list
from harness.core.cells import Matrix
from harness.core.machines import machine_of
from harness.core.subjects import FixtureSource, IndexSource, Subject
from harness.core.targets import ReplicaField
from harness.matrix.files import load_matrix
from harness.wheels.index.lock import LOCK_NAME, read_lock
from tests.support.facts import recorded_facts
from tests.support.projects import BROKEN

ROOT = Path(__file__).parents[4]


def matching_any(globs: tuple[str, ...], target: str) -> bool:
    return any(fnmatchcase(target, glob) for glob in globs)


@pytest.fixture(scope="module")
def matrix() -> Matrix:
    return load_matrix(ROOT / "matrix")


def test_targets_cover_debian_with_the_arches_it_has(matrix: Matrix) -> None:
    """Debian 11 to unstable, each with its Python, on up to seven arches."""
    found: dict[str, tuple[str, int]] = {}
    for target in filter(lambda each: machine_of(each) is None, matrix.targets):
        found[target.id] = (target.python, found.get(target.id, ("", 0))[1] + 1)
    assert {name: at for name, at in found.items() if name.startswith("debian-")} == {
        "debian-11": ("3.9", 4),
        "debian-12": ("3.11", 6),
        "debian-13": ("3.13", 7),
        "debian-sid-3.14": ("3.14", 7),
        "debian-sid-3.15": ("3.15", 7),
    }


def test_every_debian_can_be_pulled_and_assembled(matrix: Matrix) -> None:
    debian = [target for target in matrix.targets if target.id.startswith("debian-")]
    assert all(target.registry and target.assembled for target in debian)


def test_other_targets_have_a_replica(matrix: Matrix) -> None:
    """Targets without a registry image are listed here; those of deploy have no other way."""
    (deploy,) = (profile for profile in matrix.profiles if profile.name == "deploy")
    others = [target for target in matrix.targets if not target.id.startswith("debian-")]
    pulled = [target for target in others if not (target.replica or target.assembled)]
    assert len({target.id for target in pulled}) > 20
    assert all(matching_any(deploy.targets, target.id) for target in pulled)
    assembled = {target.id for target in others if target.assembled}
    assert assembled == {"pypy-3.9-debian12", "pypy-3.11-debian13"}
    assert {target.id for target in others if target.registry is None} == {
        "alpine-3.14-ga",
        "alpine-3.14-ga-pip-upgraded",
        "python-build-standalone-3.11",
        "fedora-32-ga",
        "cpython-3.13t-glibc",
        "cpython-3.13t-musl",
        "cpython-3.14t-glibc",
        "cpython-3.15t-glibc",
    }


def test_every_target_is_in_full_or_deploy(matrix: Matrix) -> None:
    """What needs no registry is in full, so that a run without one has no miss."""
    globs = {profile.name: profile.targets for profile in matrix.profiles}
    for target in matrix.targets:
        local = bool(target.replica or target.assembled)
        assert matching_any(globs["full"], target.id) is local, target.id
        assert local or matching_any(globs["deploy"], target.id), target.id


def test_replica_with_another_python_gives_a_reason(matrix: Matrix) -> None:
    """No other replica does."""
    for target in matrix.targets:
        if target.replica:
            stands_in = target.replica.interpreter.python != target.python
            assert (ReplicaField.PYTHON in target.replica.differs) is stands_in, target.key


def test_interpreters_are_built_for_both_libcs(matrix: Matrix) -> None:
    """On every arch that a target of theirs has."""
    built: dict[tuple[str, str], set[str]] = {}
    for target in matrix.targets:
        if target.replica:
            key = (target.replica.interpreter.python, target.libc)
            built.setdefault(key, set()).add(target.arch_name)
    five = {"x86_64", "aarch64", "armv7l", "ppc64le", "s390x"}
    on_five = {(python, libc) for python in ("3.9", "3.11", "3.13") for libc in ("musl", "glibc")}
    three = {"x86_64", "aarch64", "s390x"}
    assert built == {
        **dict.fromkeys(on_five, five),
        # Fedora 43 is not made for armv7l.
        ("3.13", "glibc"): five - {"armv7l"},
        ("3.13", "musl"): five | {"i686", "riscv64"},
        ("3.13t", "glibc"): three,
        ("3.13t", "musl"): three,
        ("3.14t", "glibc"): {"x86_64"},
        ("3.15t", "glibc"): {"x86_64"},
    }


@pytest.mark.parametrize(
    ("naming", "arch", "builds", "second", "last"),
    [
        ("musl-then-gnu", "ppc64le", "powerpc64le-linux-musl", "powerpc64le-linux-gnu", None),
        ("musl-then-gnu", "armv7l", "arm-linux-musleabihf", None, None),
        ("fedora-legacy", "ppc64le", "ppc64le-linux-gnu", None, None),
        ("fedora-legacy", "s390x", "s390x-linux-gnu", None, None),
        ("fedora-legacy-then-upstream", "armv7l", "arm-linux-gnueabi", None, "arm-linux-gnueabihf"),
        (
            "fedora-upstream-then-legacy",
            "ppc64le",
            "powerpc64le-linux-gnu",
            None,
            "ppc64le-linux-gnu",
        ),
        ("fedora-upstream-then-legacy", "x86_64", "x86_64-linux-gnu", None, None),
    ],
)
def test_namings_match_alpine_and_fedora_patches(
    matrix: Matrix, naming: str, arch: str, builds: str, second: str | None, last: str | None
) -> None:
    (found,) = (n for n in matrix.namings if n.id == naming)
    assert (found.builds[arch], found.second.get(arch), found.last.get(arch)) == (
        builds,
        second,
        last,
    )


def test_the_two_pythons_of_unstable_share_one_recipe(matrix: Matrix) -> None:
    """Equal recipes have equal keys, so the image is built once."""
    recipes = {
        target.key: (target.registry, target.assembled)
        for target in matrix.targets
        if target.id.startswith("debian-sid")
    }
    assert recipes["debian-sid-3.14/s390x"] == recipes["debian-sid-3.15/s390x"]


def test_every_fixture_subject_has_its_project(matrix: Matrix) -> None:
    """The project of a fixture subject exists under ``fixtures/``."""
    projects = {s.source.project for s in matrix.subjects if isinstance(s.source, FixtureSource)}
    there = {path.name for path in (ROOT / "fixtures").iterdir() if path.is_dir()}
    assert projects <= there
    assert len(projects) >= 9


def test_sound_fixture_wheels_run_on_every_debian_target(matrix: Matrix) -> None:
    """The builder has headers for every Python and arch."""
    glibc = {s.id for s in matrix.subjects if _is_sound_and_built_by(s, "cross-glibc")}
    left_out = {s for key, s in matrix.excluded if key.startswith("debian-")}
    assert len(glibc) >= 9
    assert not glibc & left_out


def _is_sound_and_built_by(subject: Subject, builder: str) -> bool:
    match subject.source:
        case FixtureSource(project=project, builder=used):
            return used == builder and project not in {*BROKEN, "nogil", "abi3t"}
        case _:
            return False


def test_target_ids_are_distinct_for_k(matrix: Matrix) -> None:
    """``-k`` with a target's id selects only that target and its variants, ``<id>-…``."""
    ids = {target.id for target in matrix.targets}
    assert not [(a, b) for a in ids for b in ids if a != b and a in b and not b.startswith(f"{a}-")]


def test_replicated_environments_have_recorded_facts(matrix: Matrix) -> None:
    """Facts exist for the arch, libc and Python of each replica, and for no other."""
    facts = recorded_facts()
    replicas = [(target, target.replica) for target in matrix.targets if target.replica]
    assert {(replica.replicates, target.arch_name) for target, replica in replicas} == set(facts)
    for target, replica in replicas:
        recorded = facts[replica.replicates, target.arch_name]
        assert recorded.available
        assert recorded.libc == target.libc
        python = target.python.removesuffix("t")  # the names of the facts have the flag
        assert re.match(rf"{re.escape(python)}\b", recorded.python), target.key


def test_lists_of_releases() -> None:
    """The default list pins each release once; the longer list has 150 names."""
    pinned = read_list(ROOT / "matrix" / "releases.txt")
    lock = read_lock(ROOT / "matrix" / LOCK_NAME)
    sources = [IndexSource(name=one.name, version=one.version) for one in pinned]
    assert all(lock.find(source) for source in sources)
    assert len(set(sources)) == len(sources)
    names = read_list(ROOT / "matrix" / "subjects-150.txt")
    assert len(names) == len({one.name for one in names}) == 150
    assert not any(one.version for one in names)
