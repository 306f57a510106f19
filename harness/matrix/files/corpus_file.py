"""Read ``corpus.yaml``: published wheels, and what they do on which targets.

It judges the rules of prediction; no run of the matrix reads it.
"""

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Annotated

from packaging.version import InvalidVersion, Version
from pydantic import Field, Strict

from harness.core.causes import Cause
from harness.core.cells import Outcome
from harness.core.errors import MatrixFileError, WheelError
from harness.core.matching import did_you_mean
from harness.core.problems import Problem
from harness.matrix.config.config_file import shown_path
from harness.matrix.files.fields import Link, Module, Package, Pin, Sha256, Text
from harness.matrix.files.section import Entry, Section, read_section
from harness.matrix.files.shape import Shape
from harness.wheels.archive.filename import parse_wheel_name

NAME = "corpus"


class CorpusShape(Shape):
    """A published wheel and its outcome on targets where it is the same."""

    project: Package
    """Name of the project, as the package index normalizes it."""
    version: Text
    """The release, quoted."""
    file: Text
    """File name of the wheel."""
    sha256: Sha256
    """Digest of the file: the row is about these bytes."""
    targets: Annotated[list[Text], Field(min_length=1)]
    """The targets, each as `<target>/<arch>`."""
    dependencies: bool = True
    """Install what it requires, as `check` does; `false`: the row is about the wheel alone."""
    imports: list[Module] = Field(default=[])
    """Modules to import; empty imports what the wheel has, as `check` does."""
    companions: list[Pin] = Field(default=[], alias="with")
    """Releases to install besides, for what its users have and it does not require."""
    outcome: Annotated[Outcome, Strict(strict=False)]
    """What reports and observations say that it does there."""
    cause: Annotated[Cause, Strict(strict=False)] | None = None
    """Why, unless it passes."""
    naive: Text = ""
    """For a pass: what a checker complains of that looks at less than a loader does."""
    why: Text
    """What happens, in one sentence."""
    link: Link
    """Address of the report, or of the release."""
    contradicts: Text = ""
    """What the report says otherwise, and what shows that it is not so."""
    known: bool = False
    """The rules were written with this wheel at hand, so it says less about them."""


def load_corpus(folder: Path, targets: Collection[str]) -> Section[CorpusShape]:
    """Return the rows of ``corpus.yaml`` in ``folder``.

    ``targets``: the keys of the matrix's targets. Raises ``MatrixFileError`` with all problems.
    """
    path = folder / f"{NAME}.yaml"
    try:
        content = path.read_bytes()
    except OSError as error:
        raise MatrixFileError(
            [f"{shown_path(path)}: cannot be read: {error.strerror}; name its folder with --matrix"]
        ) from error
    section = read_section(shown_path(path), NAME, CorpusShape, content)
    problems = section.problems or tuple(_contradictions(section, targets))
    if problems:
        raise MatrixFileError([str(problem) for problem in problems])
    return section


def _contradictions(section: Section[CorpusShape], targets: Collection[str]) -> Iterator[Problem]:
    """Yield what is wrong with rows that are well-formed."""
    taken: dict[tuple[str, str], int] = {}
    for entry, row in zip(section.entries, section.shapes, strict=True):
        yield from _misnamed(entry, row)
        passes = row.outcome is Outcome.PASS
        if passes == (row.cause is not None):
            what = "a pass has no cause; remove it" if passes else "the key 'cause' is missing"
            yield entry.problem(what, "cause" if passes else "outcome")
        if row.naive and not passes:
            yield entry.problem("only a row that passes has it; remove it", "naive")
        for at, key in enumerate(row.targets):
            if key not in targets:
                hint = did_you_mean(key, targets)
                yield entry.problem(f"the matrix has no target {key!r}{hint}", "targets", at)
            line = taken.setdefault((row.file, key), entry.place.line)
            if line != entry.place.line:
                yield entry.problem(f"line {line} is about this file on it too", "targets", at)


def _misnamed(entry: Entry, row: CorpusShape) -> Iterator[Problem]:
    try:
        name = parse_wheel_name(row.file)
    except WheelError as error:
        yield entry.problem(str(error), "file")
        return
    try:
        same = Version(name.version) == Version(row.version)
    except InvalidVersion:
        yield entry.problem(f"{row.version!r} is not a version (PEP 440)", "version")
        return
    if name.distribution != row.project or not same:
        yield entry.problem(f"is a file of {name.distribution}=={name.version}", "file")
