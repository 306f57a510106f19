"""A small valid matrix; tests replace single files to break it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.core.errors import MatrixFileError
from harness.matrix.files import load_matrix

GOOD = {
    "targets": """\
targets:
  - id: debian-12
    title: Debian 12
    python: "3.11"
    libc: glibc
    arches: [x86_64, ppc64le]
    registry: {image: "debian:12", prepare: [apt-get update]}
""",
    "builders": """\
builders:
  - id: cross
    kind: cross
    libc: glibc
    promises: {x86_64: "2.17", ppc64le: "2.17"}
    headers:
      - {python: "3.11", suite: bookworm, arches: [x86_64, ppc64le]}
""",
    "subjects": """\
subjects:
  - id: plain
    group: fixture wheels
    fixture: plain
    builder: cross
    imports: [wheelgrid_plain]
  - id: markupsafe
    group: index wheels
    index: markupsafe==3.0.2
    imports: [markupsafe._speedups]
""",
    "expectations": "expectations: []\n",
    "profiles": "profiles: [{name: all}]\n",
}

WriteMatrix = Callable[..., Path]
Problems = Callable[..., list[str]]


@pytest.fixture
def write_matrix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WriteMatrix:
    """Write the valid matrix with some files replaced; None omits a file."""
    monkeypatch.chdir(tmp_path)

    def write(**files: str | bytes | None) -> Path:
        folder = tmp_path / "matrix"
        folder.mkdir(exist_ok=True)
        for name, text in (GOOD | files).items():
            if text is not None:
                data = text if isinstance(text, bytes) else text.encode()
                (folder / f"{name}.yaml").write_bytes(data)
        return folder

    return write


@pytest.fixture
def problems(write_matrix: WriteMatrix) -> Problems:
    """Return the problems of the valid matrix with some files replaced; empty if it loads."""

    def find(**files: str | bytes | None) -> list[str]:
        try:
            load_matrix(write_matrix(**files))
        except MatrixFileError as error:
            return error.problems
        return []

    return find


@pytest.fixture
def replica() -> dict[str, str]:
    """Return the files and the target keys that add a replica to the valid matrix."""
    return {
        "interpreters": """\
interpreters:
  - {id: cpython-3.11, python: "3.11", suite: bookworm, source: python3.11}
""",
        "namings": """\
namings:
  - id: gnu
    builds: gnu
  - id: fedora
    builds: {ppc64le: ppc64le-linux-gnu, others: gnu}
    last: {ppc64le: gnu}
""",
        "targets": """\
    replica:
      interpreter: cpython-3.11
      naming: fedora
      suite: bookworm
      pip: "22.0.4"
      replicates: Fedora
      differs: {pip: older}
""",
    }


@pytest.fixture
def good() -> dict[str, str]:
    """Return the texts of the valid matrix."""
    return dict(GOOD)
