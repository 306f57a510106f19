"""A replica's passport compared with recorded facts."""

from dataclasses import replace

import pytest

from harness.core.passport import Passport
from harness.core.targets import ReplicaField
from harness.passports.conformance import EnvironmentFacts, FactDifference, differences, unaccounted
from tests.support.passports import make_passport

RECORDED = EnvironmentFacts(
    name="Fedora 34 python3",
    arch="ppc64le",
    python="3.9.2 ..",
    soabi="cpython-39-powerpc64le-linux-gnu",
    ext_suffix=".cpython-39-powerpc64le-linux-gnu.so",
    multiarch="powerpc64le-linux-gnu",
    ext_suffixes=(
        ".cpython-39-powerpc64le-linux-gnu.so",
        ".abi3.so",
        ".so",
        ".cpython-39-ppc64le-linux-gnu.so",
    ),
    libc="glibc",
    libc_version="2.33",
    pip="21.0.1",
    pip_accepts=("manylinux2014", "manylinux_2_x for x<=33"),
    available=True,
)
PASSPORT = make_passport(
    "ppc64le",
    python="3.9.2",
    soabi=RECORDED.soabi,
    ext_suffix=RECORDED.ext_suffix,
    extension_suffixes=RECORDED.ext_suffixes,
    multiarch=RECORDED.multiarch,
    tags=(
        "cp39-cp39-manylinux_2_33_ppc64le",
        "cp39-cp39-manylinux_2_17_ppc64le",
        "cp39-cp39-manylinux2014_ppc64le",
        "cp39-cp39-linux_ppc64le",
        "py3-none-any",
    ),
    installer="pip 21.0.1",
    libc="glibc 2.33",
)


def fields(passport: Passport, recorded: EnvironmentFacts = RECORDED) -> list[ReplicaField]:
    return [difference.field for difference in differences(passport, recorded)]


def test_equal_facts_do_not_differ() -> None:
    """Python is compared by minor version, and tags as a range."""
    assert differences(PASSPORT, RECORDED) == ()


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        (replace(PASSPORT, soabi="cpython-39-ppc64le-linux-gnu"), ReplicaField.SOABI),
        (replace(PASSPORT, ext_suffix=".so"), ReplicaField.EXT_SUFFIX),
        (replace(PASSPORT, multiarch=""), ReplicaField.MULTIARCH),
        (
            replace(PASSPORT, extension_suffixes=RECORDED.ext_suffixes[::-1]),
            ReplicaField.EXT_SUFFIXES,
        ),
        (replace(PASSPORT, libc="musl 2.33"), ReplicaField.LIBC),
        (replace(PASSPORT, libc="glibc 2.31"), ReplicaField.LIBC_VERSION),
        (replace(PASSPORT, installer="pip 21.0"), ReplicaField.PIP),
        (replace(PASSPORT, tags=PASSPORT.tags[1:]), ReplicaField.PIP_ACCEPTS),
        (replace(PASSPORT, tags=PASSPORT.tags[:2]), ReplicaField.PIP_ACCEPTS),
        (
            replace(PASSPORT, tags=("cp39-cp39-musllinux_1_1_ppc64le", *PASSPORT.tags)),
            ReplicaField.PIP_ACCEPTS,
        ),
    ],
)
def test_each_field_is_compared(changed: Passport, field: ReplicaField) -> None:
    """One changed fact is one difference; the order of the suffixes counts."""
    assert fields(changed) == [field]


def test_musllinux_1_0_is_left_out() -> None:
    """Installers accept ``musllinux_1_0``, but no wheel has it."""
    tags = tuple(f"cp39-cp39-{p}_ppc64le" for p in ("musllinux_1_1", "musllinux_1_0", "linux"))
    recorded = replace(RECORDED, pip_accepts=("musllinux_1_1",))
    assert differences(replace(PASSPORT, tags=tags), recorded) == ()


def test_difference_prints_both_values() -> None:
    """A difference prints the recorded value, then the measured one."""
    (difference,) = differences(replace(PASSPORT, tags=("cp39-cp39-linux_ppc64le",)), RECORDED)
    assert str(difference) == (
        "pip_accepts: recorded manylinux2014, manylinux_2_x for x<=33, measured "
    )


@pytest.mark.parametrize(
    ("python", "version"), [("3.8.3-r0 at release", "38"), ("3.7.3", "37m"), ("3.14.0 ..", "314")]
)
def test_replacement_python_differs_only_in_its_version(python: str, version: str) -> None:
    """Names are compared with the measured version."""
    recorded = replace(
        RECORDED,
        python=python,
        soabi=RECORDED.soabi.replace("39", version),
        ext_suffix=RECORDED.ext_suffix.replace("39", version),
        ext_suffixes=tuple(s.replace("39", version) for s in RECORDED.ext_suffixes),
    )
    assert fields(PASSPORT, recorded) == [ReplicaField.PYTHON]


def test_whole_minor_version_is_compared() -> None:
    """3.9 is not 3.90."""
    assert fields(PASSPORT, replace(RECORDED, python="3.90")) == [ReplicaField.PYTHON]


def test_unaccounted_differences_and_reasons() -> None:
    """A difference without a reason and a reason without a difference are errors."""
    older = FactDifference(field=ReplicaField.LIBC_VERSION, recorded="2.33", measured="2.31")
    assert list(unaccounted((older,), {ReplicaField.LIBC_VERSION: "2.31 stands in"})) == []
    assert list(unaccounted((older,), {ReplicaField.PIP: "newer"})) == [
        (
            "libc_version: recorded 2.33, measured 2.31; "
            "correct the replica, or add the reason to its 'differs'"
        ),
        "pip: is as recorded; remove it from 'differs'",
    ]
