"""A small matrix as files, and a command's output."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

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


def write_matrix(folder: Path, files: Mapping[str, str] = FILES) -> Path:
    """Write these files, by default a matrix of six cells; return ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text)
    return folder


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """The exit code and output of a command."""

    status: int
    out: str
    err: str
