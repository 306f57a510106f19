"""Load a folder of matrix files as a ``Matrix``, or raise all problems of all files."""

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from harness.core.cells import DEFAULT_PROFILE, Expectation, Matrix, Profile
from harness.core.errors import MatrixFileError
from harness.core.problems import Position, Problem
from harness.core.targets import Suite
from harness.matrix.config.config_file import shown_path
from harness.matrix.files.file_shapes import (
    FILES,
    BuilderShape,
    ExpectationShape,
    PolicyShape,
    ProfileShape,
    SubjectShape,
)
from harness.matrix.files.own_rows import OwnRows
from harness.matrix.files.references import Sections, check_config, check_references
from harness.matrix.files.resolve import read_expectation, read_suite, resolve
from harness.matrix.files.section import S, Section, read_section
from harness.matrix.files.target_shapes import (
    InterpreterShape,
    MachineShape,
    NamingShape,
    SuiteShape,
    TargetShape,
)
from harness.matrix.files.unused_entries import check_coverage

_NEEDED = ("targets", "subjects")
"""Required files; another file that is missing has no entries."""


def load_matrix(
    folder: Path, fixtures: Collection[str] | None = None, own: OwnRows | None = None
) -> Matrix:
    """Read ``targets.yaml``, ``subjects.yaml`` and their companions in ``folder``.

    ``fixtures``: names of the existing fixture projects; None skips their check. ``own``: a
    project's configuration, whose targets are added; it is checked too. Raises
    ``MatrixFileError`` with all problems of all files, each with file, line and column; paths
    below the working directory are relative to it.
    """
    if not folder.is_dir():
        raise MatrixFileError([f"{shown_path(folder)}: no such folder; name one with --matrix"])
    shipped = _read(folder, "targets", TargetShape)
    sections = Sections(
        targets=_joined(shipped, own.targets) if own else shipped,
        machines=_read(folder, "machines", MachineShape),
        suites=_read(folder, "suites", SuiteShape),
        interpreters=_read(folder, "interpreters", InterpreterShape),
        namings=_read(folder, "namings", NamingShape),
        builders=_read(folder, "builders", BuilderShape),
        subjects=_read(folder, "subjects", SubjectShape),
        expectations=_read(folder, "expectations", ExpectationShape),
        profiles=_read(folder, "profiles", ProfileShape),
        policies=_read(folder, "policies", PolicyShape),
        fixtures=None if fixtures is None else frozenset(fixtures),
    )
    problems = [problem for name in FILES for problem in getattr(sections, name).problems]
    problems += check_references(sections)
    if own:
        problems += [*own.problems, *check_config(own, sections, shipped)]
    if not problems:
        matrix = resolve(sections)
        problems += check_coverage(matrix, sections)
    if problems:
        raise MatrixFileError(_in_file_order(problems))
    return _with_own_targets(matrix, own) if own else matrix


def load_expectations(path: Path) -> tuple[Expectation, ...]:
    """Return the expectations in a separate file in the format of ``expectations.yaml``.

    Does not check what its globs match. Raises ``MatrixFileError``.
    """
    section = _read_file(path, "expectations", ExpectationShape, needed=True)
    if section.problems:
        raise MatrixFileError([str(problem) for problem in section.problems])
    return tuple(map(read_expectation, section.entries, section.shapes))


def load_suites(folder: Path) -> tuple[Suite, ...]:
    """Return the suites in ``suites.yaml``. Raises ``MatrixFileError``."""
    section = _read(folder, "suites", SuiteShape)
    if section.problems:
        raise MatrixFileError([str(problem) for problem in section.problems])
    return tuple(map(read_suite, section.shapes))


def _read(folder: Path, name: str, shape: type[S]) -> Section[S]:
    return _read_file(folder / f"{name}.yaml", name, shape, needed=name in _NEEDED)


def _read_file(path: Path, name: str, shape: type[S], *, needed: bool) -> Section[S]:
    try:
        return read_section(shown_path(path), name, shape, path.read_bytes())
    except FileNotFoundError:
        if not needed:
            return Section()
        what = "no such file; matrix/README.md shows what belongs in it"
    except OSError as error:
        what = f"cannot be read: {error.strerror}"
    return Section(problems=(Problem(place=Position(file=shown_path(path)), what=what),))


def _joined(shipped: Section[S], own: Section[S]) -> Section[S]:
    return Section(
        entries=shipped.entries + own.entries,
        shapes=shipped.shapes + own.shapes,
        problems=shipped.problems,
    )


def _with_own_targets(matrix: Matrix, own: OwnRows) -> Matrix:
    """Return the matrix whose default profile has the project's own targets too."""
    ids = tuple(shape.id for shape in own.targets.shapes)

    def widened(profile: Profile) -> Profile:
        if profile.name != DEFAULT_PROFILE or not profile.targets:
            return profile
        return replace(profile, targets=profile.targets + ids)

    return replace(matrix, profiles=tuple(map(widened, matrix.profiles))) if ids else matrix


def _in_file_order(problems: list[Problem]) -> list[str]:
    """Return the problems as lines, sorted by file, line and column; a configuration comes last."""
    files = [*FILES, "wheelgrid", "pyproject"]

    def order(problem: Problem) -> tuple[int, str, int, int]:
        file, place = problem.place.file, problem.place
        stem = Path(file).stem
        known = files.index(stem) if stem in files else len(files)
        return known, file, place.line, place.column

    return [str(problem) for problem in sorted(problems, key=order)]
