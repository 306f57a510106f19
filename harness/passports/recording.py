"""Passports recorded: targets and a prober in, a book brought up to date out.

What is recorded of the same image already is left alone, so that an interrupted recording goes
on where it was.
"""

import difflib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol

from harness.core.errors import EngineError, PassportError
from harness.core.observations import ImageRef
from harness.core.passport import Passport
from harness.core.targets import Target
from harness.passports import PassportBook, PassportRecord
from harness.passports.book import page_text


class PassportChange(StrEnum):
    """What recording a target came to."""

    NEW = "new"
    CHANGED = "changed"
    SAME = "same"
    """Measured again, and nothing but the image is another."""
    KEPT = "kept"
    """Recorded from the same image already; not measured."""
    MISSED = "missed"


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordingResult:
    """One target of a recording."""

    target: str
    change: PassportChange
    lines: tuple[str, ...] = ()
    """The lines that differ, as a unified diff; why it was missed."""


class PassportSource(Protocol):
    """What measures (``harness.probe.prober.Prober``)."""

    def image(self, target: Target) -> ImageRef: ...
    def passport(self, target: Target) -> Passport: ...
    def leave(self) -> None: ...


def record_passports(
    targets: Iterable[Target],
    prober: PassportSource,
    symbols: Callable[[str], frozenset[str]],
    book: PassportBook,
    *,
    fresh: bool,
) -> Iterator[RecordingResult]:
    """Measure each target and write its record, one after the other.

    ``fresh`` measures what is recorded of the same image too. A target that cannot be had is
    an entry, not the end. Raises ``PassportError``.
    """
    for target in targets:
        try:
            image = prober.image(target)
            before = _before(book, target)
            if before and before.image == image and not fresh:
                yield RecordingResult(target=target.key, change=PassportChange.KEPT)
                continue
            passport = prober.passport(target)
        except EngineError as error:
            lines = tuple(str(error).splitlines())
            yield RecordingResult(target=target.key, change=PassportChange.MISSED, lines=lines)
            continue
        finally:
            prober.leave()
        record = PassportRecord(target=target.key, passport=_lasting(passport), image=image)
        ids = {passport.exports, *(library.symbols for library in passport.libraries)} - {""}
        book.write(record, {set_id: symbols(set_id) for set_id in ids})
        yield _entry(before, record)


def _before(book: PassportBook, target: Target) -> PassportRecord | None:
    """Return what was measured before; a damaged record is as good as none, and is renewed."""
    try:
        return book.measured(target.key)
    except PassportError:
        return None


def _lasting(passport: Passport) -> Passport:
    """Return a passport without what is this machine's and not the image's."""
    return replace(passport, kernel="")


def _entry(before: PassportRecord | None, now: PassportRecord) -> RecordingResult:
    if before is None:
        return RecordingResult(target=now.target, change=PassportChange.NEW)
    old, new = (page_text(replace(record, image=None)) for record in (before, now))
    if old == new:
        return RecordingResult(target=now.target, change=PassportChange.SAME)
    lines = difflib.unified_diff(old.splitlines(), new.splitlines(), "before", "now", "", "", 1, "")
    return RecordingResult(target=now.target, change=PassportChange.CHANGED, lines=tuple(lines))
