"""Store passports as JSON files for review.

``<target>/<arch>.json`` has a passport. ``symbols/<id>.txt.xz`` has a symbol set, one symbol a
line, which passports share. Passports from published facts are in
``facts/<target>/<arch>.json`` and are used if none was measured.
"""

import contextlib
import lzma
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from harness.core.errors import PassportError
from harness.core.observations import ImageRef
from harness.core.passport import Passport
from harness.passports.json_layout import review_json
from harness.passports.libraryfold import FoldedLibraries, fold_libraries, unfold_libraries
from harness.passports.symbolsets import read_set, set_text
from harness.passports.tagfold import FoldedTags, fold_tags, unfold_tags

_FACTS = "facts"
_SYMBOLS = "symbols"
_MOST_SYMBOL_BYTES = 64 << 20


class RecordedAs(StrEnum):
    """The origin of a record."""

    MEASURED = "measured"
    FACTS = "facts"
    """Derived from published facts of the real environment; see ``source``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PassportRecord:
    """A passport and its origin."""

    target: str
    """``<target>/<arch>``."""
    passport: Passport
    recorded_as: RecordedAs = RecordedAs.MEASURED
    image: ImageRef | None = None
    """The image that was measured."""
    source: str = ""
    """For facts: where they were read, and their confidence."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _PassportFile:
    """The content of a passport file."""

    schema: Literal[2] = 2
    record: PassportRecord
    tags: FoldedTags
    libraries: FoldedLibraries
    """Tags and libraries of the passport in ``record`` are empty."""


_PAGE: TypeAdapter[_PassportFile] = TypeAdapter(_PassportFile)


class PassportBook:
    """The records in one folder, each read once."""

    def __init__(self, folder: Path, others: "PassportBook | None" = None) -> None:
        self.folder = folder
        self._others = others
        """Read for what the folder does not have; never written."""
        self._read: dict[str, PassportRecord | None] = {}
        self._sets: dict[str, frozenset[str]] = {}

    def recorded(self, target_key: str) -> Passport | None:
        """Return the passport of a target, measured or else from facts, or None.

        Raises ``PassportError`` for a damaged file.
        """
        record = self.record(target_key)
        if record or not self._others:
            return record.passport if record else None
        return self._others.recorded(target_key)

    def record(self, target_key: str) -> PassportRecord | None:
        """Return the record of a target. Raises as ``recorded`` does."""
        if target_key not in self._read:
            places = (self.page(target_key), self.page(target_key, RecordedAs.FACTS))
            found = next((place for place in places if place.exists()), None)
            self._read[target_key] = _read_page(found, target_key) if found else None
        return self._read[target_key]

    def measured(self, target_key: str) -> PassportRecord | None:
        """Return the measured record of a target, or None."""
        record = self.record(target_key)
        return record if record and record.recorded_as is RecordedAs.MEASURED else None

    def page(self, target_key: str, recorded_as: RecordedAs = RecordedAs.MEASURED) -> Path:
        """Return the path of a target's record."""
        facts = recorded_as is RecordedAs.FACTS
        return (self.folder / _FACTS if facts else self.folder) / f"{target_key}.json"

    def symbols(self, set_id: str) -> frozenset[str]:
        """Return the symbol set of that id. Raises ``PassportError``."""
        if set_id not in self._sets:
            file = self._symbol_file(set_id)
            if self._others and not file.exists():
                return self._others.symbols(set_id)
            self._sets[set_id] = _read_symbols(file)
        return self._sets[set_id]

    def write(self, record: PassportRecord, sets: dict[str, frozenset[str]]) -> Path:
        """Write a record and its new symbol sets; return its path.

        Raises ``PassportError``.
        """
        page = self.page(record.target, record.recorded_as)
        try:
            for set_id, symbols in sets.items():
                _write_symbols(self._symbol_file(set_id), symbols)
            page.parent.mkdir(parents=True, exist_ok=True)
            page.write_text(page_text(record), "utf-8")
        except OSError as error:
            raise PassportError(f"{page}: cannot be written: {error.strerror}") from error
        self._read.pop(record.target, None)
        return page

    def unused(self) -> tuple[Path, ...]:
        """Return the files of symbol sets that no record names."""
        named = {set_id for record in self.records for set_id in _set_ids(record.passport)}
        files = (self.folder / _SYMBOLS).glob("*.txt.xz")
        return tuple(sorted(file for file in files if file.name.partition(".")[0] not in named))

    @cached_property
    def records(self) -> tuple[PassportRecord, ...]:
        """Every record, sorted by target."""
        pages = sorted(p for p in self.folder.glob("**/*.json") if p.parent.name != _SYMBOLS)
        return tuple(_read_page(page, f"{page.parent.name}/{page.stem}") for page in pages)

    def _symbol_file(self, set_id: str) -> Path:
        return self.folder / _SYMBOLS / f"{set_id}.txt.xz"


def page_text(record: PassportRecord) -> str:
    """Return the text of a record's file."""
    page = _PassportFile(
        record=replace(record, passport=replace(record.passport, tags=(), libraries=())),
        tags=fold_tags(record.passport.tags),
        libraries=fold_libraries(record.passport.libraries),
    )
    return review_json(_PAGE.dump_python(page, mode="json")) + "\n"


def _set_ids(passport: Passport) -> set[str]:
    return {passport.exports, *(library.symbols for library in passport.libraries)} - {""}


def _read_page(path: Path, target_key: str) -> PassportRecord:
    try:
        page = _PAGE.validate_json(path.read_bytes())
    except OSError as error:
        raise PassportError(f"{path}: cannot be read: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise PassportError(
            f"{path}: not a passport of this wheelgrid version: {where}: {first['msg']}; "
            f"renew it: wheelgrid passport --record {target_key}"
        ) from error
    whole = replace(
        page.record.passport,
        tags=tuple(unfold_tags(page.tags)),
        libraries=unfold_libraries(page.libraries),
    )
    return replace(page.record, passport=whole)


def _read_symbols(path: Path) -> frozenset[str]:
    try:
        with lzma.open(path) as stream:
            return read_set(stream.read(_MOST_SYMBOL_BYTES).decode())
    except (OSError, EOFError, lzma.LZMAError, UnicodeDecodeError) as error:
        raise PassportError(
            f"{path}: this symbol set of a passport cannot be read ({error}); "
            "record it again: wheelgrid passport --record --fresh TARGET"
        ) from error


def _write_symbols(path: Path, symbols: frozenset[str]) -> None:
    with contextlib.suppress(PassportError):
        if _read_symbols(path) == symbols:
            return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(lzma.compress(set_text(symbols).encode()))
