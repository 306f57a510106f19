"""Resolve matrix files: arches, overrides and cells."""

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.core.cells import Outcome
from harness.core.subjects import FixtureSource, IndexSource
from harness.core.targets import Naming, RegistryWay, ReplicaField
from harness.matrix.files import load_matrix

WriteMatrix = Callable[..., Path]
Good = dict[str, str]


def test_one_target_per_arch_in_table_order(write_matrix: WriteMatrix, good: Good) -> None:
    """Aliases become the wheel spelling; file order does not matter."""
    text = good["targets"].replace("[x86_64, ppc64le]", "[PPC64EL, amd64]")
    targets = load_matrix(write_matrix(targets=text)).targets
    assert [target.key for target in targets] == ["debian-12/x86_64", "debian-12/ppc64le"]


def test_an_override_is_merged_into_one_arch(write_matrix: WriteMatrix, good: Good) -> None:
    """Mappings are merged, lists and scalars replaced, other arches unchanged."""
    override = (
        "    overrides:\n"
        "      ppc64el:\n"
        "        registry: {image: ppc64le/debian}\n"
        "        assembled: {suite: sid, packages: [dash]}\n"
        "        allow_failure: true\n"
    )
    x86, ppc = load_matrix(write_matrix(targets=good["targets"] + override)).targets
    assert x86.registry == RegistryWay(image="debian:12", prepare=("apt-get update",))
    assert ppc.registry == RegistryWay(image="ppc64le/debian", prepare=("apt-get update",))
    assert (x86.assembled, x86.allow_failure) == (None, False)
    assert ppc.assembled is not None
    assert (ppc.assembled.packages, ppc.allow_failure) == (("dash",), True)
    assert ppc.title == x86.title


def test_null_removes_a_way_on_an_arch(write_matrix: WriteMatrix, good: Good) -> None:
    more = (
        "    assembled: {suite: bookworm, packages: [dash]}\n"
        "    overrides: {ppc64le: {registry: null}}\n"
    )
    x86, ppc = load_matrix(write_matrix(targets=good["targets"] + more)).targets
    assert x86.registry is not None
    assert (ppc.registry, ppc.assembled) == (None, x86.assembled)


def test_subjects_and_their_sources(write_matrix: WriteMatrix, good: Good) -> None:
    """Index names are normalized (PEP 503)."""
    text = good["subjects"].replace("markupsafe==3.0.2", "MarkupSafe==3.0.2\n    with: [a_b==1]")
    plain, markupsafe = load_matrix(write_matrix(subjects=text)).subjects
    assert plain.source == FixtureSource(project="plain", builder="cross")
    assert markupsafe.source == IndexSource(name="markupsafe", version="3.0.2")
    assert markupsafe.companions == (IndexSource(name="a-b", version="1"),)


def test_an_expectation_knows_its_line(write_matrix: WriteMatrix) -> None:
    """Messages name the entry by its line."""
    entry = "{target: '*', subject: plain, outcome: crashed, reason: r, link: 'https://e.org'}"
    (expected,) = load_matrix(write_matrix(expectations=f"expectations:\n  - {entry}")).expectations
    assert (expected.where, expected.arch) == ("matrix/expectations.yaml:2", "*")
    assert expected.outcome is Outcome.CRASHED


@pytest.mark.parametrize(
    ("old", "new", "left_out"),
    [
        ("", "", set()),
        ("builder: cross", "builder: cross\n    exclude: [debian-12/ppc64el]", {"ppc64le"}),
        ("builder: cross", "builder: cross\n    include: ['*/amd64']", {"ppc64le"}),
        ("builder: cross", "builder: cross\n    include: [debian-12]", set()),
        (
            '{python: "3.11", suite: bookworm, arches: [x86_64, ppc64le]}',
            '{python: "3.11", suite: sid, arches: [x86_64]}',
            {"ppc64le"},
        ),
        ('{x86_64: "2.17", ppc64le: "2.17"}', '{x86_64: "2.17"}', {"ppc64le"}),
    ],
)
def test_where_a_fixture_has_no_cell(
    write_matrix: WriteMatrix, good: Good, old: str, new: str, left_out: set[str]
) -> None:
    """Globs exclude it, or its builder lacks headers or the libc for the arch."""
    files = {name: text.replace(old, new) if old else text for name, text in good.items()}
    matrix = load_matrix(write_matrix(**files))
    assert matrix.excluded == {(f"debian-12/{arch}", "plain") for arch in left_out}


def test_a_wheel_for_any_python_needs_no_headers_of_the_target(
    write_matrix: WriteMatrix, good: Good
) -> None:
    """Headers of any version serve a limited-API wheel."""
    builders = good["builders"].replace('"3.11"', '"3.9"')
    subjects = good["subjects"].replace("builder: cross", "builder: cross\n    any_python: true")
    assert load_matrix(write_matrix(builders=builders, subjects=subjects)).excluded == frozenset()


def test_pythons_limit_a_subject(write_matrix: WriteMatrix, good: Good) -> None:
    """A release without wheels for a Python is not probed on it."""
    second = good["targets"].split("\n", 1)[1].replace("debian-12", "debian-13")
    targets = good["targets"] + second.replace("3.11", "3.13")
    subjects = good["subjects"] + '    pythons: ["3.11"]\n'
    matrix = load_matrix(write_matrix(targets=targets, subjects=subjects))
    assert {pair for pair in matrix.excluded if pair[1] == "markupsafe"} == {
        ("debian-13/x86_64", "markupsafe"),
        ("debian-13/ppc64le", "markupsafe"),
    }


