"""The effects of policies on passports, wheels and outcomes."""

import io
from dataclasses import replace
from pathlib import Path

import pytest

from harness.core.arches import find_arch
from harness.core.cells import Outcome, Stage
from harness.core.observations import Prediction
from harness.core.policy import NewNames, Policy
from harness.core.targets import Naming
from harness.predict.policy_effects import (
    PolicyEffect,
    Shift,
    Verified,
    apply_policy,
    concerns,
    count_effects,
    rebuild_facts,
    shift_of,
)
from harness.wheels.archive.contents import WheelFacts
from harness.wheels.archive.listing import read_listing
from tests.support.passports import make_passport
from tests.support.targets import make_target
from tests.support.wheels import write_demo

X86, ARM, POWER = find_arch("x86_64"), find_arch("armv7l"), find_arch("ppc64le")
GNU = Naming(id="gnu", builds={"x86_64": "x86_64-linux-gnu", "ppc64le": "powerpc64le-linux-gnu"})
MUSL_THEN_GNU = Naming(
    id="musl-then-gnu",
    builds={"x86_64": "x86_64-linux-musl", "armv7l": "arm-linux-musleabihf"},
    second={"x86_64": "x86_64-linux-gnu"},
)
FEDORA = Naming(
    id="fedora", builds={"ppc64le": "powerpc64le-linux-gnu"}, last={"ppc64le": "ppc64le-linux-gnu"}
)
PASSPORT = make_passport(
    "x86_64",
    python="3.9.5",
    triplet="x86_64-linux-musl",
    tags=("cp39-cp39-musllinux_1_1_x86_64", "cp39-abi3-musllinux_1_1_x86_64"),
    libc="musl 1.2.2",
)
TARGET = make_target("alpine/x86_64", python="3.9", libc="musl")


def policy(**fields: object) -> Policy:
    whole = {"id": "some", "title": "Some", "link": "", "targets": ("alpine",), **fields}
    return Policy(**whole)  # type: ignore[arg-type]


def wheel(folder: Path, *names: str, platform: str = "musllinux_1_1_x86_64") -> WheelFacts:
    path = write_demo(folder, *((name, b"") for name in names), platform=platform)
    return read_listing(path.name, io.BytesIO(path.read_bytes()))


def no_symbols(_: str) -> frozenset[str]:
    return frozenset()


def test_a_second_name() -> None:
    """Alpine's fallback comes right after its own suffix, as in its patch."""
    after = apply_policy(policy(naming=MUSL_THEN_GNU), PASSPORT, X86)
    assert after.extension_suffixes == (
        ".cpython-39-x86_64-linux-musl.so",
        ".cpython-39-x86_64-linux-gnu.so",
        ".abi3.so",
        ".so",
    )
    assert after.ext_suffix == PASSPORT.ext_suffix


def test_a_last_name() -> None:
    """Fedora's fallback comes after plain .so, and the old suffix is removed."""
    old = replace(
        PASSPORT,
        soabi="cpython-39-ppc64le-linux-gnu",
        extension_suffixes=(".cpython-39-ppc64le-linux-gnu.so", ".abi3.so", ".so"),
    )
    after = apply_policy(policy(naming=FEDORA), old, POWER)
    assert after.extension_suffixes == (
        ".cpython-39-powerpc64le-linux-gnu.so",
        ".abi3.so",
        ".so",
        ".cpython-39-ppc64le-linux-gnu.so",
    )
    assert apply_policy(policy(naming=GNU), after, POWER).extension_suffixes == (
        ".cpython-39-powerpc64le-linux-gnu.so",
        ".abi3.so",
        ".so",
    )


def test_an_arch_without_the_second_name() -> None:
    """32-bit arm has no fallback."""
    old = replace(PASSPORT, soabi="cpython-39-arm-linux-musleabihf")
    after = apply_policy(policy(naming=MUSL_THEN_GNU), old, ARM)
    assert not any("gnu" in suffix for suffix in after.extension_suffixes)


def test_one_more_suffix() -> None:
    """A further suffix comes after .abi3.so, with the arch's triplet."""
    after = apply_policy(policy(reads=(".abi3-{gnu}.so",)), PASSPORT, X86)
    assert after.extension_suffixes[1:] == (".abi3.so", ".abi3-x86_64-linux-gnu.so", ".so")


