"""What ad-hoc runs share: passports, outcomes, written wheels."""

from pathlib import Path

import pytest

from harness.app.adhoc import (
    gather_passports,
    is_whole,
    outcomes_of,
    passport_measurer,
    write_wheels,
)
from harness.core.cells import Outcome
from harness.core.errors import UsageError
from harness.core.passport import Passport
from harness.core.targets import Target
from harness.probe.prober import Prober
from harness.wheels.archive.rewrite import WheelBytes
from tests.support.cells import cells, grid, see
from tests.support.passports import make_passport
from tests.support.targets import debian_12


class FakeProber(Prober):
    """A prober that records its use."""

    def __init__(self) -> None:
        self.log: list[str] = []

    def leave(self) -> None:
        self.log.append("close")

    def passport(self, target: Target) -> Passport:
        self.log.append(target.key)
        return make_passport(kernel=target.key)


class Recorded:
    """Recorded passports: Debian 12 on s390x alone."""

    def recorded(self, target_key: str) -> Passport | None:
        return make_passport() if target_key == "debian-12/s390x" else None

    def symbols(self, set_id: str) -> frozenset[str]:
        raise AssertionError(set_id)


def test_prober_is_opened_once_and_only_if_needed() -> None:
    """Nothing is opened if every passport is recorded; else one prober serves all targets."""
    probers: list[FakeProber] = []

    def open_prober() -> Prober:
        probers.append(FakeProber())
        return probers[-1]

    recorded, new, newer = (debian_12(arch) for arch in ("s390x", "x86_64", "aarch64"))
    with passport_measurer(open_prober) as measure:
        assert gather_passports([recorded], Recorded(), measure) == {recorded.key: make_passport()}
        assert probers == []
        found = gather_passports([new, recorded, newer], Recorded(), measure)
    assert list(found) == [new.key, recorded.key, newer.key]
    assert [prober.log for prober in probers] == [[new.key, newer.key, "close"]]


def test_targets_without_a_passport_are_left_out() -> None:
    """A target that is neither recorded nor measured has no passport."""
    assert gather_passports([debian_12()], Recorded(), lambda _: None) == {}


def test_whole_grid() -> None:
    """A grid is whole if every cell was observed and none is a miss; a miss is an outcome, too."""
    one, two = cells(2)
    assert is_whole(grid((one, see(one, Outcome.PASS)), (two, see(two, Outcome.CRASHED))))
    missed = grid((one, see(one, Outcome.PASS)), (two, see(two, Outcome.MISS)))
    assert not is_whole(missed)
    assert not is_whole(grid((one, None)))
    assert outcomes_of(missed) == {
        ("debian-12/s390x", "s0"): Outcome.PASS,
        ("debian-12/s390x", "s1"): Outcome.MISS,
    }
    assert outcomes_of(grid((one, None))) == {}


def test_wheels_are_written_into_a_new_folder(tmp_path: Path) -> None:
    """The folder is made; one that cannot be written is a usage error."""
    wheel = WheelBytes(filename="a-1-py3-none-any.whl", data=b"data")
    (path,) = write_wheels([wheel], tmp_path / "new" / "folder")
    assert path.read_bytes() == b"data"
    with pytest.raises(UsageError, match="cannot be written: Not a directory; choose another"):
        write_wheels([wheel], path / "below")
