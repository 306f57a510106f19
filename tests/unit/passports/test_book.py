"""Passports stored as files."""

import json
import lzma
import re
from dataclasses import replace
from pathlib import Path

import pytest

from harness.core.errors import PassportError
from harness.core.observations import ImageRef
from harness.core.targets import ImageWay
from harness.passports.book import PassportBook, PassportRecord, RecordedAs
from harness.passports.symbolsets import set_id
from tests.support.forecasts import GLIBC, GLIBC_SETS

KEY = "debian-12/x86_64"
IMAGE = ImageRef(id="sha256:1", way=ImageWay.ASSEMBLED, origin="bookworm")
MEASURED = PassportRecord(target=KEY, passport=GLIBC, image=IMAGE)
FACTS = PassportRecord(
    target=KEY,
    passport=replace(GLIBC, python="3.11.0", exports="", libraries=()),
    recorded_as=RecordedAs.FACTS,
    source="somewhere (read in source)",
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the folder of a book with one record and its symbol sets."""
    PassportBook(tmp_path).write(MEASURED, GLIBC_SETS)
    return tmp_path


def test_round_trip(folder: Path) -> None:
    """A record reads back with its image and symbol sets."""
    book = PassportBook(folder)
    assert book.record(KEY) == book.measured(KEY) == MEASURED
    assert book.recorded(KEY) == GLIBC
    assert {set_id: book.symbols(set_id) for set_id in GLIBC_SETS} == GLIBC_SETS
    assert book.records == (MEASURED,)


def test_another_book_is_read_for_what_one_lacks(folder: Path, tmp_path: Path) -> None:
    """Records and symbol sets; new records are written to the first alone."""
    own = PassportBook(tmp_path / "own", PassportBook(folder))
    assert own.recorded(KEY) == GLIBC
    assert {set_id: own.symbols(set_id) for set_id in GLIBC_SETS} == GLIBC_SETS
    assert own.recorded("debian-13/x86_64") is None
    assert own.record(KEY) is None
    newer = replace(MEASURED, passport=replace(GLIBC, python="3.11.99"))
    own.write(newer, {})
    assert own.recorded(KEY) == newer.passport
    assert PassportBook(folder).recorded(KEY) == GLIBC


def test_unrecorded_target(folder: Path) -> None:
    """A target without a file has no passport."""
    assert PassportBook(folder).recorded("debian-13/x86_64") is None
    assert PassportBook(folder / "nowhere").records == ()


def test_facts_are_used_until_measured(tmp_path: Path) -> None:
    """Facts have a separate file and a source, and are used until the target is measured."""
    book = PassportBook(tmp_path)
    book.write(FACTS, {})
    assert PassportBook(tmp_path).record(KEY) == FACTS
    assert PassportBook(tmp_path).measured(KEY) is None
    book.write(MEASURED, GLIBC_SETS)
    assert PassportBook(tmp_path).record(KEY) == MEASURED
    assert set(PassportBook(tmp_path).records) == {FACTS, MEASURED}


def test_measured_record_wins_over_later_facts(folder: Path) -> None:
    """After writing facts a book still returns the measured record."""
    book = PassportBook(folder)
    book.write(FACTS, {})
    assert book.record(KEY) == PassportBook(folder).record(KEY) == MEASURED


def test_files_are_reproducible(folder: Path) -> None:
    """Equal records give equal bytes, with symbols in any order."""
    before = {path: path.read_bytes() for path in folder.rglob("*.*")}
    for file in (folder / "symbols").iterdir():
        file.unlink()
    PassportBook(folder).write(MEASURED, dict(reversed(GLIBC_SETS.items())))
    assert {path: path.read_bytes() for path in folder.rglob("*.*")} == before


def test_symbols_are_a_line_each(folder: Path) -> None:
    """A set's file is compressed sorted text, named after its content."""
    text = lzma.decompress((folder / "symbols" / "libc.txt.xz").read_bytes()).decode()
    assert text == "GLIBC_2.17@GLIBC_2.17\nmalloc@GLIBC_2.2.5\nstat@GLIBC_2.33\n"
    assert set_id(["b", "a"]) == set_id(["a", "b", "a"]) != set_id(["a"])


def test_unused_symbol_sets(folder: Path) -> None:
    """Sets that no record names are found."""
    book = PassportBook(folder)
    assert book.unused() == ()
    book.write(replace(MEASURED, passport=replace(GLIBC, exports="")), {})
    assert [path.name for path in PassportBook(folder).unused()] == ["python.txt.xz"]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda _: "{", "Invalid JSON"),
        (lambda text: text[:400], "Invalid JSON"),
        (lambda text: text.replace('"schema": 2', '"schema": 3'), "schema: Input should be 2"),
        (lambda text: re.sub(r'"python": "3.*",', "", text), "record.passport.python: Field req"),
        (lambda text: text.replace('"exec_stack": ""', '"exec_stack": "?"'), "exec_stack"),
    ],
)
def test_a_damaged_record(folder: Path, change: object, complaint: str) -> None:
    """A damaged record is an error with the file, the position and the next step."""
    assert callable(change)
    page = folder / f"{KEY}.json"
    page.write_text(change(page.read_text()))
    with pytest.raises(PassportError) as caught:
        PassportBook(folder).recorded(KEY)
    assert str(caught.value).startswith(f"{page}: ")
    assert complaint in str(caught.value)
    assert f"wheelgrid passport --record {KEY}" in str(caught.value)


@pytest.mark.parametrize("damage", [b"", b"text", lzma.compress(b"\xff\xfe"), None])
def test_a_damaged_symbol_set(folder: Path, damage: bytes | None) -> None:
    """A damaged or missing set is named in the error, and rewritten."""
    file = folder / "symbols" / "libc.txt.xz"
    if damage is None:
        file.unlink()
    else:
        file.write_bytes(damage)
    with pytest.raises(PassportError, match=re.escape(f"{file}: ") + ".*--record"):
        PassportBook(folder).symbols("libc")
    PassportBook(folder).write(MEASURED, GLIBC_SETS)
    assert PassportBook(folder).symbols("libc") == GLIBC_SETS["libc"]


def test_oversized_symbol_set(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A set is read up to a size limit."""
    monkeypatch.setattr("harness.passports.book._MOST_SYMBOL_BYTES", 4)
    assert PassportBook(folder).symbols("libc") == {"GLIB"}


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    """A file in place of the folder is an error with its path."""
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(PassportError, match=re.escape(str(blocked))):
        PassportBook(blocked).write(MEASURED, GLIBC_SETS)


def test_record_text(folder: Path) -> None:
    """A file has the target, the image and every field; tags and libraries are folded."""
    page = json.loads((folder / f"{KEY}.json").read_text())
    assert page["record"]["target"] == KEY
    assert page["record"]["image"] == {"id": "sha256:1", "way": "assembled", "origin": "bookworm"}
    assert page["libraries"]["/lib"][0] == ["libc.so.6", "", [], "libc"]
    assert page["record"]["passport"]["libraries"] == page["record"]["passport"]["tags"] == []
    assert page["tags"]["runs"][0][0] == ["cp311-cp311"]
