"""Selections of cells, and which targets a wheel fits."""

import sys
from dataclasses import replace

import pytest
from packaging.tags import parse_tag

from harness.core.cells import Expectation, Matrix, Outcome, Profile
from harness.core.errors import UsageError, WheelError
from harness.core.targets import Interpreter, Naming, ReplicaWay
from harness.host.process import run_process
from harness.matrix.plan import (
    Selection,
    all_cells,
    find_cell,
    or_default_profile,
    plan_cells,
    subject_fits,
    wheel_fits,
    with_subjects,
)
from tests.support.cells import make_subject
from tests.support.targets import make_target

REFUSED = Expectation(
    target="debian-1?",
    arch="arm64",
    subject="numpy",
    outcome=Outcome.REFUSED,
    reason="no file for it",
    link="https://example.org",
)
MATRIX = Matrix(
    targets=(
        make_target("debian-11/x86_64", python="3.9"),
        make_target("debian-11/aarch64", python="3.9"),
        make_target("debian-sid-3.14/x86_64", python="3.14"),
        make_target("debian-sid-3.14/armv7l", python="3.14"),
    ),
    subjects=(make_subject("numpy"), make_subject("abi3")),
    builders=(),
    expectations=(REFUSED,),
    profiles=(
        Profile(name="smoke", targets=("debian-11",), subjects=("abi3",)),
        Profile(name="arm", arches=("arm64", "armv7")),
    ),
    excluded=frozenset({("debian-sid-3.14/armv7l", "numpy")}),
)


def ids(selection: Selection) -> list[str]:
    return [cell.id for cell in plan_cells(MATRIX, selection)]


def test_all_cells_in_matrix_order_without_excluded_pairs() -> None:
    assert ids(Selection()) == [
        "debian-11/x86_64/numpy",
        "debian-11/x86_64/abi3",
        "debian-11/aarch64/numpy",
        "debian-11/aarch64/abi3",
        "debian-sid-3.14/x86_64/numpy",
        "debian-sid-3.14/x86_64/abi3",
        "debian-sid-3.14/armv7l/abi3",
    ]


def test_an_expectation_is_attached_where_all_its_globs_match() -> None:
    """The arch may be an alias."""
    expected = {cell.id: cell.expectation for cell in all_cells(MATRIX) if cell.expectation}
    assert expected == {"debian-11/aarch64/numpy": REFUSED}


def test_expectations_by_cause_wait_for_the_prediction() -> None:
    """They are attached to every cell of the target that no expectation names."""
    cause = replace(REFUSED, subject="", cause="tag-refused", target="debian-11")
    cells = all_cells(replace(MATRIX, expectations=(REFUSED, cause)))
    assert {cell.id: cell.by_cause for cell in cells if cell.by_cause} == {
        "debian-11/aarch64/abi3": (cause,)
    }


def test_a_glob_over_targets_may_name_the_arch() -> None:
    assert ids(Selection(targets=("debian-*/x86_64",), subjects=("abi3",))) == [
        "debian-11/x86_64/abi3",
        "debian-sid-3.14/x86_64/abi3",
    ]
    with pytest.raises(UsageError, match="did you mean 'debian-11'"):
        ids(Selection(targets=("debian-1/x86_64",)))


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        (Selection(targets=("*-11",), subjects=("abi3",)), {"11/x86_64/abi3", "11/aarch64/abi3"}),
        (
            Selection(arches=("ARM64", "armhf")),
            {"11/aarch64/numpy", "11/aarch64/abi3", "sid-3.14/armv7l/abi3"},
        ),
        (Selection(arches=("arm*",)), {"sid-3.14/armv7l/abi3"}),
        (Selection(profile="smoke"), {"11/x86_64/abi3", "11/aarch64/abi3"}),
        (Selection(profile="arm", subjects=("numpy",)), {"11/aarch64/numpy"}),
        (Selection(keyword="SID-3.14 and numpy"), {"sid-3.14/x86_64/numpy"}),
        (Selection(profile="smoke", keyword="not aarch64"), {"11/x86_64/abi3"}),
    ],
)
def test_options_narrow_one_another(selection: Selection, expected: set[str]) -> None:
    """Several globs of one option mean any; a glob with a wildcard matches no alias."""
    assert {cell.removeprefix("debian-") for cell in ids(selection)} == expected


KEYWORDS = [
    "debian-11",
    "DEBIAN-11/x86_64",
    "not (abi3 or x86_64)",
    "debian-sid-3.14/armv7l/abi3",
    "test_cell and numpy]",
    "test_matrix.py",
    "nowhere",
]


COLLECT = """
import sys, pytest
for keyword in sys.argv[1:]:
    print("-k", keyword, flush=True)
    pytest.main(["-p", "no:cacheprovider", "--collect-only", "-q", "-k", keyword])
"""