def test_python_of_one_arch(write_matrix: WriteMatrix, good: Good) -> None:
    """Versions in overrides count as versions of the matrix."""
    targets = good["targets"] + '    overrides: {ppc64le: {python: "3.9"}}\n'
    subjects = good["subjects"] + '    pythons: ["3.9"]\n'
    matrix = load_matrix(write_matrix(targets=targets, subjects=subjects))
    assert ("debian-12/ppc64le", "markupsafe") not in matrix.excluded


def test_a_builder_of_another_libc_builds_nothing(write_matrix: WriteMatrix, good: Good) -> None:
    """A glibc fixture has no cell on a musl target."""
    second = good["targets"].split("\n", 1)[1].replace("debian-12", "alpine")
    targets = good["targets"] + second.replace("libc: glibc", "libc: musl")
    excluded = load_matrix(write_matrix(targets=targets)).excluded
    assert excluded == {("alpine/x86_64", "plain"), ("alpine/ppc64le", "plain")}


def test_a_distribution_builds_as_its_python_does(
    write_matrix: WriteMatrix, good: Good, replica: Good
) -> None:
    """Names, headers and libc come from the target; its tag promises nothing."""
    targets = good["targets"] + replica["targets"]
    builders = good["builders"] + "  - {id: own, kind: distribution, target: debian-12}\n"
    files = {**replica, "targets": targets, "builders": builders}
    matrix = load_matrix(write_matrix(**files))
    own = matrix.builder("own")
    assert (own.libc, own.promises) == ("glibc", {})
    assert own.builds == (("3.11", "x86_64"), ("3.11", "ppc64le"))
    assert [row.interpreter and row.interpreter.id for row in own.headers] == ["cpython-3.11"] * 2
    (naming,) = own.names
    assert isinstance(naming, Naming)
    assert naming.builds == {"x86_64": "x86_64-linux-gnu", "ppc64le": "ppc64le-linux-gnu"}


def test_a_distribution_without_a_replica_builds_as_upstream(
    write_matrix: WriteMatrix, good: Good
) -> None:
    """Debian's Python uses upstream's names and the headers of its suite."""
    targets = good["targets"] + "    assembled: {suite: bookworm, packages: [python3]}\n"
    builders = good["builders"] + "  - {id: own, kind: distribution, target: debian-12}\n"
    own = load_matrix(write_matrix(targets=targets, builders=builders)).builder("own")
    assert {row.suite for row in own.headers} == {"bookworm"}
    (naming,) = own.names
    assert isinstance(naming, Naming)
    assert naming.builds["ppc64le"] == "powerpc64le-linux-gnu"


def test_a_naming_has_a_triplet_per_arch(write_matrix: WriteMatrix, replica: Good) -> None:
    """Words become upstream's triplets; unnamed arches and ``none`` have no triplet."""
    words = replica["namings"] + "  - {id: musl, builds: musl, second: {armv7: none, others: gnu}}"
    gnu, fedora, musl = load_matrix(write_matrix(namings=words)).namings
    assert (gnu.builds["armv7l"], gnu.second, gnu.last) == ("arm-linux-gnueabihf", {}, {})
    assert fedora.builds["ppc64le"] == "ppc64le-linux-gnu"
    assert fedora.builds["i686"] == "i386-linux-gnu"
    assert fedora.last == {"ppc64le": "powerpc64le-linux-gnu"}
    assert musl.builds["armv7l"] == "arm-linux-musleabihf"
    assert musl.second["s390x"] == "s390x-linux-gnu"
    assert "armv7l" not in musl.second


def test_replica_ids_are_resolved(write_matrix: WriteMatrix, good: Good, replica: Good) -> None:
    """An override adds to the reasons and replaces other fields."""
    override = "    overrides: {ppc64le: {replica: {suite: sid, differs: {libc_version: newer}}}}\n"
    targets = good["targets"] + replica.pop("targets") + override
    x86, ppc = load_matrix(write_matrix(**replica, targets=targets)).targets
    assert x86.replica is not None
    assert ppc.replica is not None
    assert x86.replica.interpreter.source == "python3.11"
    assert x86.replica.naming.id == "fedora"
    assert x86.replica.differs == {ReplicaField.PIP: "older"}
    assert (x86.replica.suite, ppc.replica.suite) == ("bookworm", "sid")
    assert ppc.replica.differs == {ReplicaField.PIP: "older", ReplicaField.LIBC_VERSION: "newer"}


def test_a_stand_in_serves_the_subjects_of_its_own_python(
    write_matrix: WriteMatrix, good: Good, replica: Good
) -> None:
    """A 3.8 target has 3.11 cells only on the arch whose replica is 3.11."""
    targets = good["targets"].replace('"3.11"', '"3.8"') + replica.pop("targets")
    override = "    overrides: {x86_64: {replica: null}}\n"
    matrix = load_matrix(write_matrix(**replica, targets=targets + override))
    assert [target.pythons for target in matrix.targets] == [("3.8",), ("3.8", "3.11")]
    assert matrix.excluded == {("debian-12/x86_64", "plain")}
