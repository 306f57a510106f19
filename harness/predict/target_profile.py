"""Parse a passport for the rules."""

import re
from dataclasses import dataclass

from harness.core.passport import Passport
from harness.predict.identity import cached_by_identity

_NUMBER = re.compile(r"\d+")


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class TargetProfile:
    """A parsed passport."""

    passport: Passport
    tags: frozenset[str]
    interpreters: frozenset[tuple[str, str]]
    """Pairs of Python and ABI tag that the installer accepts on some platform."""
    platforms: frozenset[str]
    musl: bool
    libc: tuple[int, ...]
    """Version of its libc; empty if unknown."""
    python: tuple[int, ...]
    """Its minor version: ``(3, 11)``."""
    title: str
    """``CPython 3.9.5 on musl 1.2.2, x86_64``, for sentences."""


@cached_by_identity
def profile_of(passport: Passport) -> TargetProfile:
    """Return the parsed passport."""
    parts = [tag.split("-", 2) for tag in passport.tags]
    name, _, version = passport.libc.partition(" ")
    where = f" on {passport.libc}" if passport.libc else ""
    implementation = passport.implementation or "CPython"
    return TargetProfile(
        passport=passport,
        tags=frozenset(passport.tags),
        interpreters=frozenset((python, abi) for python, abi, _ in parts),
        platforms=frozenset(platform for _, _, platform in parts),
        musl=name == "musl",
        libc=numbers(version),
        python=numbers(passport.minor),
        title=f"{implementation} {passport.python}{where}, {passport.machine}",
    )


def numbers(version: str) -> tuple[int, ...]:
    """Return the numbers of a version in order: ``GLIBC_2.17`` is ``(2, 17)``."""
    return tuple(int(number) for number in _NUMBER.findall(version))
