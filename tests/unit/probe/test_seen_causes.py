"""The cause of an observation, from its message and from what the wheel has."""

from dataclasses import replace

import pytest

from harness.core.causes import Cause
from harness.core.cells import Outcome, Stage
from harness.core.observations import ImageRef, Observation, Prediction, Provenance
from harness.core.passport import Passport
from harness.core.targets import ImageWay
from harness.predict.module_rules import NOTHING, predict_nothing
from harness.probe.seen_causes import explained, seen_cause
from harness.wheels.archive.contents import WheelFacts
from harness.wheels.archive.elf import UnreadableElf
from tests.support.forecasts import FILENAME, GLIBC, MODULE, MUSL, elf, wheel

MISSING = "ModuleNotFoundError: No module named"
TKINTER = f"{MISSING} 'Tkinter' (from {MISSING} 'tkinter')"
TOMLI = f"{MISSING} 'tomli' (from {MISSING} 'tomllib')"
PLACE = f"/tmp/cell/lib/python3/site-packages/{MODULE}"
ABI3 = "demo-1.0-cp38-abi3-manylinux_2_17_x86_64.whl"
PURE = "demo-1.0-py3-none-any.whl"
OTHER_NAME = "demo/_inner.cpython-311-x86_64-linux-musl.so"
NEW, OLD = (replace(GLIBC, python=python) for python in ("3.13.1", "3.9.2"))
IMPORT = Observation(cell="a/b/c", outcome=Outcome.IMPORT_FAILED, stage=Stage.IMPORT)
INSTALL = replace(IMPORT, outcome=Outcome.INSTALL_FAILED, stage=Stage.INSTALL)
CRASH = replace(IMPORT, outcome=Outcome.CRASHED)
CANNOT_OPEN = f"ImportError: {PLACE}: cannot open shared object file: No such file or directory"


@pytest.mark.parametrize(
    ("text", "facts", "passport", "cause"),
    [
        (
            "ImportError: libx.so.1: cannot open shared object file",
            wheel(),
            GLIBC,
            Cause.MISSING_LIBRARY,
        ),
        (CANNOT_OPEN, wheel({MODULE: elf(machine="0")}), GLIBC, Cause.WRONG_MACHINE),
        (CANNOT_OPEN, wheel(), GLIBC, Cause.MISSING_LIBRARY),
        (
            "ImportError: libc.musl-x86_64.so.1: cannot open shared object file",
            wheel(),
            GLIBC,
            Cause.LIBC_FAMILY,
        ),
        ("ImportError: libc.so: cannot open shared object file", wheel(), GLIBC, Cause.LIBC_FAMILY),
        (
            "ImportError: Error loading shared library ld-linux-x86-64.so.2: No such file or",
            wheel(),
            MUSL,
            Cause.LIBC_FAMILY,
        ),
        (
            f"ImportError: Error loading shared library {PLACE}: Exec format error",
            wheel({MODULE: elf(little=False)}),
            MUSL,
            Cause.WRONG_MACHINE,
        ),
        (
            f"ImportError: Error loading shared library {PLACE}: Exec format error",
            wheel({MODULE: UnreadableElf(reason="cut short")}),
            MUSL,
            Cause.UNREADABLE,
        ),
        (
            f"ImportError: {PLACE}: undefined symbol: nowhere",
            wheel(),
            GLIBC,
            Cause.UNDEFINED_SYMBOL,
        ),
        (
            f"ImportError: {PLACE}: undefined symbol: PyType_X",
            wheel({"demo/_inner.abi3.so": elf()}, filename=ABI3),
            GLIBC,
            Cause.UNDEFINED_SYMBOL,
        ),
        (
            f"ImportError: Error relocating {PLACE}: __memcpy_chk: symbol not found",
            wheel(),
            MUSL,
            Cause.LIBC_FAMILY,
        ),
        (
            f"ImportError: Error relocating {PLACE}: foo: symbol not found",
            wheel({MODULE: elf(needed=())}),
            MUSL,
            Cause.UNDEFINED_SYMBOL,
        ),
        (
            "ModuleNotFoundError: No module named 'demo._inner'",
            wheel({OTHER_NAME: elf()}),
            GLIBC,
            Cause.SUFFIX_MISMATCH,
        ),
        (
            "ImportError: cannot import name '_inner' from partially initialized module 'demo' (x)",
            wheel({OTHER_NAME: elf()}),
            GLIBC,
            Cause.SUFFIX_MISMATCH,
        ),
        (
            "ImportError: no:\n- No module named 'c'\n- cannot import name '_inner' from 'demo'",
            wheel({OTHER_NAME: elf()}),
            GLIBC,
            Cause.SUFFIX_MISMATCH,
        ),
        ("ModuleNotFoundError: No module named 'demo._x'", wheel(), GLIBC, Cause.NO_EXTENSION),
        (
            "ModuleNotFoundError: No module named 'demo._x'",
            wheel({}, filename=PURE),
            GLIBC,
            Cause.NO_MODULE,
        ),
        ("ModuleNotFoundError: No module named 'demo'", wheel(), GLIBC, ""),
        ("ModuleNotFoundError: No module named 'yaml'", wheel(), GLIBC, Cause.MISSING_DEPENDENCY),
        ("ModuleNotFoundError: No module named 'yaml'", None, GLIBC, Cause.MISSING_DEPENDENCY),
        ("ModuleNotFoundError: No module named 'imp'", wheel(), NEW, Cause.PYTHON_TOO_NEW),
        ("ModuleNotFoundError: No module named 'imp'", wheel(), GLIBC, Cause.INCOMPLETE_PYTHON),
        ("ModuleNotFoundError: No module named 'tomllib'", wheel(), OLD, Cause.PYTHON_TOO_OLD),
        ("ModuleNotFoundError: No module named '_sqlite3'", wheel(), OLD, Cause.INCOMPLETE_PYTHON),
        ("ModuleNotFoundError: No module named 'urllib2'", wheel(), OLD, Cause.PYTHON_TOO_NEW),
        (TKINTER, wheel(), NEW, Cause.INCOMPLETE_PYTHON),
        ("OSError: PortAudio library not found", wheel(), GLIBC, Cause.MISSING_LIBRARY),
        ("ImportError: Unable to find zbar shared library", wheel(), GLIBC, Cause.MISSING_LIBRARY),
        ("ImportError: failed to find libmagic.  Check it", wheel(), GLIBC, Cause.MISSING_LIBRARY),
        (
            "ImportError: The 'enchant' C library was not found",
            wheel(),
            GLIBC,
            Cause.MISSING_LIBRARY,
        ),
        ("ImportError: the yaml library was not found", wheel(), GLIBC, ""),
        (
            f"ImportError: C library not found (from {MISSING} 'yaml')",
            wheel(),
            GLIBC,
            Cause.MISSING_DEPENDENCY,
        ),
        (TOMLI, wheel(), OLD, Cause.MISSING_DEPENDENCY),
        ("ModuleNotFoundError: No module named 'a.b'", wheel(), GLIBC, Cause.MISSING_DEPENDENCY),
        ("ImportError: cannot import name 'b' from 'a' (/s)", wheel(), GLIBC, ""),
        ("ImportError: cannot import name 'windll' from 'ctypes' (/usr)", wheel(), GLIBC, ""),
        ("AttributeError: x", wheel(), GLIBC, ""),
        (NOTHING, wheel({}), GLIBC, Cause.NO_MODULE),
        (f"{NOTHING}: it is empty", wheel({}), GLIBC, Cause.NO_MODULE),
    ],
)
def test_failed_import(text: str, facts: WheelFacts | None, passport: Passport, cause: str) -> None:
    assert seen_cause(replace(IMPORT, evidence=text), facts, passport) == cause


