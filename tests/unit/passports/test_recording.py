"""Recording passports."""

from dataclasses import replace
from pathlib import Path

from harness.core.errors import ImageError
from harness.core.observations import ImageRef
from harness.core.passport import Passport
from harness.core.targets import ImageWay, Target
from harness.passports.book import PassportBook, PassportRecord, RecordedAs
from harness.passports.recording import PassportChange, RecordingResult, record_passports
from tests.support.forecasts import GLIBC, symbols
from tests.support.targets import debian_12

HERE, THERE = debian_12(), debian_12("s390x")
IMAGE = ImageRef(id="sha256:1", way=ImageWay.ASSEMBLED, origin="bookworm")


class FakeProber:
    """A prober with one passport and one image, without the targets in ``missed``."""

    def __init__(self, *, missed: tuple[str, ...] = ()) -> None:
        self.at = IMAGE
        self.seen = GLIBC
        self.missed = missed
        self.measured: list[str] = []
        self.left = 0

    def image(self, target: Target) -> ImageRef:
        if target.key in self.missed:
            raise ImageError("no such suite\ncorrect it")
        return self.at

    def passport(self, target: Target) -> Passport:
        self.measured.append(target.key)
        return self.seen

    def leave(self) -> None:
        self.left += 1


def record(prober: FakeProber, folder: Path, *, remeasure: bool = False) -> list[RecordingResult]:
    book = PassportBook(folder)
    return list(record_passports([HERE, THERE], prober, symbols, book, remeasure=remeasure))


def changes(entries: list[RecordingResult]) -> list[PassportChange]:
    return [entry.change for entry in entries]


def test_a_first_recording(tmp_path: Path) -> None:
    """Every target is measured, written with its symbols, and left before the next one."""
    prober = FakeProber()
    assert changes(record(prober, tmp_path)) == [PassportChange.NEW, PassportChange.NEW]
    book = PassportBook(tmp_path)
    kept = book.record(HERE.key)
    assert kept is not None
    assert (kept.image, kept.passport.libraries) == (IMAGE, GLIBC.libraries)
    assert book.symbols("libc") == symbols("libc")
    assert prober.left == 2


def test_this_machines_kernel_is_not_recorded(tmp_path: Path) -> None:
    """The kernel belongs to the machine, so it is not recorded."""
    record(FakeProber(), tmp_path)
    kept = PassportBook(tmp_path).recorded(HERE.key)
    assert kept == replace(GLIBC, kernel="")


def test_recorded_image_is_skipped(tmp_path: Path) -> None:
    """A second recording measures nothing, except with ``remeasure``."""
    record(FakeProber(), tmp_path)
    prober = FakeProber()
    assert changes(record(prober, tmp_path)) == [PassportChange.KEPT, PassportChange.KEPT]
    assert prober.measured == []
    assert changes(record(prober, tmp_path, remeasure=True)) == [
        PassportChange.SAME,
        PassportChange.SAME,
    ]
    assert prober.measured == [HERE.key, THERE.key]


def test_new_image_with_equal_passport(tmp_path: Path) -> None:
    """A new digest alone is no change; the record gets the new image."""
    record(FakeProber(), tmp_path)
    prober = FakeProber()
    prober.at = replace(IMAGE, id="sha256:2")
    assert record(prober, tmp_path) == [
        RecordingResult(target=HERE.key, change=PassportChange.SAME),
        RecordingResult(target=THERE.key, change=PassportChange.SAME),
    ]
    assert changes(record(prober, tmp_path)) == [PassportChange.KEPT, PassportChange.KEPT]


def test_new_image_with_another_passport(tmp_path: Path) -> None:
    """The diff has the changed lines without the image's digest."""
    record(FakeProber(), tmp_path)
    prober = FakeProber()
    prober.at, prober.seen = replace(IMAGE, id="sha256:2"), replace(GLIBC, installer="pip 25.1")
    entry = record(prober, tmp_path)[0]
    assert entry.change is PassportChange.CHANGED
    changed = [line for line in entry.lines if line.startswith(("-", "+"))][2:]
    assert [line.replace(" ", "") for line in changed] == [
        '-"installer":"pip23.0.1",',
        '+"installer":"pip25.1",',
    ]


def test_first_measurement_after_facts_is_new(tmp_path: Path) -> None:
    """The first measurement of a target with facts is new."""
    facts = PassportRecord(
        target=HERE.key, passport=GLIBC, recorded_as=RecordedAs.FACTS, source="read"
    )
    PassportBook(tmp_path).write(facts, {})
    assert changes(record(FakeProber(), tmp_path)) == [PassportChange.NEW, PassportChange.NEW]


def test_unavailable_image(tmp_path: Path) -> None:
    """An unavailable target is missed with the reason, and the next one is recorded."""
    entries = record(FakeProber(missed=(HERE.key,)), tmp_path)
    assert changes(entries) == [PassportChange.MISSED, PassportChange.NEW]
    assert entries[0].lines == ("no such suite", "correct it")
    assert PassportBook(tmp_path).record(HERE.key) is None


def test_interrupted_recording_continues(tmp_path: Path) -> None:
    """Targets recorded before the interruption are not measured again."""
    first = record_passports(
        [HERE, THERE], FakeProber(), symbols, PassportBook(tmp_path), remeasure=False
    )
    assert next(iter(first)).change is PassportChange.NEW
    prober = FakeProber()
    assert changes(record(prober, tmp_path)) == [PassportChange.KEPT, PassportChange.NEW]
    assert prober.measured == [THERE.key]


def test_a_damaged_record_is_renewed(tmp_path: Path) -> None:
    """A damaged record is measured again."""
    record(FakeProber(), tmp_path)
    (tmp_path / f"{HERE.key}.json").write_text("{")
    assert changes(record(FakeProber(), tmp_path)) == [PassportChange.NEW, PassportChange.KEPT]
    assert PassportBook(tmp_path).measured(HERE.key) is not None
