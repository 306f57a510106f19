"""Every dependency of a result changes its key, and nothing else does."""

from dataclasses import fields, replace
from typing import Any

import pytest

from harness.core.observations import ImageRef
from harness.core.own_tests import OwnTests
from harness.core.subjects import WheelRef
from harness.core.targets import ImageWay
from harness.host.engine import ContainerLimits
from harness.predict.inferred_imports import ImportPlan
from harness.predict.late_plan import LatePlan
from harness.probe.result_keys import (
    Environment,
    ProbeLimits,
    ResultDependencies,
    dependencies_of,
    environment_of,
    own_tests_key,
    passport_id,
)
from harness.wheels.provider import Refusal
from tests.support.forecasts import GLIBC
from tests.support.targets import debian_12

IMAGE = ImageRef(id="sha256:1", way=ImageWay.ASSEMBLED, origin="a recipe")
PLAN = ImportPlan(required=("demo",))
TESTS = OwnTests(command=("pytest",), sha256="1" * 64, archive="/one/tests.zip")
WHEEL = WheelRef(filename="demo-1-py3-none-any.whl", sha256="1" * 64, size=1, path="/one/demo.whl")
EMULATED = environment_of(debian_12(), IMAGE, "7.2.22", "6.1.0-26-amd64")


def _depends(
    environment: Environment = EMULATED, wheels: tuple[WheelRef, ...] = (WHEEL,)
) -> ResultDependencies:
    return dependencies_of(environment, wheels, PLAN, "", ProbeLimits())


@pytest.mark.parametrize("name", [field.name for field in fields(Environment)])
def test_every_field_of_the_environment_changes_the_key(name: str) -> None:
    """Environments that differ in one field have different keys."""
    other = replace(EMULATED, **{name: 65536 if name == "page_size" else "another"})  # type: ignore[arg-type]
    assert other.key != EMULATED.key
    assert _depends(other).key != _depends().key


CHANGES: dict[str, Any] = {
    "environment": replace(EMULATED, image="sha256:2"),
    "wheels": (("demo-1-py3-none-any.whl", "2" * 64),),
    "imports": ("demo", "demo._speedups"),
    "submodules": ("demo._inner",),
    "call": "demo.works()",
    "limits": ProbeLimits(own_pip=True),
    "late": LatePlan(programs=("bin/demo",)),
    "tests": own_tests_key(TESTS, ()),
    "compared": ("a72", False),
}


@pytest.mark.parametrize("name", [field.name for field in fields(ResultDependencies)])
def test_every_dependency_of_a_result_changes_the_key(name: str) -> None:
    """Dependencies that differ in one field have different keys."""
    assert replace(_depends(), **{name: CHANGES[name]}).key != _depends().key


@pytest.mark.parametrize(
    "limits",
    [
        ProbeLimits(timeout=1),
        ProbeLimits(quiet=1),
        ProbeLimits(container=ContainerLimits(memory=1 << 20)),
        ProbeLimits(own_pip=True),
    ],
)
def test_every_limit_changes_the_key(limits: ProbeLimits) -> None:
    """Results with different limits have different keys."""
    assert replace(_depends(), limits=limits).key != _depends().key


def test_key_has_names_bytes_and_order_of_wheels() -> None:
    """The path of a wheel does not matter."""
    renamed = replace(WHEEL, filename="demo-1-py39-none-any.whl")
    assert _depends(wheels=(replace(WHEEL, path="/elsewhere"),)).key == _depends().key
    keys = {_depends(wheels=w).key for w in ((WHEEL,), (renamed,), (WHEEL, renamed))}
    keys.add(_depends(wheels=(renamed, WHEEL)).key)
    assert len(keys) == 4


def test_patch_releases_of_a_kernel_share_results() -> None:
    """Only ``major.minor`` is in the key; the full release is recorded with the result."""
    keys = {
        environment_of(debian_12(), IMAGE, "7.2.22", kernel).key
        for kernel in ("6.1.0-26-amd64", "6.1.155", "6.1.9+rpt")
    }
    assert len(keys) == 1
    assert environment_of(debian_12(), IMAGE, "7.2.22", "6.12.1").key not in keys


def test_cpu_features_are_in_the_key_only_without_emulation() -> None:
    """An emulated CPU does not depend on the host's CPU."""
    native = environment_of(debian_12(), IMAGE, "", "6.1.0")
    assert EMULATED.cpu_features == ""
    assert native.cpu_features != ""
    assert native.cpu_model == ""


def test_passport_id_is_a_content_address() -> None:
    """Equal passports have the same id."""
    assert passport_id(GLIBC) == passport_id(replace(GLIBC))
    assert passport_id(GLIBC) != passport_id(replace(GLIBC, page_size=65536))


@pytest.mark.parametrize(
    ("tests", "wheels"),
    [
        (replace(TESTS, command=("pytest", "-q")), ()),
        (replace(TESTS, sha256="2" * 64), ()),
        (replace(TESTS, timeout=1), ()),
        (TESTS, (WHEEL,)),
        (TESTS, Refusal(reason="no wheel of x")),
    ],
)
def test_everything_of_tests_changes_the_key(
    tests: OwnTests, wheels: tuple[WheelRef, ...] | Refusal
) -> None:
    """Command, files, time limit and what is installed for them, or why it cannot be."""
    before = replace(_depends(), tests=own_tests_key(TESTS, ()))
    assert replace(_depends(), tests=own_tests_key(tests, wheels)).key != before.key


def test_place_of_tests_is_not_in_the_key() -> None:
    """The same files in another cache give the same result."""
    moved = replace(TESTS, archive="/two/tests.zip", requires=("pytest",))
    assert own_tests_key(moved, (WHEEL,)) == own_tests_key(TESTS, (WHEEL,))
    assert own_tests_key(None, ()) is None
