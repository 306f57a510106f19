"""Read requirements: lines ``Requires-Dist`` of METADATA, and constraints (pure).

Everything here comes from a wheel or an index: untrusted text.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache

from packaging.markers import UndefinedComparison, UndefinedEnvironmentName
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

TEXT_KEPT = 100
"""Characters of a requirement in messages."""
MOST_CHAIN = 6
"""Links of a chain that messages show."""
_ORDERED_WILDCARD = re.compile(r"((?:[<>]=?|~=)\s*[0-9][\w.!+-]*?)\.\*")
"""``>=5.1.*``, which pip accepts before 24.1 (pypa/pip#12063); it means ``>=5.1``."""
_LEGACY = re.compile(r">=?\s*[A-Za-z][\w.]*")
"""``>dev``, which the same pip accepts: every version is newer than one without a number."""

_EXTRA = re.compile(r"\bextra == \"([^\"]+)\"")
"""A part of a marker, as packaging writes it."""


class UnusableRequirementError(Exception):
    """A requirement that no installer, or not this program, can satisfy; one line."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """A requirement of one project, or of one extra of it."""

    project: str
    """Normalised name (PEP 503)."""
    extra: str = ""
    """Normalised; empty for the project itself."""
    specifier: SpecifierSet
    text: str
    """As it is written, cut."""
    chain: tuple[str, ...]
    """Who asks for it, from the wheel under test on: ``("demo 1.0", "pandas 2.3.3")``."""

    @property
    def story(self) -> str:
        """``demo 1.0 → pandas 2.3.3 → numpy>=1.26``, for messages."""
        return story((*self.chain, self.text))


def story(links: tuple[str, ...]) -> str:
    """Join the links of a chain; of a long one the first and the last."""
    if len(links) > MOST_CHAIN:
        links = (*links[:2], "…", *links[3 - MOST_CHAIN :])
    return " → ".join(links)


def read_requirements(
    lines: Iterable[str],
    environment: Mapping[str, str],
    chain: tuple[str, ...],
    *,
    extra: str = "",
) -> tuple[Wanted, ...]:
    """Return the requirements whose marker holds on a target.

    ``environment``: see ``marker_environment``. Raises ``UnusableRequirementError`` for a line
    that does not parse or names an address.
    """
    return tuple(
        wanted
        for line in lines
        if (found := parse_requirement(line)) and _holds(found, environment, extra)
        for wanted in _split(found, chain)
    )


def extras_of(lines: Iterable[str]) -> frozenset[str]:
    """Return the extras, as normalised names, that the markers of requirements ask about.

    A line that does not parse asks for none.
    """
    names: set[str] = set()
    for line in lines:
        with suppress(UnusableRequirementError):
            names.update(_EXTRA.findall(str(parse_requirement(line).marker)))
    return frozenset(map(canonicalize_name, names))


def constraints_on(
    lines: Iterable[str], environment: Mapping[str, str]
) -> dict[str, tuple[SpecifierSet, str]]:
    """Return the specifier and the text of the constraints that hold, by project."""
    found: dict[str, tuple[SpecifierSet, str]] = {}
    for line in lines:
        constraint = parse_requirement(line)
        if _holds(constraint, environment, ""):
            name = canonicalize_name(constraint.name)
            specifier, text = found.get(name, (SpecifierSet(), ""))
            words = ", ".join(filter(None, (text, cut(line))))
            found[name] = (specifier & constraint.specifier, words)
    return found


@lru_cache(maxsize=1 << 14)
def parse_requirement(line: str, *, strict: bool = False) -> Requirement:
    """Parse a requirement. Raises ``UnusableRequirementError``.

    ``strict`` refuses what pip refuses from 24.1 on.
    """
    try:
        found = Requirement(line if strict else _tolerated(line))
        found.specifier.contains("1")  # it reads the numbers
    except InvalidRequirement as error:
        reason = str(error).partition("\n")[0]
        raise UnusableRequirementError(f"{cut(line)!r} does not parse: {cut(reason)}") from error
    # A marker in ten thousand brackets; a number of more digits than int() reads.
    except (RecursionError, ValueError) as error:
        raise UnusableRequirementError(f"{cut(line)!r} does not parse") from error
    return found


def is_valid(line: str) -> bool:
    """Whether a requirement parses as pip reads it from 24.1 on."""
    try:
        parse_requirement(line, strict=True)
    except UnusableRequirementError:
        return False
    return True


def _tolerated(line: str) -> str:
    """Return the requirement that an older pip reads in ``line``."""
    wanted, semicolon, marker = line.partition(";")
    return _LEGACY.sub("", _ORDERED_WILDCARD.sub(r"\1", wanted)) + semicolon + marker


def cut(text: str) -> str:
    """Return ``text`` in one line, cut for a message."""
    text = " ".join(text.split())
    return text if len(text) <= TEXT_KEPT else f"{text[: TEXT_KEPT - 1]}…"


def _holds(requirement: Requirement, environment: Mapping[str, str], extra: str) -> bool:
    if requirement.marker is None:
        return True
    try:
        return requirement.marker.evaluate({**environment, "extra": extra})
    except (UndefinedComparison, UndefinedEnvironmentName, ValueError, RecursionError) as error:
        what = f"{cut(str(requirement))!r}: its marker has no value"
        raise UnusableRequirementError(what) from error


def _split(requirement: Requirement, chain: tuple[str, ...]) -> Iterator[Wanted]:
    """Yield the project, then each extra: an extra is a project of its own that needs the first."""
    text = f"{requirement.name}{_extras(requirement)}{requirement.specifier}"
    if requirement.url:
        raise UnusableRequirementError(
            f"{cut(f'{requirement.name} @ {requirement.url}')!r} is an address; "
            "only wheels of the package index and of --find-links are installed"
        )
    for extra in ("", *sorted(map(canonicalize_name, requirement.extras))):
        yield Wanted(
            project=canonicalize_name(requirement.name),
            extra=extra,
            specifier=requirement.specifier,
            text=cut(text),
            chain=chain,
        )


def _extras(requirement: Requirement) -> str:
    return f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
