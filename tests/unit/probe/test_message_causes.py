"""Messages as they were seen, of old and new releases, and the cause that each one shows."""

import pytest

from harness.core.causes import Cause
from harness.probe.message_causes import (
    INSTALLER,
    LOADERS,
    MODULES,
    PYTHON,
    find_message,
    modules_not_found,
    says_unloadable,
)

LOADED = {
    "/lib/x86_64-linux-gnu/libc.so.6: version `GLIBC_2.34' not found (required by /s/x.so)": (
        Cause.LIBC_TOO_OLD
    ),
    "/lib/libc.so.6: version 'GLIBC_2.43' not found (required by /s/x.so)": Cause.LIBC_TOO_OLD,
    "/lib/libstdc++.so.6: version `GLIBCXX_3.4.32' not found (required by /s/x.so)": (
        Cause.LIBRARY_TOO_OLD
    ),
    "/s/x.so: symbol __finite, version GLIBC_2.15 not defined in file libm.so.6 with link time "
    "reference": Cause.UNDEFINED_SYMBOL,
    "/s/x.so: undefined symbol: PyType_GetModule": Cause.UNDEFINED_SYMBOL,
    "/s/x.so: undefined symbol: foo, version GLIBC_2.2.5": Cause.UNDEFINED_SYMBOL,
    "/s/x.so: cannot allocate memory in static TLS block": Cause.STATIC_TLS,
    "dlopen: cannot load any more object with static TLS": Cause.STATIC_TLS,
    "libx.so: cannot enable executable stack as shared object requires: Invalid argument": (
        Cause.EXEC_STACK
    ),
    "/s/x.so: ELF load command alignment not page-aligned": Cause.PAGE_SIZE,
    "/s/x.so: ELF load command address/offset not page-aligned": Cause.PAGE_SIZE,
    "/s/x.so: ELF load command address/offset not properly aligned": Cause.PAGE_SIZE,
    "/s/x.so: wrong ELF class: ELFCLASS32": Cause.WRONG_MACHINE,
    "/s/x.so: ELF file data encoding not little-endian": Cause.WRONG_MACHINE,
    "/s/x.so: invalid ELF header": Cause.UNREADABLE,
    "/s/x.so: file too short": Cause.UNREADABLE,
    "/s/x.so: object file has no dynamic section": Cause.UNREADABLE,
    "/s/x.so: CPU ISA level is lower than required": Cause.CPU_BASELINE,
    "/s/x.so: DT_RELR without GLIBC_ABI_DT_RELR dependency": Cause.PACKED_RELOCATIONS,
    "libGL.so.1: cannot open shared object file: No such file or directory": (
        Cause.MISSING_LIBRARY
    ),
    "Error relocating /s/_core.so: _ZN1x: initial-exec TLS resolves to dynamic definition in "
    "/s/_core.so": Cause.STATIC_TLS,
    "Error relocating /s/x.so: __memcpy_chk: symbol not found": Cause.UNDEFINED_SYMBOL,
    "Error relocating /s/x.so: unsupported relocation type 1032": Cause.WRONG_MACHINE,
    "Error loading shared library /s/x.so: Exec format error": Cause.UNREADABLE,
    "Error loading shared library libgomp.so.1: No such file or directory (needed by /s/x.so)": (
        Cause.MISSING_LIBRARY
    ),
    "dynamic module does not define module export function (PyInit_x)": Cause.NO_INIT_FUNCTION,
    "dynamic module does not define init function (PyInit_x)": Cause.NO_INIT_FUNCTION,
    "Python version mismatch: module was compiled for Python 3.10, but the interpreter version "
    "is incompatible: 3.11.2": Cause.ABI_MISMATCH,
}
RAISED = {
    "RuntimeError: module compiled against ABI version 0x1000009 but this version of numpy is "
    "0x2000000": Cause.ABI_MISMATCH,
    "ValueError: numpy.dtype size changed, may indicate binary incompatibility": (
        Cause.ABI_MISMATCH
    ),
    "RuntimeError: NumPy was built with baseline optimizations: (SSE4_2) but your machine "
    "doesn't support": Cause.CPU_BASELINE,
}
TOLD = {
    "ImportError: numpy.core.multiarray failed to import": Cause.ABI_MISMATCH,
    "ImportError: bad magic number in 'demo': b'a\\r\\r\\n'": Cause.BYTECODE,
    "RuntimeError: precompiled wasmtime binary not found at `/s/wasmtime/_libwasmtime.so`": (
        Cause.MISSING_LIBRARY
    ),
    "<jemalloc>: Unsupported system page size": Cause.PAGE_SIZE,
    "OSError: libX11.so.6: cannot open shared object file: No such file": Cause.MISSING_LIBRARY,
}
INSTALLED = {
    "Package 'x' requires a different Python: 3.9.2 not in '>=3.12'": Cause.REQUIRES_PYTHON,
    "Requested omegaconf==2.0.6 from file:///x.whl has invalid metadata: .* suffix": (
        Cause.INVALID_METADATA
    ),
    "zipfile.BadZipFile: Bad CRC-32 for file 'x/y.so'": Cause.CORRUPT_MEMBER,
    "zlib.error: Error -3 while decompressing data: invalid stored block lengths": (
        Cause.CORRUPT_MEMBER
    ),
    "demo has an invalid wheel, .dist-info directory not found": Cause.MALFORMED_WHEEL,
    "Wheel 'x' located at /x.whl is invalid.": Cause.MALFORMED_WHEEL,
}


