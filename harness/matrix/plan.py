"""Select the cells to run from a matrix. Pure.

Targets and subjects keep the order of the matrix; arches keep that of the table of
architectures.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath

from packaging.tags import Tag, compatible_tags, cpython_tags, generic_tags
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from harness.core.arches import linux_arch
from harness.core.cells import DEFAULT_PROFILE, Cell, Expectation, Matrix, Profile
from harness.core.errors import UsageError, WheelError
from harness.core.machines import machine_name, machine_of
from harness.core.matching import did_you_mean, matching, matching_arches, wheel_spelling
from harness.core.subjects import FileSource, Subject
from harness.core.targets import Target
from harness.matrix.files.unused_entries import (
    cell_pairs,
    covers,
    meets_subject,
    meets_target,
    selector,
)

_PYPY_ABI = "pp73"
"""That of every PyPy 7.3, from 2019 on."""
_MODULE = "test_matrix.py"
"""The test module of the cells; `-k` matches its name in every cell."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Selection:
    """The cells that the command line selects; empty means all, several globs mean any."""

    keyword: str = ""
    """A `-k` expression of pytest."""
    targets: tuple[str, ...] = ()
    arches: tuple[str, ...] = ()
    """Globs; an alias is accepted if it has no wildcard."""
    machines: tuple[str, ...] = ()
    """Globs over machines; without, plain targets only, unless ``targets`` has an ``@``."""
    subjects: tuple[str, ...] = ()
    profile: str | None = None


def or_default_profile(matrix: Matrix, selection: Selection) -> Selection:
    """Return the selection; an empty one means the profile ``default``, if there is one."""
    named = any(profile.name == DEFAULT_PROFILE for profile in matrix.profiles)
    return Selection(profile=DEFAULT_PROFILE) if named and selection == Selection() else selection


def plan_cells(matrix: Matrix, selection: Selection) -> tuple[Cell, ...]:
    """Return the selected cells, each with its expectation.

    Raises ``UsageError`` for an unknown profile, a glob that matches nothing, a malformed
    keyword expression, and an empty result; the message counts the cells after each option.
    """
    cells = all_cells(matrix)
    left = [f"the matrix has {len(cells)} cells"]
    options = list(_options(matrix, selection))
    if options:
        named = [glob for _, globs in options for glob in globs.targets if "@" in glob]
        cells = tuple(cell for cell in cells if _on_asked_machine(cell.target, selection, named))
    if selection.machines:
        left.append(f"--machine {' '.join(selection.machines)} leaves {len(cells)}")
    for option, globs in options:
        selects = selector(globs)
        cells = tuple(cell for cell in cells if selects(cell.target, cell.subject))
        left.append(f"{option} leaves {len(cells)}")
    if selection.keyword.strip():
        cells = by_keyword(cells, selection.keyword)
        left.append(f"-k {selection.keyword!r} leaves {len(cells)}")
    if not cells:
        raise UsageError(f"no cell is selected: {', '.join(left)}; `wheelgrid plan` lists them")
    return cells


def _on_asked_machine(target: Target, selection: Selection, named: Sequence[str]) -> bool:
    """Return whether the target is plain, or on a machine, as the selection asks."""
    machine = machine_name(target)
    if not machine:
        return not selection.machines
    asked = any(matching(glob, (machine,)) for glob in selection.machines)
    return asked or any(covers(glob, target) for glob in named)


def selected_targets(matrix: Matrix, selection: Selection) -> tuple[Target, ...]:
    """Return the targets of the selected cells, each once. Raises what ``plan_cells`` raises."""
    cells = plan_cells(matrix, selection)
    return tuple({cell.target.key: cell.target for cell in cells}.values())


def all_cells(matrix: Matrix) -> tuple[Cell, ...]:
    """Return every cell of the matrix, in order."""
    declared = {
        target.key: [e for e in matrix.expectations if meets_target(e, target)]
        for target in matrix.targets
    }
    return tuple(
        expecting(target, subject, declared[target.key]) for target, subject in cell_pairs(matrix)
    )


