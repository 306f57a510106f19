"""A wheel that imports what no installed wheel has."""

from dataclasses import replace

import pytest

from harness.core.causes import Cause
from harness.core.cells import Outcome
from harness.core.subjects import WheelRef
from harness.predict.cell import Beside, beside_of
from harness.predict.undeclared_rules import predict_undeclared
from harness.wheels.archive.contents import WheelFacts
from harness.wheels.archive.python_sources import SourceFacts
from harness.wheels.facts_reader import MOST_DEPENDENCY
from tests.support.forecasts import wheel
from tests.support.passports import make_passport

PASSPORT = make_passport(lacks=("_sqlite3", "tkinter", "winreg"))
HELPER = "helper-1.0-py3-none-any.whl"


def demo(*imports: str, files: tuple[str, ...] = ("demo/__init__.py",)) -> WheelFacts:
    """Return a wheel whose package imports these modules in any case."""
    sources = SourceFacts(imports={"demo": imports})
    return wheel({}, filename="demo-1.0-py3-none-any.whl", python_files=files, sources=sources)


def missing(
    facts: WheelFacts, *dependencies: WheelFacts, imports: tuple[str, ...] = ()
) -> str | None:
    found = predict_undeclared(facts, imports, dependencies, PASSPORT)
    return found.evidence if found else None


def test_module_of_no_installed_wheel_is_missing() -> None:
    found = predict_undeclared(demo("os", "helper.part", "click"), (), (), PASSPORT)
    assert found is not None
    assert (found.outcome, found.cause) == (Outcome.IMPORT_FAILED, Cause.MISSING_DEPENDENCY)
    assert found.evidence == "No module named 'helper'"
    assert "The import of demo imports helper in any case. Neither demo-1.0-py" in found.explanation


@pytest.mark.parametrize(
    "files",
    [("helper/__init__.py",), ("helper.py",), ("helper/deep/part.py",), ("helper.abi3.so",)],
)
def test_module_package_or_namespace_of_a_dependency_is_there(files: tuple[str, ...]) -> None:
    helper = wheel({}, filename=HELPER, python_files=files)
    assert missing(demo("helper.part"), helper) is None
    assert missing(demo("helper.part", "other"), helper) == "No module named 'other'"


@pytest.mark.parametrize("module", ["ssl", "distutils", "zoneinfo", "setuptools"])
def test_modules_of_python_and_installers_are_not_missing(module: str) -> None:
    """Whether an image has them is not known, or it has."""
    assert missing(demo(module)) is None


def test_module_of_an_installer_that_the_image_lacks() -> None:
    bare = make_passport(lacks=("pkg_resources",))
    found = predict_undeclared(demo("setuptools", "pkg_resources"), (), (), bare)
    assert found is not None
    assert found.cause == Cause.MISSING_DEPENDENCY
    assert found.evidence == "No module named 'pkg_resources'"


@pytest.mark.parametrize(
    ("module", "lacking"),
    [("tkinter", "tkinter"), ("tkinter.messagebox", "tkinter"), ("sqlite3", "_sqlite3")],
)
def test_module_of_python_that_the_interpreter_lacks(module: str, lacking: str) -> None:
    found = predict_undeclared(demo("os", module, "other"), (), (), PASSPORT)
    assert found is not None
    assert (found.outcome, found.cause) == (Outcome.IMPORT_FAILED, Cause.INCOMPLETE_PYTHON)
    assert found.evidence == f"No module named '{lacking}'"
    assert "nor this CPython 3.11.2, has that module." in found.explanation
    assert predict_undeclared(demo(module), (), (), make_passport()) is None
    brings = wheel({}, filename=HELPER, python_files=(f"{module.partition('.')[0]}.py",))
    assert missing(demo(module), brings) is None


