"""The file of published wheels: its errors, and what the committed one covers."""

from collections import Counter
from pathlib import Path

import pytest

from harness.core.causes import Cause
from harness.core.cells import Outcome
from harness.core.errors import MatrixFileError
from harness.matrix.files import load_matrix
from harness.matrix.files.corpus_file import CorpusShape, load_corpus

MATRIX = Path(__file__).parents[4] / "matrix"
ROW = """corpus:
  - project: demo
    version: "1.0"
    file: demo-1.0-py3-none-any.whl
    sha256: {digest}
    targets: [debian-13/x86_64]
    outcome: import-failed
    cause: missing-library
    why: It lacks a library.
    link: https://example.org/1
""".format(digest="a" * 64)
OTHERWISE_NAMED = {Cause.CPU_BASELINE, Cause.REQUIRES_PYTHON}
"""Results say ``illegal-instruction``, ``python-too-old`` or ``python-too-new`` instead."""
ASKED_FOR = {Cause.GIL_ENABLED}
"""A finding, and a failure with ``--require-nogil`` alone."""
EXEMPT = OTHERWISE_NAMED | ASKED_FOR


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (
            '"1.0"',
            "1.0",
            "corpus.yaml:3:14: corpus[0].version: 1.0 without quotes is the number 1.0",
        ),
        ("cause: missing", "cause: mising", "corpus.yaml:8:12: corpus[0].cause: unknown value"),
        ("a" * 64, "a" * 63, "corpus.yaml:5:13: corpus[0].sha256: "),
        (
            "    cause: missing-library\n",
            "",
            "corpus.yaml:7:14: corpus[0].outcome: the key 'cause'",
        ),
        ("import-failed", "pass", "corpus.yaml:8:12: corpus[0].cause: a pass has no cause"),
        (
            "debian-13",
            "debian-31",
            "corpus.yaml:6:15: corpus[0].targets: the matrix has no target",
        ),
        (
            "project: demo",
            "project: other",
            "corpus.yaml:4:11: corpus[0].file: is a file of demo==1.0",
        ),
        ("py3-none-any.whl", "any.zip", "corpus.yaml:4:11: corpus[0].file: "),
        ('"1.0"', '"one"', "corpus.yaml:3:14: corpus[0].version: "),
        (
            "    why:",
            "    naive: X.\n    why:",
            "corpus.yaml:9:12: corpus[0].naive: only a row that",
        ),
        (
            "    why:",
            "    with: [numpy>=2]\n    why:",
            "corpus.yaml:9:12: corpus[0].with: 'numpy>=2' does not pin a release",
        ),
    ],
)
def test_wrong_row_is_a_problem_with_its_position(
    tmp_path: Path, old: str, new: str, problem: str
) -> None:
    (tmp_path / "corpus.yaml").write_text(ROW.replace(old, new, 1))
    with pytest.raises(MatrixFileError) as caught:
        load_corpus(tmp_path, {"debian-13/x86_64"})
    assert str(caught.value).startswith(f"{tmp_path}/{problem}")


def test_same_cell_twice_and_missing_file_are_problems(tmp_path: Path) -> None:
    with pytest.raises(MatrixFileError, match="cannot be read: No such file"):
        load_corpus(tmp_path, ())
    (tmp_path / "corpus.yaml").write_text(ROW + ROW.partition("\n")[2])
    with pytest.raises(MatrixFileError, match=r"targets: line 2 is about this file on it too"):
        load_corpus(tmp_path, {"debian-13/x86_64"})


@pytest.fixture(scope="module")
def rows() -> tuple[CorpusShape, ...]:
    return load_corpus(MATRIX, {target.key for target in load_matrix(MATRIX).targets}).shapes


def test_committed_corpus_is_large_and_mostly_new_to_the_rules(
    rows: tuple[CorpusShape, ...],
) -> None:
    """Sixty wheels; half of them say something that the rules were not written for."""
    files = {row.file: row.known for row in rows}
    assert len(files) >= 60
    assert 2 * sum(not known for known in files.values()) >= len(files)
    passing = {row.file for row in rows if row.outcome is Outcome.PASS and row.naive}
    assert len(passing) >= 20


def test_committed_corpus_has_every_cause_twice(rows: tuple[CorpusShape, ...]) -> None:
    """Apart from those of this machine, and those that no published wheel shows."""
    counted = Counter(row.cause for row in rows)
    causes = {cause for cause in Cause if not cause.startswith("infra:")}
    assert {cause for cause in causes if counted[cause] < 2} == EXEMPT


def test_committed_corpus_has_foreign_architectures(rows: tuple[CorpusShape, ...]) -> None:
    """Both big-endian s390x and little-endian ones fail and pass somewhere."""
    failing = {key.partition("/")[2] for r in rows if r.cause for key in r.targets}
    assert failing >= {"x86_64", "aarch64", "armv7l", "ppc64le", "riscv64", "s390x"}