def expecting(target: Target, subject: Subject, declared: Iterable[Expectation]) -> Cell:
    """Return the cell with its expectations: the first that names it, else those by cause.

    ``declared`` are the expectations of the target.
    """
    here = [e for e in declared if meets_subject(e, subject)]
    named = next((e for e in here if e.subject), None)
    by_cause = () if named else tuple(here)
    return Cell(target=target, subject=subject, expectation=named, by_cause=by_cause)


def by_keyword(cells: tuple[Cell, ...], keyword: str) -> tuple[Cell, ...]:
    """Return the cells that meet a ``-k`` expression of pytest; an empty one selects all.

    Raises ``UsageError`` for a malformed expression.
    """
    if not keyword.strip():
        return cells
    from harness.matrix.pytest_internals import compile_keyword  # noqa: PLC0415 - 0.1 s

    meets_keyword = compile_keyword(keyword)
    names = ((cell, (_MODULE, f"test_cell[{cell.id}]")) for cell in cells)
    return tuple(cell for cell, known in names if meets_keyword(known))


def find_cell(matrix: Matrix, cell_id: str) -> Cell:
    """Return the cell with that id; an alias of the arch is accepted.

    Raises ``UsageError`` with the nearest known name if it is unknown.
    """
    parts = cell_id.split("/")
    if len(parts) != 3:  # noqa: PLR2004  the three parts of an id
        raise UsageError(
            f"cell {cell_id!r}: an id is <target>/<arch>[@<machine>]/<subject>; "
            "`wheelgrid plan --json` lists them"
        )
    target, (written, at, machine), subject = parts[0], parts[1].partition("@"), parts[2]
    arch = wheel_spelling(written)
    of_target = [t for t in matrix.targets if t.id == target]
    _known(cell_id, "target", target, (t.id for t in matrix.targets))
    _known(cell_id, f"arch of {target}", arch, (t.arch_name for t in of_target))
    if at:
        here = (machine_name(t) for t in of_target if t.arch_name == arch and machine_of(t))
        _known(cell_id, f"machine of {target}/{arch}", machine, here)
    _known(cell_id, "subject", subject, (s.id for s in matrix.subjects))
    wanted = f"{target}/{arch}{at}{machine}/{subject}"
    for cell in all_cells(matrix):
        if cell.id == wanted:
            return cell
    raise UsageError(
        f"cell {cell_id!r}: the matrix excludes {subject} on {target}/{arch}; "
        f"`wheelgrid plan --target {target}` lists its cells"
    )


def with_subjects(matrix: Matrix, subjects: Sequence[Subject]) -> Matrix:
    """Return the matrix with these subjects instead of its own, on every target they fit.

    Expectations are dropped. Raises ``WheelError`` for a path whose file name is not a wheel's.
    """
    return replace(
        matrix,
        subjects=tuple(subjects),
        expectations=(),
        profiles=tuple(replace(profile, subjects=()) for profile in matrix.profiles),
        excluded=frozenset(
            (target.key, subject.id)
            for target in matrix.targets
            for subject in subjects
            if subject_fits(subject, target)
        ),
    )


def subject_fits(subject: Subject, target: Target) -> str:
    """Return why no file of the subject fits the target; empty if one may.

    A pinned release always may, because its files are known only to the index.
    """
    if not isinstance(subject.source, FileSource):
        return ""
    reasons = [wheel_fits(_tags(path), target) for path in subject.source.paths]
    return "" if "" in reasons else "; ".join(dict.fromkeys(reasons))


def wheel_fits(tags: frozenset[Tag], target: Target) -> str:
    """Return why a wheel with these tags does not fit the target's Python and arch, or nothing.

    The libc is not checked here; the installer decides about it.
    """
    here = [tag for tag in tags if _built_for(tag) in ("any", target.arch_name)]
    if not here:
        return f"built for {', '.join(sorted({_built_for(tag) for tag in tags}))}"
    accepted = {pair for python in target.pythons for pair in _accepted(python)}
    if any((tag.interpreter, tag.abi) in accepted for tag in here):
        return ""
    needs = ", ".join(sorted({_needs(tag) for tag in here}))
    return f"needs {needs}, the target has {' or '.join(target.pythons)}"