@pytest.mark.parametrize("message", LOADED)
def test_import_error(message: str) -> None:
    """It shows a cause, and that a file cannot be loaded."""
    text = f"ImportError: {message}"
    found = find_message(text, LOADERS + PYTHON)
    assert found is not None
    assert found[0].cause == LOADED[message]
    assert says_unloadable(text)


@pytest.mark.parametrize("message", RAISED)
def test_other_error_of_a_module_that_does_not_fit(message: str) -> None:
    found = find_message(message, LOADERS + PYTHON)
    assert found is not None
    assert found[0].cause == RAISED[message]
    assert says_unloadable(message)


@pytest.mark.parametrize("message", TOLD)
def test_message_of_python_code(message: str) -> None:
    """It shows a cause, and not that the imported file cannot be loaded."""
    found = find_message(message, LOADERS + PYTHON)
    assert found is not None
    assert found[0].cause == TOLD[message]
    assert not says_unloadable(message)


@pytest.mark.parametrize("message", INSTALLED)
def test_installer(message: str) -> None:
    found = find_message(f"ERROR: {message}", INSTALLER)
    assert found is not None
    assert found[0].cause == INSTALLED[message]


@pytest.mark.parametrize(
    ("text", "modules"),
    [
        ("ModuleNotFoundError: No module named 'numpy'", ["numpy"]),
        ("ModuleNotFoundError: No module named 'a.b'; 'a' is not a package", ["a.b"]),
        ("ImportError: No module named numpy", ["numpy"]),
        ("ImportError: cannot import name '_x' from 'a.b' (/s/a/b/__init__.py)", ["a.b._x"]),
        (
            "ImportError: cannot import name '_x' from partially initialized module 'a' (most",
            ["a._x"],
        ),
        ("- cannot import name 'pq' from 'p' (/s)\n- No module named 'c'", ["p.pq", "c"]),
        ("AttributeError: module 'a' has no attribute 'b'", []),
    ],
)
def test_modules_that_are_not_found(text: str, modules: list[str]) -> None:
    assert list(modules_not_found(text)) == modules
    assert not says_unloadable(text)


def test_every_row_has_a_message_and_a_source() -> None:
    """No row is there that none of the messages above needs."""
    texts = [*(f"ImportError: {text}" for text in LOADED), *RAISED, *TOLD]
    used = [find_message(text, LOADERS + PYTHON) for text in texts]
    used += [find_message(text, INSTALLER) for text in INSTALLED]
    rows = {row.pattern for row in LOADERS + PYTHON + INSTALLER}
    assert {found[0].pattern for found in used if found} == rows
    assert all(row.source for row in LOADERS + PYTHON + INSTALLER + MODULES)
