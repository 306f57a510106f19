"""Find the recorded differences between two observations of a cell. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum

from harness.core.observations import Observation
from harness.core.passport import Passport

NAMED = 3
"""Maximum differing list items to name; others are counted."""
BESIDE = frozenset({"kernel", "page_size", "installer", "exports"})
"""Passport fields that have a separate aspect or are not useful to a reader."""


class Aspect(StrEnum):
    """A recorded input of a result."""

    WHEEL = "wheel"
    IMAGE = "image"
    INSTALLER = "installer"
    EMULATOR = "emulator"
    CPU = "emulated CPU"
    PAGE_SIZE = "page size"
    KERNEL = "kernel"
    ENGINE = "engine"
    HARNESS = "harness"


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """One aspect that changed."""

    aspect: Aspect
    base: str
    now: str
    lines: tuple[str, ...] = ()
    """Passport lines that differ between two images: ``libc: glibc 2.36 → glibc 2.41``."""


def differences(
    base: Observation, now: Observation, passports: Mapping[str, Passport]
) -> tuple[Difference, ...]:
    """Return what differs, in the order of ``Aspect``; an unrecorded value never differs.

    ``passports``: the known ones, by id.
    """
    was, seen = (passports.get(o.provenance.passport_id) for o in (base, now))
    before, after = _values(base, was), _values(now, seen)
    return tuple(
        Difference(
            aspect=aspect,
            base=before[aspect],
            now=after[aspect],
            lines=passport_lines(was, seen) if aspect is Aspect.IMAGE and was and seen else (),
        )
        for aspect in Aspect
        if before[aspect] and after[aspect] and before[aspect] != after[aspect]
    )


def environment(found: tuple[Difference, ...]) -> tuple[Difference, ...] | None:
    """Return the differences apart from the wheel; None if the wheel itself differs."""
    if any(difference.aspect is Aspect.WHEEL for difference in found):
        return None
    return found


def passport_lines(base: Passport, now: Passport) -> tuple[str, ...]:
    """Return a line for each field that differs between two passports."""
    lines = []
    for field in fields(Passport):
        was, seen = getattr(base, field.name), getattr(now, field.name)
        if field.name not in BESIDE and was != seen:
            lines.append(f"{field.name}: {_difference(was, seen)}")
    return tuple(lines)


def _difference(was: object, seen: object) -> str:
    if not (isinstance(was, tuple) and isinstance(seen, tuple)):
        return f"{was} → {seen}"
    gone = [_name(item) for item in was if item not in seen]
    come = [_name(item) for item in seen if item not in was]
    return ", ".join((*_named("without", gone), *_named("with", come))) or "in another order"


def _named(word: str, names: list[str]) -> Iterator[str]:
    if names:
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        yield f"{word} {' '.join(names[:NAMED])}{more}"


def _name(item: object) -> str:
    return str(getattr(item, "name", item))


def _values(seen: Observation, passport: Passport | None) -> dict[Aspect, str]:
    source = seen.provenance
    return {
        Aspect.WHEEL: seen.wheel.sha256 if seen.wheel else "",
        Aspect.IMAGE: source.image.id if source.image else "",
        Aspect.INSTALLER: passport.installer if passport else "",
        Aspect.EMULATOR: source.qemu,
        Aspect.CPU: source.qemu_cpu,
        Aspect.PAGE_SIZE: str(source.page_size or ""),
        Aspect.KERNEL: source.kernel,
        Aspect.ENGINE: " at ".join(filter(None, (source.engine, source.engine_at))),
        Aspect.HARNESS: source.harness,
    }
