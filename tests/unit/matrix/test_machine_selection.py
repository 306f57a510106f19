"""Selections of cells on machines, in the committed matrix."""

import pytest

from harness.app.wiring import read_matrix
from harness.core.cells import Matrix
from harness.core.errors import UsageError
from harness.core.machines import machine_name, machine_of
from harness.host.package_data import matrix_folder
from harness.matrix.plan import Selection, find_cell, plan_cells

PLAIN = ("plain",)


@pytest.fixture(scope="module")
def matrix() -> Matrix:
    return read_matrix(matrix_folder())


def targets(matrix: Matrix, **wanted: object) -> list[str]:
    cells = plan_cells(matrix, Selection(subjects=PLAIN, **wanted))  # type: ignore[arg-type]
    return [cell.target.key for cell in cells]


def test_machines_are_selected_by_name(matrix: Matrix) -> None:
    assert targets(matrix, machines=("64k",)) == ["debian-13/aarch64@64k", "debian-13/ppc64le@64k"]
    assert targets(matrix, machines=("power?",), arches=("ppc64el",)) == [
        "debian-13/ppc64le@power8",
        "debian-13/ppc64le@power9",
    ]


def test_other_options_select_plain_targets(matrix: Matrix) -> None:
    """So a selection from before machines existed is as quick as it was."""
    for wanted in ({"targets": ("debian-13",)}, {"arches": ("aarch64",)}, {"profile": "full"}):
        assert not [key for key in targets(matrix, **wanted) if "@" in key]
    assert not any(machine_of(c.target) for c in plan_cells(matrix, Selection(profile="default")))


def test_globs_with_a_machine_select_those_on_machines_alone(matrix: Matrix) -> None:
    assert targets(matrix, targets=("debian-13/riscv64@*",)) == [
        "debian-13/riscv64@rv64gc",
        "debian-13/riscv64@rv64gcv",
    ]
    both = targets(matrix, targets=("debian-13/s390x", "debian-13/s390x@z13"))
    assert both == ["debian-13/s390x", "debian-13/s390x@z13"]


def test_the_keyword_alone_sees_machines(matrix: Matrix) -> None:
    cells = plan_cells(matrix, Selection(keyword="64k and aarch64 and small"))
    assert [cell.id for cell in cells] == ["debian-13/aarch64@64k/small-pages"]


def test_the_profile_axes_has_each_machine(matrix: Matrix) -> None:
    seen = {machine_name(cell.target) for cell in plan_cells(matrix, Selection(profile="axes"))}
    assert seen - {""} == {machine.name for machine in matrix.machines}


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (Selection(machines=("65k",)), "--machine '65k' matches nothing; did you mean '64k'?"),
        (Selection(machines=("power88",)), "did you mean 'power8'?"),
    ],
)
def test_an_unknown_machine_names_the_nearest(
    matrix: Matrix, wanted: Selection, words: str
) -> None:
    with pytest.raises(UsageError, match="matches nothing") as caught:
        plan_cells(matrix, wanted)
    assert words in str(caught.value)


def test_a_cell_id_may_have_a_machine(matrix: Matrix) -> None:
    assert find_cell(matrix, "debian-13/arm64@64k/plain").id == "debian-13/aarch64@64k/plain"
    with pytest.raises(UsageError, match="unknown machine of debian-13/aarch64 '63k'; did you"):
        find_cell(matrix, "debian-13/aarch64@63k/plain")
    with pytest.raises(UsageError, match="unknown machine of debian-13/x86_64 '64k'; known: v1"):
        find_cell(matrix, "debian-13/x86_64@64k/plain")


def test_expectations_of_machines_are_for_them_alone(matrix: Matrix) -> None:
    assert find_cell(matrix, "debian-13/ppc64le@power8/cryptography").expectation
    assert not find_cell(matrix, "debian-13/ppc64le@power9/cryptography").expectation
    assert not find_cell(matrix, "debian-13/ppc64le/cryptography").expectation