@pytest.mark.parametrize(
    ("seen", "cause"),
    [
        (replace(INSTALL, evidence="requires a different Python: 3.9.2 not in '>=3.12'"),
         Cause.PYTHON_TOO_OLD),
        (replace(INSTALL, evidence="requires a different Python: 3.13.0 not in '<3.12'"),
         Cause.PYTHON_TOO_NEW),
        (replace(INSTALL, log="zipfile.BadZipFile: Bad CRC-32 for file 'x'"), Cause.CORRUPT_MEMBER),
        (replace(INSTALL, log="Segmentation fault"), ""),
        (replace(CRASH, cause=Cause.SIGNAL), Cause.SIGNAL),
        (replace(CRASH, log="<jemalloc>: Unsupported system page size"), Cause.PAGE_SIZE),
        (replace(CRASH, cause=Cause.MEMORY_LIMIT), Cause.MEMORY_LIMIT),
        (replace(IMPORT, cause=Cause.ENDLESS_OUTPUT), Cause.ENDLESS_OUTPUT),
        (replace(IMPORT, outcome=Outcome.PASS, evidence="No module named 'x'"), ""),
        (replace(IMPORT, outcome=Outcome.REFUSED, cause=Cause.TAG_REFUSED), Cause.TAG_REFUSED),
        (replace(IMPORT, outcome=Outcome.MISS, cause=Cause.ENGINE), Cause.ENGINE),
    ],
)  # fmt: skip
def test_other_outcomes(seen: Observation, cause: str) -> None:
    """The end of a process shows its cause; an installer's message may be in its log."""
    assert seen_cause(seen, wheel(filename=FILENAME), GLIBC) == cause


def test_prediction_gives_no_cause() -> None:
    """A predicted cause is kept beside what was seen, and never becomes it."""
    said = Prediction(
        outcome=Outcome.IMPORT_FAILED, stage=Stage.IMPORT, cause=Cause.UNDEFINED_SYMBOL
    )
    text = (
        "ImportError: Error relocating /s/x.so: y: initial-exec TLS resolves to dynamic definition"
    )
    known = explained(replace(IMPORT, evidence=text), said, wheel(), MUSL)
    unknown = explained(replace(IMPORT, evidence="ImportError: hm"), said, wheel(), MUSL)
    assert (known.cause, unknown.cause, known.prediction) == (Cause.STATIC_TLS, "", said)


