"""The committed passports are complete and agree with Debian's versions."""

import pytest

from harness.app.wiring import read_matrix
from harness.passports.book import PassportBook, PassportRecord, RecordedAs
from harness.passports.symbolsets import set_id
from tests.support.commands import ROOT

BOOK = PassportBook(ROOT / "matrix" / "passports")
MEASURED = [record for record in BOOK.records if record.recorded_as is RecordedAs.MEASURED]
TARGETS = {target.key for target in read_matrix(ROOT / "matrix").targets}
RELEASES = {"debian-11": (31, "3.9"), "debian-12": (36, "3.11"), "debian-13": (41, "3.13")}
"""Minor versions of glibc and Python in each release's packages."""


@pytest.mark.parametrize("record", [pytest.param(r, id=r.target) for r in MEASURED])
def test_record_is_complete(record: PassportRecord) -> None:
    """Its target is in the matrix, and its symbol sets exist unchanged."""
    passport = record.passport
    assert record.target in TARGETS
    assert record.image is not None
    ids = {passport.exports, *(library.symbols for library in passport.libraries)} - {""}
    assert ids
    assert {set_id(BOOK.symbols(each)) for each in ids} == ids


def test_every_symbol_set_is_used() -> None:
    """Each set is named by a record."""
    assert BOOK.unused() == ()


@pytest.mark.parametrize("target", sorted(RELEASES))
def test_debians_glibc(target: str) -> None:
    """On every arch the libc has the release's version and defines no newer symbol versions."""
    glibc, python = RELEASES[target]
    records = [record for record in MEASURED if record.target.startswith(f"{target}/")]
    assert len(records) >= 4
    for record in records:
        libc = next(lib for lib in record.passport.libraries if lib.name == "libc.so.6")
        versions = {symbol.partition("@")[2] for symbol in BOOK.symbols(libc.symbols)}
        newest = max(int(v.split(".")[1]) for v in versions if v.startswith("GLIBC_2."))
        assert newest <= glibc
        assert record.passport.libc == f"glibc 2.{glibc}"
        assert record.passport.minor == python
