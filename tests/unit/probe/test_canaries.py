"""The canaries: where each applies, its bytes, and what must be seen of it."""

import io
import zipfile
from pathlib import Path

import pytest

from harness.core.causes import Cause
from harness.core.cells import Outcome
from harness.core.passport import ExecStack, Passport
from harness.passports.book import PassportBook
from harness.predict import predict
from harness.probe.canaries import (
    CANARIES,
    Canary,
    applying,
    canary_wheel,
    earlier_suffix,
    find_arch_of,
    stable_tag,
    unread_suffix,
)
from harness.wheels.archive.contents import read_wheel
from harness.wheels.archive.filename import parse_wheel_name
from tests.support.commands import ROOT
from tests.support.passports import make_passport

BOOK = PassportBook(ROOT / "matrix/passports")
RECORDED = tuple(
    "/".join(page.with_suffix("").parts[-2:])
    for page in sorted(BOOK.folder.glob("*/*.json"))
    if page.parent.name != "symbols"
)
KINDS = ("debian-11/x86_64", "debian-12/s390x", "debian-13/armv7l", "debian-sid-3.15/riscv64",
         "alpine-3.14/ppc64le", "alpine-3.24/aarch64", "fedora-32-ga/ppc64le")  # fmt: skip
PREDICTED = ("wrong-suffix", "lying-abi3-tag", "wrong-machine", "exec-stack", "missing-library")
GNU, MUSL = ".cpython-311-s390x-linux-gnu.so", ".cpython-311-s390x-linux-musl.so"


def recorded(key: str) -> Passport:
    passport = BOOK.recorded(key)
    assert passport
    return passport


def named(name: str) -> Canary:
    return next(canary for canary in CANARIES if canary.id == name)


def pairs() -> list[tuple[str, str]]:
    return [(key, c.id) for key in KINDS for c in applying(recorded(key)) if c.id in PREDICTED]


def test_three_must_fail_on_every_recorded_target() -> None:
    """And one must pass; there are 135 columns and more."""
    assert len(RECORDED) > 130
    for key in RECORDED:
        outcomes = [canary.outcomes for canary in applying(recorded(key))]
        assert sum(Outcome.PASS not in each for each in outcomes) >= 3, key
        assert (Outcome.PASS,) in outcomes, key


def test_ten_must_fail() -> None:
    """Each has a name of its own."""
    assert len({canary.id for canary in CANARIES}) == len(CANARIES)
    assert sum(Outcome.PASS not in canary.outcomes for canary in CANARIES) == 10


@pytest.mark.parametrize("key", KINDS)
def test_the_installer_accepts_every_canary(key: str) -> None:
    """Its tag is one of the passport's, so that a refusal hides nothing."""
    passport = recorded(key)
    for canary in applying(passport):
        name, _ = canary_wheel(canary, passport)
        assert set(parse_wheel_name(name).tags) & {*passport.tags, "py3-none-any"}, name


@pytest.mark.parametrize(("key", "name"), pairs())
def test_rules_of_prediction_agree(key: str, name: str, tmp_path: Path) -> None:
    """What is declared of a wheel with a module follows from its bytes and the passport, too."""
    passport, canary = recorded(key), named(name)
    filename, data = canary_wheel(canary, passport)
    path = tmp_path / filename
    path.write_bytes(data)
    seen = predict(read_wheel(path), passport, BOOK.symbols, imports=canary.imports)
    assert canary.is_caught(seen.outcome, seen.cause), seen


@pytest.mark.parametrize(
    ("read", "unread"),
    [((GNU, ".so"), MUSL), ((MUSL, ".so"), GNU), ((GNU, MUSL, ".so"), "")],
)
def test_unread_suffix(read: tuple[str, ...], unread: str) -> None:
    """The one of both libcs' names that the interpreter does not read."""
    passport = make_passport(extension_suffixes=read)
    assert unread_suffix(passport) == unread
    assert named("wrong-suffix").applies(passport) is bool(unread)


def test_earlier_suffix() -> None:
    """It is of the minor version before; nothing if the interpreter reads that."""
    earlier = ".cpython-310-s390x-linux-gnu.so"
    assert earlier_suffix(make_passport()) == earlier
    assert not earlier_suffix(make_passport(extension_suffixes=(earlier,)))
    soabi = "cpython-313t-s390x-linux-gnu"
    free = make_passport(python="3.13.5", soabi=soabi, ext_suffix=f".{soabi}.so")
    assert earlier_suffix(free) == ".cpython-312t-s390x-linux-gnu.so"


def test_abi3_needs_an_installer_that_accepts_it() -> None:
    """A free-threaded Python accepts no such tag."""
    assert not named("lying-abi3-tag").applies(make_passport())
    tag = "cp310-abi3-linux_s390x"
    assert stable_tag(make_passport(tags=("cp311-cp311-linux_s390x", tag))) == tag


@pytest.mark.parametrize(
    ("known", "applies"),
    [(ExecStack.REFUSED, True), (ExecStack.GRANTED, False), (ExecStack.UNKNOWN, False)],
)
def test_exec_stack_applies_where_it_is_refused(known: ExecStack, applies: bool) -> None:
    """Elsewhere such a module loads."""
    assert named("exec-stack").applies(make_passport(exec_stack=known)) is applies


def test_an_unknown_architecture_has_no_native_canaries() -> None:
    """Those without native code remain."""
    passport = make_passport(elf_machine="EM_MIPS")
    assert find_arch_of(passport) is None
    assert not unread_suffix(passport)
    assert {c.id for c in applying(passport)} == {
        "passes", "private-members", "damaged-member", "early-exit", "forged-report", "hang",
        "fork-bomb",
    }  # fmt: skip


def test_modes_and_damage() -> None:
    """Members of one have mode 0600; another has a member that cannot be unpacked."""
    passport = make_passport()
    _, private = canary_wheel(named("private-members"), passport)
    with zipfile.ZipFile(io.BytesIO(private)) as archive:
        assert archive.infolist()[0].external_attr >> 16 == 0o100600
    _, damaged = canary_wheel(named("damaged-member"), passport)
    with (
        zipfile.ZipFile(io.BytesIO(damaged)) as archive,
        pytest.raises(Exception, match=r"CRC|decompressing"),
    ):
        archive.read(archive.namelist()[0])


def test_what_must_be_seen() -> None:
    """Outcome and cause, in words for a message."""
    hang, exit_ = named("hang"), named("early-exit")
    assert hang.expected == "timeout timeout or quiet"
    assert hang.is_caught(Outcome.TIMEOUT, Cause.QUIET)
    assert not hang.is_caught(Outcome.PASS, "")
    assert exit_.expected == "import-failed"
    assert exit_.is_caught(Outcome.IMPORT_FAILED, "")
    assert not exit_.is_caught(Outcome.IMPORT_FAILED, Cause.NO_MODULE)