@pytest.mark.parametrize(
    ("files", "requires", "says", "remedy"),
    [
        (("demo-stubs/__init__.pyi",), ("numpy",), "it has type stubs", "only type checkers"),
        (("demo-1.0.data/scripts/demo",), (), "it has scripts", "Build it with"),
        (("demo-1.0.dist-info/METADATA",), ("a",), "it only requires other projects", "--expect"),
        (("demo-1.0.dist-info/METADATA",), (), "it is empty", "Build it with"),
        (("demo/data.txt",), ("path",), "imported", "Build it with"),
    ],
)
def test_what_a_wheel_without_modules_has(
    files: tuple[str, ...], requires: tuple[str, ...], says: str, remedy: str
) -> None:
    """The prediction and the observation say the same; stubs and requirements are no defect."""
    facts = wheel({}, python_files=files, requires_dist=requires)
    seen = explained(replace(IMPORT, evidence=NOTHING), predict_nothing(facts), facts, GLIBC)
    assert seen.prediction is not None
    assert seen.evidence == seen.prediction.evidence
    assert says in seen.evidence
    assert remedy in seen.prediction.remedy


@pytest.mark.parametrize("prefix", ["", "dependency demo 1.0: "])
def test_evidence_names_the_file_that_is_not_read(prefix: str) -> None:
    """Before Python's message, which is that of a circular import; also if it is recalled."""
    text = (
        "ImportError: cannot import name '_inner' from partially initialized module 'demo' "
        "(most likely due to a circular import) (/s/demo/__init__.py)"
    )
    facts = wheel({OTHER_NAME: elf()})
    seen = explained(replace(IMPORT, evidence=prefix + text), None, facts, GLIBC)
    assert seen.evidence == (
        f"{prefix}_inner.cpython-311-x86_64-linux-musl.so is not read by this interpreter "
        f"(it reads {' '.join(GLIBC.extension_suffixes)}): {text}"
    )
    assert explained(seen, None, facts, GLIBC) == seen


NO_FILE = "FileNotFoundError: [Errno 2] No such file or directory"


@pytest.mark.parametrize(
    ("place", "text", "outcome"),
    [
        ("/usr/lib/python3.13/multiprocessing/synchronize.py", NO_FILE, Outcome.MISS),
        ("/s/multiprocess/shared_memory.py", f"{NO_FILE}: '/psm_1f'", Outcome.MISS),
        ("/s/x/synchronize.py", "OSError: [Errno 38] Function not implemented", Outcome.MISS),
        ("/s/x/synchronize.py", "PermissionError: [Errno 13] Permission denied", Outcome.MISS),
        ("/s/x/synchronize.py", f"{NO_FILE}: '/etc/x.toml'", Outcome.IMPORT_FAILED),
        ("/s/x/synchronize.py", "ValueError: 2", Outcome.IMPORT_FAILED),
        ("/s/demo/__init__.py", NO_FILE, Outcome.IMPORT_FAILED),
        ("/s/demo/__init__.py", "OSError: [Errno 30] Read-only file system: '/x'", Outcome.MISS),
        ("/s/demo/__init__.py", "socket.gaierror: [Errno -3] Try again", Outcome.MISS),
        ("/s/x.py", "ConnectionError: [Errno -2] Name does not resolve", Outcome.MISS),
        ("/s/x.py", "OSError: [Errno 101] Network is unreachable", Outcome.MISS),
        ("/s/x.py", "PermissionError: [Errno 1] Operation not permitted", Outcome.MISS),
        ("/s/x.py", "PermissionError: [Errno 13] Permission denied: '/s/x'", Outcome.IMPORT_FAILED),
    ],
)
def test_what_a_cell_lacks_is_no_failure(place: str, text: str, outcome: Outcome) -> None:
    """A network, a place to write, privileges, and what a semaphore is made in."""
    log = (
        f'  File "/s/synchronize.py", line 1, in f\n  File "{place}", line 9, in __init__\n{text}\n'
    )
    seen = explained(replace(IMPORT, evidence=text, log=log), None, wheel(), GLIBC)
    assert seen.outcome is outcome
    assert (seen.cause == Cause.SANDBOX) is (outcome is Outcome.MISS)
    assert text in seen.evidence


LACKS_UUID = "ModuleNotFoundError: No module named '_uuid'"


@pytest.mark.parametrize(
    ("way", "text", "outcome"),
    [
        (ImageWay.REPLICA, LACKS_UUID, Outcome.MISS),
        (ImageWay.ASSEMBLED, LACKS_UUID, Outcome.IMPORT_FAILED),
        (ImageWay.REPLICA, "ModuleNotFoundError: No module named 'x'", Outcome.IMPORT_FAILED),
    ],
)
def test_module_that_only_a_replica_lacks(way: ImageWay, text: str, outcome: Outcome) -> None:
    """Nothing can be said of the wheel."""
    image = ImageRef(id="sha256:1", way=way, origin="here")
    failed = replace(IMPORT, evidence=text, provenance=Provenance(image=image))
    seen = explained(failed, None, wheel(), GLIBC)
    assert seen.outcome is outcome
    assert (seen.cause == Cause.IMAGE) is (outcome is Outcome.MISS)
    assert text in seen.evidence
