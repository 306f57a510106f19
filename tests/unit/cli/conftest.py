"""A small matrix on disk, and the command line run in this process."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.cli import execute

FILES = {
    "targets": """\
targets:
  - id: debian-12
    title: Debian 12
    python: "3.11"
    libc: glibc
    arches: [x86_64, s390x]
    assembled: {suite: bookworm, packages: [python3]}
  - id: debian-13
    title: Debian 13
    python: "3.13"
    libc: glibc
    arches: [x86_64]
    assembled: {suite: trixie, packages: [python3]}
""",
    "subjects": """\
subjects:
  - id: markupsafe
    group: package index
    index: markupsafe==3.0.2
    imports: [markupsafe]
  - id: numpy
    group: package index
    index: numpy==2.4.6
    imports: [numpy]
""",
    "expectations": """\
expectations:
  - target: debian-12
    arch: s390x
    subject: numpy
    outcome: crashed
    reason: the emulator loses a thread
    link: https://example.invalid/1
""",
}


@pytest.fixture
def matrix(tmp_path: Path) -> Path:
    """Two targets on three arches, two subjects, one expectation."""
    folder = tmp_path / "matrix"
    folder.mkdir()
    for name, text in FILES.items():
        (folder / f"{name}.yaml").write_text(text)
    return folder


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """What a command left behind."""

    status: int
    out: str
    err: str


@pytest.fixture
def wheelgrid(capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """Run one command line."""

    def run(*words: object) -> Said:
        status = execute([str(word) for word in words])
        captured = capsys.readouterr()
        return Said(status=status, out=captured.out, err=captured.err)

    return run
