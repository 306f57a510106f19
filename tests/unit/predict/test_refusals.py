"""Wheels that an installer refuses, by tags alone."""

from dataclasses import replace

import pytest

from harness.core.causes import Cause
from harness.core.cells import Outcome
from harness.core.passport import Passport
from harness.predict import predict
from tests.support.forecasts import GLIBC, GNU, MUSL, elf, symbols, wheel

FREE_THREADED = replace(
    GLIBC, soabi=f"cpython-311t-{GNU}", tags=("cp311-cp311t-manylinux_2_17_x86_64",)
)
PYPY_TAG = "pp311-pypy311_pp73-manylinux_2_17_x86_64"
PYPY = replace(GLIBC, implementation="PyPy", soabi="pypy311-pp73", tags=(PYPY_TAG,))


def with_pip(version: str, passport: Passport, tags: slice) -> Passport:
    """Return the passport with a pip of that version, which accepts some of its tags."""
    return replace(passport, installer=f"pip {version}", tags=passport.tags[tags])


REFUSALS = {
    "a libc newer than the system's": (
        "cp311-cp311-manylinux_2_38_x86_64", GLIBC, Cause.TAG_REFUSED,
        "manylinux_2_38_x86_64 needs libc 2.38 or later",
    ),
    "a tag newer than the installer": (
        "cp311-cp311-musllinux_1_2_x86_64", with_pip("20.3.4", MUSL, slice(1, None)),
        Cause.TAG_REFUSED, "Upgrade the installer: pip 21.2",
    ),
    "manylinux2014 before pip 19.3": (
        "cp311-cp311-manylinux2014_x86_64", with_pip("19.2", GLIBC, slice(2, 3)),
        Cause.TAG_REFUSED, "pip 19.3",
    ),
    "manylinux_2_x before pip 20.3": (
        "cp311-cp311-manylinux_2_17_x86_64", with_pip("20.2.4", GLIBC, slice(2, 3)),
        Cause.TAG_REFUSED, "pip 20.3",
    ),
    "glibc's tag on musl": (
        "cp311-cp311-manylinux_2_17_x86_64", MUSL, Cause.TAG_REFUSED, "for glibc, and this is not",
    ),
    "musl's tag on glibc": (
        "cp311-cp311-musllinux_1_2_x86_64", GLIBC, Cause.TAG_REFUSED, "for musl, and this is not",
    ),
    "another arch's tag": (
        "cp311-cp311-manylinux_2_17_s390x", GLIBC, Cause.TAG_REFUSED, "for s390x",
    ),
    "a newer Python": (
        "cp312-cp312-manylinux_2_17_x86_64", GLIBC, Cause.PYTHON_TOO_OLD,
        "needs Python 3.12, this is 3.11",
    ),
    "a newer floor of the stable ABI": (
        "cp312-abi3-manylinux_2_17_x86_64", GLIBC, Cause.PYTHON_TOO_OLD, "needs Python 3.12",
    ),
    "an older Python": (
        "cp39-cp39-manylinux_2_17_x86_64", GLIBC, Cause.PYTHON_TOO_NEW, "is for Python 3.9",
    ),
    "the free-threaded ABI": (
        "cp311-cp311t-manylinux_2_17_x86_64", GLIBC, Cause.FREE_THREADED, "built with the GIL",
    ),
    "PyPy's ABI": (
        PYPY_TAG, GLIBC, Cause.OTHER_IMPLEMENTATION, "is for PyPy, and this is CPython",
    ),
    "the stable ABI on PyPy": (
        "cp39-abi3-manylinux_2_17_x86_64", PYPY, Cause.OTHER_IMPLEMENTATION,
        "is for CPython, and this is PyPy",
    ),
    "the stable ABI on a free-threaded build": (
        "cp311-abi3-manylinux_2_17_x86_64", FREE_THREADED, Cause.FREE_THREADED,
        "built free-threaded",
    ),
}  # fmt: skip
"""Name → tags of the wheel, target, cause, and a part of the explanation or the remedy."""


@pytest.mark.parametrize(("tags", "passport", "cause", "says"), REFUSALS.values(), ids=REFUSALS)
def test_refusal(tags: str, passport: Passport, cause: Cause, says: str) -> None:
    """The installer refuses it, with the expected cause and a remedy."""
    facts = wheel({"demo/_inner.so": elf()}, filename=f"demo-1.0-{tags}.whl")
    predicted = predict(facts, passport, symbols, imports=("demo",))
    assert (predicted.outcome, predicted.cause) == (Outcome.REFUSED, cause), predicted
    words = (predicted.evidence, predicted.explanation, predicted.remedy, predicted.reference)
    assert any(says in text for text in words)
    assert all(words[:2])
    assert predicted.reference.startswith("https://")