@pytest.mark.parametrize(
    ("builds", "platform", "before", "after"),
    [
        (NewNames.MUSL, "musllinux_1_1_x86_64", "_a.cpython-39-x86_64-linux-gnu.so",
         "_a.cpython-39-x86_64-linux-musl.so"),
        (NewNames.MUSL, "manylinux2014_x86_64", "_a.cpython-39-x86_64-linux-gnu.so",
         "_a.cpython-39-x86_64-linux-gnu.so"),
        (NewNames.STABLE_TRIPLET, "musllinux_1_1_x86_64", "_a.abi3.so",
         "_a.abi3-x86_64-linux-musl.so"),
        (NewNames.STABLE_TRIPLET, "manylinux2014_x86_64", "_a.abi3.so",
         "_a.abi3-x86_64-linux-gnu.so"),
        (NewNames.STABLE_TRIPLET, "manylinux2014_x86_64", "_a.so", "_a.so"),
    ],
)  # fmt: skip
def test_what_builders_write(
    tmp_path: Path, builds: NewNames, platform: str, before: str, after: str
) -> None:
    """Builders rename only the modules that the policy names."""
    anew = rebuild_facts(policy(builds=builds), wheel(tmp_path, before, platform=platform))
    assert [native.name for native in anew.native] == [after]
    assert after in {member.name for member in anew.members}


@pytest.mark.parametrize(
    ("naming", "builds", "effect"),
    [
        (MUSL_THEN_GNU, None, PolicyEffect.FIXED),
        (None, NewNames.MUSL, PolicyEffect.FIXED),
        (None, NewNames.STABLE_TRIPLET, PolicyEffect.FAILS),
        (GNU, None, PolicyEffect.FIXED),
        (GNU, NewNames.MUSL, PolicyEffect.FAILS),
    ],
)
def test_a_musllinux_wheel_on_alpine(
    tmp_path: Path, naming: Naming | None, builds: NewNames | None, effect: PolicyEffect
) -> None:
    """A -gnu module on a Python that reads only -musl is fixed by either change, not by both."""
    facts = wheel(tmp_path, "_a.cpython-39-x86_64-linux-gnu.so")
    some = policy(naming=naming, builds=builds)
    assert (
        shift_of(some, TARGET, PASSPORT, no_symbols, facts, rebuild_facts(some, facts)).effect
        is effect
    )


def test_a_regression(tmp_path: Path) -> None:
    """A module that is read before and not after is a regression."""
    facts = wheel(tmp_path, "_a.cpython-39-x86_64-linux-musl.so")
    shift = shift_of(policy(naming=GNU), TARGET, PASSPORT, no_symbols, facts, facts)
    assert shift.effect is PolicyEffect.REGRESSED
    assert count_effects([shift]) == {
        PolicyEffect.REGRESSED: 1,
        PolicyEffect.FIXED: 0,
        PolicyEffect.WORKS: 0,
        PolicyEffect.FAILS: 0,
    }


def test_concerns() -> None:
    """A policy applies to the targets of its globs, on its arches or on all."""
    assert concerns(policy(targets=("alp*",)), TARGET)
    assert not concerns(policy(targets=("fedora-*",)), TARGET)
    assert not concerns(policy(arches=("ppc64le",)), TARGET)
    assert concerns(policy(arches=("amd64",)), TARGET)


@pytest.mark.parametrize(
    ("before", "after", "agrees"),
    [
        (Outcome.IMPORT_FAILED, Outcome.PASS, True),
        (Outcome.CALL_FAILED, Outcome.PASS, True),
        (Outcome.PASS, Outcome.PASS, False),
        (Outcome.IMPORT_FAILED, Outcome.MISS, False),
        (Outcome.MISS, Outcome.PASS, False),
        (Outcome.PASS, Outcome.IMPORT_FAILED, False),
    ],
)
def test_verified(before: Outcome, after: Outcome, agrees: bool) -> None:
    """A run agrees if it passes and fails as predicted; a miss does not agree."""
    predicted = (
        Prediction(outcome=outcome, stage=Stage.IMPORT)
        for outcome in (Outcome.IMPORT_FAILED, Outcome.PASS)
    )
    shift = Shift(target="", wheel="", before=next(predicted), after=next(predicted))
    assert Verified(shift=shift, on="", before=before, after=after).agrees is agrees
