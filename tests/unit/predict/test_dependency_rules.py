"""A dependency that fails where a wheel imports it."""

from dataclasses import replace

import pytest

from harness.core.causes import Cause
from harness.core.cells import Outcome, Stage
from harness.core.observations import Observation, Prediction
from harness.core.wheel_findings import FindingCode, FindingList
from harness.predict.dependency_rules import predict_dependencies
from harness.predict.limits import limit_of
from harness.wheels.archive.contents import NativeMember, WheelFacts
from harness.wheels.archive.python_sources import SourceFacts
from tests.support.forecasts import GLIBC, GNU, MUSL_SUFFIX, elf, symbols, wheel

PURE = "demo-1.0-py3-none-any.whl"
NATIVE = "helper-2.0-cp311-cp311-manylinux_2_17_x86_64.whl"


def demo(*imports: str) -> WheelFacts:
    """Return a pure wheel whose package imports these modules in any case."""
    return wheel({}, filename=PURE, sources=SourceFacts(imports={"demo": imports}))


def helper(
    name: str = "_core", sources: SourceFacts | None = None, suffix: str = MUSL_SUFFIX
) -> WheelFacts:
    """Return a dependency whose extension module has a suffix that is not read here."""
    return wheel(
        {f"helper/{name}{suffix}": elf(init=name)},
        filename=NATIVE,
        python_files=("helper/__init__.py",),
        sources=sources,
    )


def failure(wheel: WheelFacts, *dependencies: WheelFacts) -> Prediction | None:
    return predict_dependencies(wheel, (), dependencies, GLIBC, symbols)


def test_failing_dependency_is_named() -> None:
    """With the file and the cause of its own."""
    found = failure(demo("helper"), helper())
    assert found is not None
    assert (found.outcome, found.cause) == (Outcome.IMPORT_FAILED, Cause.SUFFIX_MISMATCH)
    assert found.evidence.startswith(f"dependency helper 2.0: _core{MUSL_SUFFIX}; the interpreter")
    assert found.explanation.startswith("demo 1.0 imports helper 2.0, a dependency. The wheel has")
    assert found.file == f"helper/_core{MUSL_SUFFIX}"


def test_only_what_is_imported_in_any_case_fails() -> None:
    assert failure(demo("other"), helper()) is None
    assert failure(demo("helper"), helper(suffix=f".cpython-311-{GNU}.so")) is None


def test_dependency_of_a_dependency_fails() -> None:
    between = wheel(
        {},
        filename="between-1.0-py3-none-any.whl",
        python_files=("between/__init__.py", "between/part.py"),
        sources=SourceFacts(imports={"between": ("helper",)}),
    )
    assert failure(demo("between"), between, helper())
    assert failure(demo(), between, helper()) is None


def test_modules_of_cffi_import_its_backend() -> None:
    """Their C code does, which no Python file says."""
    module = NativeMember(
        name="demo/_ffi.abi3.so", size=1, elf=elf(init="_ffi"), imports=("_cffi_backend",)
    )
    generated = replace(wheel({module.name: elf(init="_ffi")}), native=(module,))
    backend = wheel(
        {f"_cffi_backend{MUSL_SUFFIX}": elf(init="_cffi_backend")},
        filename=NATIVE.replace("helper", "cffi"),
        python_files=("cffi/__init__.py",),
    )
    found = failure(generated, backend)
    assert found is not None
    assert found.evidence.startswith(f"dependency cffi 2.0: _cffi_backend{MUSL_SUFFIX}; the")


def test_module_with_a_substitute_does_not_fail() -> None:
    """It is guarded, or the import does not load it."""
    assert (
        failure(demo("helper"), helper(sources=SourceFacts(guarded=frozenset({"helper._core"}))))
        is None
    )
    two = wheel(
        {
            f"helper/_a.cpython-311-{GNU}.so": elf(init="_a"),
            f"helper/_b{MUSL_SUFFIX}": elf(init="_b"),
        },
        filename=NATIVE,
        python_files=("helper/__init__.py",),
        sources=SourceFacts(imports={"helper": ("helper._a",)}),
    )
    assert failure(demo("helper"), two) is None
    assert failure(demo("helper", "helper._b"), two)


def test_dependency_that_does_not_install() -> None:
    """Whether it is imported or not."""
    defects = FindingList()
    defects.add(FindingCode.CORRUPT_MEMBER, "x", "bad")
    found = failure(demo(), replace(helper(), findings=defects.found()))
    assert found is not None
    assert found.outcome is Outcome.INSTALL_FAILED
    assert found.evidence.startswith("dependency helper 2.0: ")


def test_package_that_does_without_is_a_known_limit() -> None:
    found = failure(demo("helper"), helper())
    seen = Observation(cell="x", outcome=Outcome.PASS, stage=Stage.CALL, prediction=found)
    limit = limit_of(seen, ())
    assert limit is not None
    assert limit.id == "dependencies"


@pytest.mark.parametrize(
    ("abi", "header", "fails"),
    [
        (1, "numpy/_core/include/numpy/arrayobject.h", True),
        (1, "numpy/core/include/numpy/arrayobject.h", False),
        (2, "numpy/_core/include/numpy/arrayobject.h", False),
        (0, "numpy/_core/include/numpy/arrayobject.h", False),
    ],
)
def test_module_that_was_compiled_for_another_numpy(abi: int, header: str, fails: bool) -> None:
    """One of NumPy 2 runs with both (https://numpy.org/doc/stable/dev/depending_on_numpy.html)."""
    one = helper(suffix=f".cpython-311-{GNU}.so")
    one = replace(one, native=tuple(replace(native, array_abi=abi) for native in one.native))
    arrays = wheel({}, filename="numpy-2.0-py3-none-any.whl", python_files=(header,))
    found = failure(one, arrays)
    assert (found is not None) == fails
    if found:
        assert (found.outcome, found.cause) == (Outcome.IMPORT_FAILED, Cause.ABI_MISMATCH)
        assert found.evidence == "it is compiled for the C API of NumPy 1; beside it is numpy 2.0"
    guarded = replace(one, sources=SourceFacts(guarded=frozenset({"helper._core"})))
    assert failure(guarded, arrays) is None
