"""Turn the words of a command line about dependencies into options of subjects."""

from collections.abc import Sequence
from pathlib import Path

from packaging.utils import InvalidName, canonicalize_name

from harness.core.errors import UsageError
from harness.core.subjects import DependencyOptions
from harness.wheels.archive.filename import parse_wheel_name
from harness.wheels.dependencies.requirements import UnusableRequirementError, parse_requirement


def read_dependency_options(
    *, find_links: Sequence[Path], constraint: Path | None, extras: Sequence[str] = ()
) -> DependencyOptions:
    """Return the options with the wheels in folders and the lines of a constraint file.

    Raises ``UsageError`` for a folder without wheels, for a line that is no constraint and for a
    word that is no name of an extra, and ``WheelError`` for a file that is not named like a wheel.
    """
    return DependencyOptions(
        files=tuple(path for folder in find_links for path in _wheels_in(folder)),
        constraints=_constraints(constraint) if constraint else (),
        extras=tuple(sorted(set(map(_extra, extras)))),
    )


def _extra(name: str) -> str:
    try:
        return canonicalize_name(name, validate=True)
    except InvalidName as error:
        raise UsageError(f"--extra {name}: is no name of an extra; write one, like test") from error


def _wheels_in(folder: Path) -> list[str]:
    wheels = sorted(folder.glob("*.whl"))
    if not wheels:
        what = "this folder has no .whl file" if folder.is_dir() else "there is no such folder"
        raise UsageError(f"--find-links {folder}: {what}")
    for wheel in wheels:
        parse_wheel_name(wheel.name)
    return [str(wheel.resolve()) for wheel in wheels]


def _constraints(path: Path) -> tuple[str, ...]:
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"--constraint {path}: cannot be read ({error}); name a file of lines like numpy<2"
        ) from error
    words = [(number, line.split(" #")[0].strip()) for number, line in enumerate(lines, start=1)]
    found = [(number, line) for number, line in words if line and not line.startswith("#")]
    problems = [f"{path}:{number}: {fault}" for number, line in found if (fault := _fault(line))]
    if problems:
        raise UsageError("\n".join(problems))
    return tuple(line for _, line in found)


def _fault(line: str) -> str:
    """Return why a line is no constraint; empty if it is one."""
    example = "write a project and its versions, like numpy<2"
    if line.startswith("-"):
        return f"options such as {line.split(maxsplit=1)[0]!r} are not supported here; {example}"
    try:
        constraint = parse_requirement(line)
    except UnusableRequirementError as error:
        return f"{error}; {example}"
    if constraint.url or constraint.extras:
        return f"a constraint has neither an address nor extras; {example}"
    return ""