@pytest.mark.parametrize(
    ("module", "python", "cause"),
    [
        ("urllib2", "3.9.2", Cause.PYTHON_TOO_NEW),
        ("imp", "3.11.9", None),
        ("imp", "3.12.0", Cause.PYTHON_TOO_NEW),
        ("cgi", "3.12.9", None),
        ("cgi", "3.13.0", Cause.PYTHON_TOO_NEW),
        ("parser", "3.10.0", Cause.PYTHON_TOO_NEW),
        ("tomllib", "3.10.9", Cause.PYTHON_TOO_OLD),
        ("tomllib", "3.11.0", None),
        ("dataclasses", "3.6.8", Cause.PYTHON_TOO_OLD),
    ],
)
def test_module_of_other_versions_of_python(module: str, python: str, cause: Cause | None) -> None:
    """A project that has it, such as ``standard-imghdr``, brings it back."""
    there = make_passport(python=python)
    found = predict_undeclared(demo("os", module), (), (), there)
    assert (found.cause if found else None) == cause
    assert predict_undeclared(demo(f"{module}.part"), (), (), there) == found
    brings = wheel({}, filename=HELPER, python_files=(f"{module}.py",))
    assert predict_undeclared(demo(module), (), (brings,), there) is None


def test_setuptools_brings_distutils_back() -> None:
    brings = wheel({}, filename=HELPER, python_files=("setuptools/__init__.py",))
    bare = make_passport(python="3.13.5", lacks=("setuptools",))
    found = predict_undeclared(demo("distutils.core"), (), (), bare)
    assert found is not None
    assert found.cause == Cause.PYTHON_TOO_NEW
    assert "Python 3.13 is later than the last one that has distutils." in found.explanation
    assert predict_undeclared(demo("distutils.core"), (), (brings,), bare) is None
    assert predict_undeclared(demo("distutils"), (), (), make_passport(python="3.13.5")) is None


def test_path_file_may_add_modules_but_a_namespace_declaration_does_not() -> None:
    for name, expected in (("demo.pth", None), ("demo-1.0-nspkg.pth", "No module named 'other'")):
        facts = demo("other", files=("demo/__init__.py", name))
        assert missing(facts) == expected


def test_path_file_of_setuptools_adds_nothing_unless_it_is_the_wheel_itself() -> None:
    """The wheel of setuptools has other projects in a folder that its code adds to the path."""
    brings = wheel({}, filename=HELPER, python_files=("distutils-precedence.pth",))
    assert missing(demo("other"), brings) == "No module named 'other'"
    assert missing(demo("other", files=("demo/__init__.py", "distutils-precedence.pth"))) is None


@pytest.mark.parametrize(
    ("filename", "cause"),
    [
        ("demo-1.0-py3-none-any.whl", Cause.NO_MODULE),
        ("demo-1.0-cp311-cp311-manylinux_2_17_x86_64.whl", Cause.NO_EXTENSION),
    ],
)
def test_module_of_its_own_package_that_no_wheel_has(filename: str, cause: Cause) -> None:
    """Another wheel may bring modules of the package, as that of PyQt5 does."""
    facts = wheel(
        {},
        filename=filename,
        python_files=("demo/__init__.py",),
        sources=SourceFacts(absent={"demo": "demo._core"}),
    )
    found = predict_undeclared(facts, (), (), PASSPORT)
    assert found is not None
    assert (found.outcome, found.cause) == (Outcome.IMPORT_FAILED, cause)
    assert found.evidence == "No module named 'demo._core'"
    for file in ("demo/_core.abi3.so", "demo/_core/part.py"):
        assert missing(facts, wheel({}, filename=HELPER, python_files=(file,))) is None


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("Other_Project>=2", None),
        ('other; python_version < "4"', None),
        ('third; sys_platform == "win32"', "No module named 'other'"),
        ('other; extra == "more"', "No module named 'other'"),
        ("helper", "No module named 'other'"),
    ],
)
def test_requirement_that_is_not_installed_may_have_the_module(
    line: str, expected: str | None
) -> None:
    """A dependency without a wheel for the target is left out of predictions."""
    facts = replace(demo("other"), requires_dist=(line,))
    assert missing(facts, wheel({}, filename=HELPER)) == expected


def test_only_what_must_import_counts() -> None:
    facts = demo("other", files=("demo/__init__.py", "second/__init__.py"))
    assert missing(facts, imports=("second",)) is None
    assert missing(facts, imports=("demo.part",)) == "No module named 'other'"


def test_dependencies_are_all_only_where_none_is_left_out() -> None:
    small, large = (
        WheelRef(filename=HELPER, sha256=digit * 64, size=size, path="")
        for digit, size in (("a", 1), ("b", MOST_DEPENDENCY + 1))
    )
    assert beside_of([small], resolved=True) == Beside(wheels=(small,), closed=True)
    assert beside_of([small, large], resolved=True) == Beside(wheels=(small,), closed=False)
    assert beside_of([small], resolved=False) == Beside()
