"""Wheels that break one rule of file names, metadata or members each."""

from dataclasses import replace

import pytest

from harness.core.causes import Cause
from harness.core.cells import Outcome
from harness.wheels.archive.elf import UnreadableElf
from harness.wheels.archive.python_sources import SourceFacts
from tests.support.forecasts import (
    BARE,
    BY_PACKAGE,
    GLIBC,
    GNU,
    MODULE,
    MUSL,
    MUSL_FILE,
    PURE_FILE,
    Case,
    elf,
    sourceless,
    wheel,
)

FAILURES = (
    Case(
        name="Requires-Python above",
        wheel=wheel(requires_python=">=3.12"),
        outcome=Outcome.INSTALL_FAILED,
        cause=Cause.PYTHON_TOO_OLD,
        says="Requires-Python >=3.12; this is 3.11.2",
    ),
    Case(
        name="Requires-Python below",
        wheel=wheel(requires_python="<3.11"),
        outcome=Outcome.INSTALL_FAILED,
        cause=Cause.PYTHON_TOO_NEW,
    ),
    Case(
        name="upstream's name on a distribution that reads musl names",
        wheel=wheel({MODULE: elf(needed=())}, filename=MUSL_FILE),
        passport=MUSL,
        cause=Cause.SUFFIX_MISMATCH,
        says="https://bugs.python.org/issue43112",
    ),
    Case(
        name="RPM's name of the arch",
        wheel=wheel({"demo/_inner.cpython-311-amd64-linux-gnu.so": elf()}),
        cause=Cause.SUFFIX_MISMATCH,
        says="Python_Upstream_Architecture_Names",
    ),
    Case(
        name="a stable-ABI name with a triplet",
        wheel=wheel({f"demo/_inner.abi3-{GNU}.so": elf()}),
        cause=Cause.SUFFIX_MISMATCH,
        says="setuptools/issues/5193",
    ),
    Case(
        name="a name of a version whose builds had flags",
        wheel=wheel({f"demo/_inner.cpython-37m-{GNU}.so": elf()}),
        cause=Cause.SUFFIX_MISMATCH,
        says="another version of CPython",
    ),
    Case(
        name="another version's name",
        wheel=wheel({f"demo/_inner.cpython-310-{GNU}.so": elf()}),
        cause=Cause.SUFFIX_MISMATCH,
        says="another version of CPython",
    ),
    Case(
        name="no extension module where one is imported",
        wheel=wheel({}),
        imports=("demo", "demo._inner"),
        cause=Cause.NO_EXTENSION,
        says="no native files",
    ),
    Case(
        name="a truncated file",
        wheel=wheel({MODULE: UnreadableElf(reason="it is cut short: 5 bytes of 90")}),
        cause=Cause.UNREADABLE,
        says="it is cut short",
    ),
    Case(
        name="a module without its init function",
        wheel=wheel({MODULE: elf(init="other")}, sources=BY_PACKAGE),
        cause=Cause.NO_INIT_FUNCTION,
        says="does not export PyInit__inner",
    ),
    Case(
        name="a file that starts no module where one is imported",
        wheel=wheel({MODULE: elf(init="other")}),
        imports=("demo", "demo._inner"),
        cause=Cause.NO_INIT_FUNCTION,
        says="does not export PyInit__inner",
    ),
    Case(
        name="a module that is a file of another format",
        wheel=wheel(
            {BARE: UnreadableElf(reason="it is a file of macOS (Mach-O)", foreign=True)},
            sources=BY_PACKAGE,
        ),
        cause=Cause.UNREADABLE,
        says="it is a file of macOS",
    ),
    Case(
        name="nothing to import",
        wheel=wheel({}, python_files=("demo/data.txt", "tests/test_demo.py")),
        imports=(),
        cause=Cause.NO_MODULE,
        says="--import",
    ),
    Case(
        name="a requirement that pip 24.1 refuses",
        wheel=wheel(requires_dist=("PyYAML (>=5.1.*)",)),
        passport=replace(GLIBC, installer="pip 24.1"),
        outcome=Outcome.INSTALL_FAILED,
        cause=Cause.INVALID_METADATA,
        says="PyYAML (>=5.1.*)",
    ),
    Case(
        name="a library for another platform in a wheel for all",
        wheel=wheel(
            {},
            filename="demo-1.0-py3-none-any.whl",
            sources=SourceFacts(lacks="_libdemo.so", instead="demo/win32/_demo.dll"),
        ),
        cause=Cause.MISSING_LIBRARY,
        says="_libdemo.so",
    ),
    Case(
        name="an extension module beside a folder of its stubs",
        wheel=wheel(
            {"demo/_rust.cpython-311-x86_64-linux-musl.so": elf(init="_rust")},
            python_files=("demo/__init__.py", "demo/_rust/stubs.pyi"),
        ),
        cause=Cause.SUFFIX_MISMATCH,
        says="demo._rust",
    ),
    Case(
        name="bytecode of another version without source",
        wheel=sourceless(3439),
        cause=Cause.BYTECODE,
        says="demo/__init__.pyc is bytecode of Python 3.10; this is 3.11",
    ),
    Case(
        name="a module that is bytecode of another version in a package with source",
        wheel=replace(
            wheel({}, filename=PURE_FILE, python_files=("demo/__init__.py", "demo/core.pyc")),
            bytecode=(("demo/core.pyc", 62211),),
        ),
        imports=("demo.core",),
        cause=Cause.BYTECODE,
        says="cp27-none-any",
    ),
)


@pytest.mark.parametrize("case", FAILURES, ids=lambda case: case.name)
def test_failure(case: Case) -> None:
    """It does not import, for the expected cause."""
    case.check()