@pytest.fixture(scope="module")
def cells_of_pytest(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """Return the cells that pytest collects in a module and test with the harness's names."""
    folder = tmp_path_factory.mktemp("pytest")
    names = [cell.id for cell in all_cells(MATRIX)]
    (folder / "test_matrix.py").write_text(
        f"import pytest\n\n@pytest.mark.parametrize('cell', {names!r}, ids=str)\n"
        "def test_cell(cell): pass\n"
    )
    output = run_process([sys.executable, "-c", COLLECT, *KEYWORDS], timeout=120, cwd=folder)
    collected: dict[str, list[str]] = {}
    for line in output.decode().splitlines():
        if line.startswith("-k "):
            cells = collected[line.removeprefix("-k ")] = []
        elif "::test_cell[" in line:
            cells.append(line.split("[", 1)[1].removesuffix("]"))
    return collected


@pytest.mark.parametrize("keyword", KEYWORDS)
def test_keyword_selects_the_same_cells_as_pytest(
    cells_of_pytest: dict[str, list[str]], keyword: str
) -> None:
    try:
        planned = ids(Selection(keyword=keyword))
    except UsageError:
        planned = []
    assert planned == cells_of_pytest[keyword]


def test_cell_id_accepts_an_arch_alias() -> None:
    assert find_cell(MATRIX, "debian-11/arm64/numpy").expectation is REFUSED


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        ("cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64", ""),
        ("cp311-cp311-linux_x86_64", ""),
        ("cp39-abi3-musllinux_1_2_x86_64", ""),
        ("cp39-abi3-manylinux_2_99_x86_64", ""),
        ("py3-none-manylinux1_i686.manylinux1_x86_64", ""),
        ("py2.py3-none-any", ""),
        ("cp311-none-any", ""),
        ("cp39-cp39-manylinux1_x86_64", "needs CPython 3.9, the target has 3.11"),
        ("cp312-abi3-linux_x86_64", "needs CPython 3.12 or newer, the target has 3.11"),
        ("py312-none-any", "needs Python 3.12 or newer, the target has 3.11"),
        ("py2-none-any", "needs Python 2, the target has 3.11"),
        ("cp311-cp311t-linux_x86_64", "needs free-threaded CPython 3.11, the target has 3.11"),
        ("pp310-pypy310_pp73-manylinux1_x86_64", "needs PyPy 3.10, the target has 3.11"),
        ("cp311-cp311-manylinux_2_17_aarch64", "built for aarch64"),
        ("cp39-cp39-musllinux_1_2_s390x.linux_ppc64le", "built for ppc64le, s390x"),
        ("cp311-cp311-win_amd64", "built for win_amd64"),
    ],
)
def test_wheel_fits_by_python_and_arch(tags: str, reason: str) -> None:
    """The libc is left to the installer."""
    assert wheel_fits(parse_tag(tags), make_target("debian-12/x86_64", python="3.11")) == reason


@pytest.mark.parametrize(
    ("python", "tags", "reason"),
    [
        ("3.13t", "cp313-cp313t-linux_x86_64", ""),
        ("3.13t", "py3-none-any", ""),
        ("3.13t", "cp313-cp313-linux_x86_64", "needs CPython 3.13, the target has 3.13t"),
        ("3.13t", "cp39-abi3-linux_x86_64", "needs CPython 3.9 or newer, the target has 3.13t"),
        ("pypy3.11", "pp311-pypy311_pp73-linux_x86_64", ""),
        ("pypy3.11", "pp311-none-any", ""),
        ("pypy3.11", "py3-none-linux_x86_64", ""),
        ("pypy3.11", "pp39-pypy39_pp73-linux_x86_64", "needs PyPy 3.9, the target has pypy3.11"),
        ("pypy3.11", "cp311-cp311-linux_x86_64", "needs CPython 3.11, the target has pypy3.11"),
    ],
)
def test_free_threaded_python_and_pypy_have_tags_of_their_own(
    python: str, tags: str, reason: str
) -> None:
    """Pure wheels fit both."""
    assert wheel_fits(parse_tag(tags), make_target("x/x86_64", python=python)) == reason


def test_a_subject_of_several_files_fits_where_one_does() -> None:
    """If none fits, all reasons are given."""
    subject = make_subject(
        "a", *(f"/w/a-1-cp39-cp39-linux_{arch}.whl" for arch in ("x86_64", "s390x"))
    )
    assert subject_fits(subject, MATRIX.targets[0]) == ""
    reason = subject_fits(subject, MATRIX.targets[2])
    assert reason == "needs CPython 3.9, the target has 3.14; built for s390x"
    assert subject_fits(make_subject("numpy"), MATRIX.targets[0]) == ""


def test_invalid_wheel_file_name() -> None:
    with pytest.raises(WheelError, match=r"^/w/a\.zip: not a wheel's file name: "):
        subject_fits(make_subject("a", "/w/a.zip"), MATRIX.targets[0])


def test_with_subjects_replaces_subjects() -> None:
    """Expectations are dropped; profiles still select."""
    own = with_subjects(MATRIX, [make_subject("numpy", "numpy-1-cp39-cp39-linux_aarch64.whl")])
    (cell,) = plan_cells(own, Selection(profile="smoke"))
    assert cell.id == "debian-11/aarch64/numpy"
    assert cell.expectation is None
    assert all_cells(replace(own, excluded=frozenset())) != all_cells(own)


def test_wheel_may_fit_the_python_of_a_replica() -> None:
    """Which Python is measured is not known yet."""
    target = replace(
        make_target("fedora-35/x86_64", python="3.10"),
        replica=ReplicaWay(
            interpreter=Interpreter(
                id="cpython-3.11", python="3.11", suite="bookworm", source="python3.11"
            ),
            naming=Naming(id="gnu", builds={"x86_64": "x86_64-linux-gnu"}),
            suite="bullseye",
            pip="21.2.3",
            replicates="Fedora 35 python3",
        ),
    )
    fits = {
        minor: wheel_fits(parse_tag(f"cp{minor}-cp{minor}-manylinux_2_17_x86_64"), target)
        for minor in ("39", "310", "311")
    }
    assert fits == {"39": "needs CPython 3.9, the target has 3.10 or 3.11", "310": "", "311": ""}


def test_default_profile_applies_to_an_empty_selection() -> None:
    """If the matrix has one."""
    matrix = replace(MATRIX, profiles=(Profile(name="default", arches=("x86_64",)),))
    assert or_default_profile(matrix, Selection()) == Selection(profile="default")
    assert or_default_profile(matrix, Selection(keyword="arm")) == Selection(keyword="arm")
    assert or_default_profile(MATRIX, Selection()) == Selection()