def _options(matrix: Matrix, wanted: Selection) -> Iterator[tuple[str, Profile]]:
    """Yield each given option as written, with its globs."""
    if wanted.profile is not None:
        yield f"--profile {wanted.profile}", _profile(matrix, wanted.profile)
    targets = matrix.targets
    for option, patterns, globs, matches, known in (
        (
            "--target",
            wanted.targets,
            Profile(name="", targets=wanted.targets),
            lambda pattern: any(covers(pattern, target) for target in targets),
            [target.id for target in targets],
        ),
        (
            "--arch",
            wanted.arches,
            Profile(name="", arches=wanted.arches),
            lambda pattern: matching_arches(pattern, [t.arch_name for t in targets]),
            [target.arch_name for target in targets],
        ),
        (
            "--subject",
            wanted.subjects,
            Profile(name="", subjects=wanted.subjects),
            lambda pattern: matching(pattern, [s.id for s in matrix.subjects]),
            [subject.id for subject in matrix.subjects],
        ),
        (
            "--machine",
            wanted.machines,
            Profile(name=""),
            lambda pattern: matching(pattern, [machine_name(t) for t in targets if machine_of(t)]),
            [machine_name(t) for t in targets if machine_of(t)],
        ),
    ):
        for pattern in patterns:
            if not matches(pattern):
                hint = did_you_mean(re.split("[/@]", pattern)[0], known)
                raise UsageError(f"{option} {pattern!r} matches nothing{hint}")
        if patterns:
            yield f"{option} {' '.join(patterns)}", globs


def _profile(matrix: Matrix, name: str) -> Profile:
    for profile in matrix.profiles:
        if profile.name == name:
            return profile
    known = [profile.name for profile in matrix.profiles]
    raise UsageError(f"--profile: unknown profile {name!r}{did_you_mean(name, known)}")


def _known(cell_id: str, part: str, name: str, known: Iterable[str]) -> None:
    names = set(known)
    if name not in names:
        raise UsageError(f"cell {cell_id!r}: unknown {part} {name!r}{did_you_mean(name, names)}")


def _tags(path: str) -> frozenset[Tag]:
    name = PurePath(path).name
    try:
        return parse_wheel_filename(name)[3]
    except InvalidWheelFilename as error:
        raise WheelError(f"{path}: not a wheel's file name: {error}") from error


def _built_for(tag: Tag) -> str:
    """Return the arch of a Linux platform tag, or another platform unchanged."""
    return linux_arch(tag.platform) or tag.platform


def _accepted(python: str) -> set[tuple[str, str]]:
    """Return the pairs of python and ABI tags that a Python of that minor version accepts."""
    numbers = python.removeprefix("pypy").removesuffix("t")
    version = tuple(int(part) for part in numbers.split("."))
    digits = numbers.replace(".", "")
    # "any" stands for a matching platform tag; only the first two parts are used.
    if python.startswith("pypy"):
        own = f"pp{digits}"
        tags = [*generic_tags(own, [f"pypy{digits}_{_PYPY_ABI}"], ["any"])]
    else:
        own = f"cp{digits}"
        flags = "t" if python.endswith("t") else ""
        tags = [*cpython_tags(version, abis=[f"{own}{flags}"], platforms=["any"])]
    tags += compatible_tags(version, own, ["any"])
    return {(tag.interpreter, tag.abi) for tag in tags}


def _needs(tag: Tag) -> str:
    """Return the Python that a tag requires: ``CPython 3.9``, ``Python 3.12 or newer``."""
    match = re.fullmatch(r"(cp|py|pp)(\d)(\d*)", tag.interpreter)
    if not match:
        return tag.interpreter
    kind = {"cp": "CPython", "py": "Python", "pp": "PyPy"}[match[1]]
    threads = "free-threaded " if re.fullmatch(r"cp\d+t", tag.abi) else ""
    version = ".".join(part for part in match.groups()[1:] if part)
    later = " or newer" if tag.abi.startswith("abi3") or (match[1] == "py" and match[3]) else ""
    return f"{threads}{kind} {version}{later}"
