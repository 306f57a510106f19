"""Every rule is checked by the rows of the corpus, with the recorded facts of their wheels."""

from functools import cache
from pathlib import Path

import pytest

from harness.app.wiring import open_passports
from harness.bench.judged_corpus import RECALL, JudgedCell, score
from harness.bench.recorded_corpus import (
    RecordedCorpus,
    predict_recorded,
    read_recorded,
    reduced,
    write_recorded,
)
from harness.core.cells import Outcome, Stage
from harness.core.machines import recorded_on
from harness.core.observations import Prediction
from harness.host.package_data import matrix_folder
from harness.matrix.files import load_matrix
from harness.matrix.files.corpus_file import load_corpus
from tests.support.forecasts import elf, wheel

FILE = Path(__file__).parents[2] / "data" / "corpus" / "facts.json.xz"
RENEW = "python -m harness.bench.corpus --record tests/data/corpus/facts.json.xz"
NOT_IN_BYTES = {
    ("arcjet", "missing-library"): "what a dependency opens when it is imported",
    ("cmake", "signal"): "a crash of a program",
    ("cmdtube", "endless-output"): "what an import runs",
    ("cryptography", "illegal-instruction"): "the instructions of a function",
    ("deltalake", "page-size"): "what an allocator was compiled for",
    ("george-lucas", "timeout"): "what an import runs",
    ("global-land-mask", "memory-limit"): "what an import runs",
    ("greenlet", "signal"): "what an import runs",
    ("moments-popgen", "pids-limit"): "what an import runs",
    ("numpy", "illegal-instruction"): "the instructions of a function",
    ("polars", "page-size"): "what an allocator was compiled for",
    ("protobuf", "signal"): "what an import runs",
    ("psycopg", "missing-dependency"): "which of several alternatives code finds",
    ("pyarrow", "illegal-instruction"): "the instructions of a function",
    ("rangehttpserver", "quiet"): "what an import runs",
    ("rubiktwophase", "timeout"): "what an import runs",
}
"""Project and cause of the breakages that are not predicted, and what would have to be read."""


@cache
def judged() -> tuple[JudgedCell, ...]:
    targets = {target.key: target for target in load_matrix(matrix_folder()).targets}
    passports = open_passports(matrix_folder())
    recorded = read_recorded(FILE)
    cells = {(cell.file, cell.target): cell for cell in recorded.cells}
    found = []
    for row in load_corpus(matrix_folder(), targets).shapes:
        for key in row.targets:
            passport = recorded_on(passports, targets[key])
            assert passport, f"{key} has no passport"
            cell = cells.get((row.file, key))
            assert cell, f"{row.file} on {key} is not recorded; run {RENEW}"
            predicted = predict_recorded(recorded, cell, passport, passports.symbols)
            if cell.refused:
                predicted = Prediction(
                    outcome=Outcome.REFUSED, stage=Stage.WHEEL, cause=cell.refused
                )
            found.append(JudgedCell(where=row.file, row=row, target=key, prediction=predicted))
    return tuple(found)


def test_no_wheel_that_works_is_predicted_to_fail() -> None:
    assert not [(c.where, c.target, c.prediction) for c in judged() if c.alarms and not c.breaks]


def test_breakages_are_predicted_with_their_cause() -> None:
    """All but those that no byte shows; a rule that finds one of these takes it from the list."""
    missed = [cell for cell in judged() if cell.breaks and not cell.is_right]
    assert {(cell.row.project, cell.cause) for cell in missed} == NOT_IN_BYTES.keys()
    assert score(judged()).recall >= RECALL
    assert score(judged()).precision == 1


@pytest.mark.parametrize("own_symbols", [True, False])
def test_recorded_facts_lack_what_no_prediction_reads(tmp_path: Path, *, own_symbols: bool) -> None:
    facts = wheel(
        {
            "demo/_one.abi3.so": elf("shared", init="_one"),
            "demo/libtwo.so": elf(exported=("shared", "unused")),
        },
        filename="demo-1.0-cp39-abi3-linux_x86_64.whl",
        python_files=("demo/__init__.py", "demo/data.txt"),
    )
    kept = reduced(facts, own_symbols=own_symbols)
    write_recorded(tmp_path / "facts", RecordedCorpus(cells=(), facts={"a": kept}))
    (read,) = read_recorded(tmp_path / "facts").facts.values()
    assert read == kept
    one, two = (native.elf for native in read.native)
    assert "demo/data.txt" not in {member.name for member in read.members}
    assert "PyInit__one" in getattr(one, "exported", ())
    assert getattr(two, "exported", None) == (("shared",) if own_symbols else ())
    needs = {u.name for u in getattr(one, "undefined", ())}
    assert needs == {"PyModule_Create2", *(["shared"] if own_symbols else [])}
