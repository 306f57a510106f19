"""Measure the passports of targets and update their records.

Targets whose image is already recorded are skipped, so an interrupted recording can continue.
"""

import difflib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol

from harness.core.errors import EngineError, PassportError
from harness.core.machines import machine_of
from harness.core.observations import ImageRef
from harness.core.passport import Passport
from harness.core.targets import Target
from harness.passports.book import PassportBook, PassportRecord, page_text


class PassportChange(StrEnum):
    """The outcome of recording a target."""

    NEW = "new"
    CHANGED = "changed"
    SAME = "same"
    """Measured again; only the image differs."""
    KEPT = "kept"
    """Not measured: its record is of the same image."""
    MISSED = "missed"


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordingResult:
    """The result for one target."""

    target: str
    change: PassportChange
    lines: tuple[str, ...] = ()
    """A unified diff of the change, or the reason for a miss."""


class PassportSource(Protocol):
    """Measures passports (``harness.probe.prober.Prober``)."""

    def image(self, target: Target) -> ImageRef: ...
    def passport(self, target: Target) -> Passport: ...
    def leave(self) -> None: ...


def record_passports(
    targets: Iterable[Target],
    prober: PassportSource,
    symbols: Callable[[str], frozenset[str]],
    book: PassportBook,
    *,
    remeasure: bool,
) -> Iterator[RecordingResult]:
    """Measure each target and write its record.

    ``remeasure`` also measures targets whose image is already recorded. An unavailable target is a
    result, not an error. Raises ``PassportError``.
    """
    for target in targets:
        if machine_of(target):
            continue  # a record is for every machine
        try:
            image = prober.image(target)
            before = _before(book, target)
            if before and before.image == image and not remeasure:
                yield RecordingResult(target=target.key, change=PassportChange.KEPT)
                continue
            passport = prober.passport(target)
        except EngineError as error:
            lines = tuple(str(error).splitlines())
            yield RecordingResult(target=target.key, change=PassportChange.MISSED, lines=lines)
            continue
        finally:
            prober.leave()
        record = PassportRecord(target=target.key, passport=_without_machine(passport), image=image)
        ids = {passport.exports, *(library.symbols for library in passport.libraries)} - {""}
        book.write(record, {set_id: symbols(set_id) for set_id in ids})
        yield _entry(before, record)


def _before(book: PassportBook, target: Target) -> PassportRecord | None:
    """Return the measured record; None if it is missing or damaged."""
    try:
        return book.measured(target.key)
    except PassportError:
        return None


def _without_machine(passport: Passport) -> Passport:
    """Return a passport without the fields of this machine."""
    return replace(passport, kernel="", hwcap=0, hwcap2=0, hw_platform="")


def _entry(before: PassportRecord | None, now: PassportRecord) -> RecordingResult:
    if before is None:
        return RecordingResult(target=now.target, change=PassportChange.NEW)
    old, new = (page_text(replace(record, image=None)) for record in (before, now))
    if old == new:
        return RecordingResult(target=now.target, change=PassportChange.SAME)
    lines = difflib.unified_diff(old.splitlines(), new.splitlines(), "before", "now", "", "", 1, "")
    return RecordingResult(target=now.target, change=PassportChange.CHANGED, lines=tuple(lines))
