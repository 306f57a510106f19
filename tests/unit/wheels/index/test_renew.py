"""The releases that a matrix pins."""

from harness.core.cells import Matrix
from harness.core.subjects import FileSource, IndexSource, Subject
from harness.wheels.index.renew import pinned_releases

PSYCOPG = IndexSource(name="psycopg", version="3.0.4")
BINARY = IndexSource(name="psycopg-binary", version="3.0.4")


def subject(source: IndexSource | FileSource, *companions: IndexSource) -> Subject:
    return Subject(id="x", group="", source=source, imports=(), companions=companions)


def test_pinned_releases() -> None:
    """Subjects from the index and all companions are pinned, each once; files are not."""
    matrix = Matrix(
        targets=(),
        subjects=(subject(BINARY, PSYCOPG), subject(FileSource(paths=("demo.whl",)), PSYCOPG)),
        builders=(),
        expectations=(),
        profiles=(),
    )
    assert pinned_releases(matrix) == (BINARY, PSYCOPG)
