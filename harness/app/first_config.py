"""Infer a first configuration from a project's wheels."""

import re
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from packaging.tags import parse_tag
from packaging.utils import canonicalize_name

from harness.app.requested import expand_folders, guess_imports
from harness.core.arches import ARCHES, linux_arch
from harness.core.errors import UsageError
from harness.core.matching import matching
from harness.core.targets import Target
from harness.matrix.config.config_file import NAME, PYPROJECT, TABLE, find_in
from harness.matrix.files.tomltree import without_table
from harness.matrix.plan import wheel_fits
from harness.report.first_config import FirstConfig, first_config
from harness.results.runfile import write_whole
from harness.wheels.archive.contents import WheelFacts
from harness.wheels.facts_reader import read_limited

_MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", re.ASCII)
_PROJECT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def infer_config(words: Sequence[str], targets: Sequence[Target]) -> FirstConfig:
    """Return what the wheels, or folders of wheels, have in common with the targets.

    Raises ``UsageError`` for a folder without wheels and if no target fits any wheel, and
    ``WheelError`` for a file that is no wheel.
    """
    facts = [read_limited(Path(word)) for word in expand_folders(words)]
    tags = {tag for each in facts for name in each.name.tags for tag in parse_tag(name)}
    fitting = tuple(dict.fromkeys(t.id for t in targets if _fits_one(facts, t)))
    if not fitting:
        raise UsageError("no target of the matrix fits these wheels; `wheelgrid plan` lists them")
    platforms = {tag.platform for tag in tags}
    arches = set(map(linux_arch, platforms))
    every = "any" in platforms
    return FirstConfig(
        releases=tuple(
            sorted({f"{each.name.distribution}=={each.name.version}" for each in facts})
        ),
        pythons=tuple(sorted({tag.interpreter for tag in tags}, key=_python_order)),
        platforms=tuple(sorted(set(map(_libc, platforms)))),
        targets=globs_over(fitting, tuple(dict.fromkeys(target.id for target in targets))),
        fitting=fitting,
        arches=() if every else tuple(a.name for a in ARCHES if a.name in arches),
        imports=tuple(dict.fromkeys(_imports(facts))),
        requires=tuple(sorted(set(_requires(facts)))),
    )


def globs_over(names: Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    """Return globs that match ``names`` and no other of ``known``.

    A family has one glob, such as ``alpine-*``, if all of it is among the names. It is the ids
    with the same text up to their first digit.
    """
    globs: list[str] = []
    for name in names:
        family = f"{re.split(r'[0-9]', name)[0]}*"
        members = matching(family, known)
        whole = len(members) > 1 and set(members) <= set(names)
        if not any(matching(glob, (name,)) for glob in globs):
            globs.append(family if whole else name)
    return tuple(globs)


def write_config(folder: Path, found: FirstConfig, *, force: bool) -> Path:
    """Write a first configuration into ``folder`` and return its file.

    It is the table ``[tool.wheelgrid]`` at the end of ``pyproject.toml`` if there is one, else
    ``wheelgrid.toml``. Raises ``UsageError`` if there is a configuration already, unless ``force``
    replaces it, and ``RunFileError``.
    """
    existing = find_in(folder)
    if existing and not force:
        raise UsageError(f"{existing.path.name} configures wheelgrid; --force replaces that")
    path, text = folder / PYPROJECT, ""
    if path.is_file() and not (existing and existing.path.name == NAME):
        text = _with_table(path, first_config(found, ".".join(TABLE)))
    if not text and existing and existing.path == path:
        raise UsageError(f"{path.name}: has no section [{'.'.join(TABLE)}]; edit it by hand")
    if not text:
        path, text = folder / NAME, first_config(found)
    write_whole(path, text.encode())
    return path


def _with_table(path: Path, section: str) -> str:
    """Return the file with the table at its end; empty if it cannot be there."""
    try:
        before = path.read_text("utf-8")
        tomllib.loads(before)
        whole = without_table(before, TABLE).rstrip("\n")
        text = f"{whole}\n\n[{'.'.join(TABLE)}]\n{section}"
        tomllib.loads(text)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        return ""
    return text


def _fits_one(facts: Iterable[WheelFacts], target: Target) -> bool:
    return any(_fits(each, target) for each in facts)


def _fits(facts: WheelFacts, target: Target) -> bool:
    tags = {tag for name in facts.name.tags for tag in parse_tag(name)}
    here = frozenset(tag for tag in tags if _libc(tag.platform) in ("any", target.libc))
    return bool(here) and not wheel_fits(here, target)


def _libc(platform: str) -> str:
    if platform == "any":
        return "any"
    return "musl" if platform.startswith("musllinux") else "glibc"


def _python_order(interpreter: str) -> tuple[str, int]:
    digits = re.sub(r"\D", "", interpreter)
    return interpreter[:2], int(digits[1:] or 0)


def _imports(facts: Iterable[WheelFacts]) -> Iterator[str]:
    for each in facts:
        yield from (name for name in guess_imports(each) if _MODULE.fullmatch(name))


def _requires(facts: Iterable[WheelFacts]) -> Iterator[str]:
    for line in (line for each in facts for line in each.requires_dist):
        wanted, _, marker = line.partition(";")
        match = _PROJECT.match(wanted)
        if match and "extra" not in marker:
            yield canonicalize_name(match.group())
