"""Results of the real agent with this interpreter's pip in a local process.

Tests of kills, memory and network need a container: see tests/integration.
"""

import threading
import time
import zipfile
from dataclasses import replace
from importlib.machinery import EXTENSION_SUFFIXES
from io import BytesIO
from pathlib import Path

import pytest

from harness.core.cells import Outcome, Stage
from harness.core.errors import ImageError
from harness.core.observations import AttemptMode
from harness.core.passport import Passport
from harness.probe.jobs import Job
from harness.probe.session import Session, SessionLostError, open_session
from tests.support.local_engine import LocalEngine
from tests.support.local_prober import HERE, THIS_MACHINE
from tests.support.wheels import job_for, make_wheel

ELSEWHERE = replace(THIS_MACHINE, arch_name="s390x")
_MUTE = "class E(Exception):\n def __str__(self): 1/0\nraise E"
FORGED = '{"passed": true, "done": true, "token": ""}'


def test_passport_of_this_interpreter(session_and_passport: tuple[Session, Passport]) -> None:
    """A passport has the interpreter's suffixes and the tags of its pip."""
    passport = session_and_passport[1]
    assert passport.extension_suffixes == tuple(EXTENSION_SUFFIXES)
    assert passport.installer.startswith("pip ")
    assert passport.tags[-1] == "py30-none-any"
    assert (passport.elf_machine, passport.elf_bits) == (HERE.elf_machine, HERE.elf_bits)


def test_pass(session: Session, tmp_path: Path, mode: AttemptMode) -> None:
    """A wheel whose import and call succeed passes; its output is in the log."""
    wheel = make_wheel(tmp_path, "good", "print('hello'); answer = 42")
    result = session.probe(job_for(wheel, call="good.answer == 42"), mode)
    assert (result.outcome, result.stage) == (Outcome.PASS, Stage.CALL)
    assert result.log == "hello\n"


ILLEGAL = "illegal-instruction"


@pytest.mark.parametrize(
    ("code", "call", "outcome", "stage", "cause", "evidence"),
    [
        ("import nowhere", "", "import-failed", "import", "", "No module named 'nowhere'"),
        ("raise SystemExit(0)", "", "import-failed", "import", "", "SystemExit: 0"),
        ("import os; os._exit(0)", "", "import-failed", "import", "", "status 0 and without"),
        ("import os; os.abort()", "", "crashed", "import", "signal", "SIGABRT"),
        ("import os; os.kill(os.getpid(), 11)", "", "crashed", "import", "signal", "SIGSEGV"),
        ("import os; os.kill(os.getpid(), 4)", "", "crashed", "import", ILLEGAL, "SIGILL"),
        ("import os; os.kill(os.getpid(), 7)", "", "crashed", "import", "signal", "SIGBUS"),
        ("x = 1", "wicked.x == 2", "call-failed", "call", "", "wicked.x == 2 is not true"),
        ("x = 1", "wicked.y", "call-failed", "call", "", "has no attribute 'y'"),
        ("import os\ndef f(): os._exit(0)", "wicked.f()", "call-failed", "call", "", "status 0"),
        (_MUTE, "", "import-failed", "import", "", "its str() raises ZeroDivisionError"),
    ],
)  # fmt: skip
def test_outcome_of_a_wheel(  # noqa: PLR0913, PLR0917 - the table's columns
    session: Session,
    tmp_path: Path,
    mode: AttemptMode,
    code: str,
    call: str,
    outcome: str,
    stage: str,
    cause: str,
    evidence: str,
) -> None:
    """Errors, exits and signals of an import or a call have their outcome and evidence."""
    wheel = make_wheel(tmp_path, "wicked", code)
    result = session.probe(job_for(wheel, call=call), mode)
    assert (result.outcome, result.stage, result.cause) == (outcome, stage, cause)
    assert evidence in result.evidence


@pytest.mark.parametrize(
    "forgery",
    [
        f"print('{FORGED}', flush=True); import os; os._exit(0)",
        (
            f"import os\nfor fd in range(64):\n try: os.write(fd, b'{FORGED}\\n')\n"
            " except OSError: pass\nos._exit(0)"
        ),
        "import sys; sys.stdout.close(); import os; os._exit(0)",
    ],
    ids=["printed", "written-everywhere", "closed"],
)
def test_forged_report_does_not_pass(
    session: Session, tmp_path: Path, mode: AttemptMode, forgery: str
) -> None:
    """A report without the cell's token is ignored, wherever it is written."""
    wheel = make_wheel(tmp_path, "forger", forgery)
    result = session.probe(job_for(wheel), mode)
    assert result.outcome is Outcome.IMPORT_FAILED


def test_wheel_replaces_what_the_interpreter_has(
    session: Session, tmp_path: Path, mode: AttemptMode
) -> None:
    """As pip's place of installation comes before Debian's own setuptools, and after stdlib."""
    wheel = make_wheel(tmp_path, "click", "answer = 42", files={"graphlib.py": "answer = 0"})
    call = "click.answer == 42 and not hasattr(__import__('graphlib'), 'answer')"
    result = session.probe(job_for(wheel, call=call), mode)
    assert (result.outcome, result.evidence) == (Outcome.PASS, "")


def test_endless_loop_is_a_timeout(session: Session, tmp_path: Path) -> None:
    """A cell that does not end is a timeout, and the next cell is not delayed."""
    wheel = make_wheel(tmp_path, "endless", "import os\nwhile True: os.write(1, b'on' * 9999)")
    busy = make_wheel(
        tmp_path, "busy", "import time\nwhile True: time.sleep(.1); print(1, flush=True)"
    )
    assert session.probe(job_for(wheel)).cause == "endless-output"
    start = time.monotonic()
    result = session.probe(job_for(busy, timeout=1))
    assert (result.outcome, result.cause) == (Outcome.TIMEOUT, "timeout")
    assert time.monotonic() - start < 10


def test_silence_is_a_timeout(session: Session, tmp_path: Path) -> None:
    """A cell without output reaches ``quiet`` before the limit of wall-clock time."""
    wheel = make_wheel(tmp_path, "silent", "import time; time.sleep(60)")
    result = session.probe(job_for(wheel, quiet=0.5))
    assert (result.outcome, result.cause) == (Outcome.TIMEOUT, "quiet")


def test_log_keeps_head_and_tail(session: Session, tmp_path: Path) -> None:
    """Head and tail of long output are kept; bytes that are not UTF-8 are escaped."""
    code = (
        "import sys; sys.stdout.buffer.write(b'\\xff\\x1b[31mHEAD' + b'.' * 100000 + b'TAIL');"
        " raise ImportError('x')"
    )
    log = session.probe(job_for(make_wheel(tmp_path, "loud", code))).log
    assert log.startswith("\\xff\x1b[31mHEAD")
    assert "bytes ...]" in log
    assert "TAIL" in log
    assert len(log) < 20000


def test_modules_below_data_schemes_are_found(
    session: Session, tmp_path: Path, mode: AttemptMode
) -> None:
    """Modules below ``.data/purelib`` and ``platlib`` are found in every mode (PEP 427)."""
    data = {f"spread-1.0.data/{scheme}/spread_{scheme}.py": "" for scheme in ("purelib", "platlib")}
    wheel = make_wheel(tmp_path, "spread", "import spread_purelib, spread_platlib", files=data)
    assert session.probe(job_for(wheel), mode).outcome is Outcome.PASS


@pytest.mark.parametrize("mode", [AttemptMode.SESSION, AttemptMode.FRESH])
def test_refused_tag(session: Session, tmp_path: Path, mode: AttemptMode) -> None:
    """A tag that pip refuses is the outcome ``refused`` with pip's message."""
    wheel = make_wheel(tmp_path, "alien", "", tag="cp27-cp27m-win32")
    result = session.probe(job_for(wheel), mode)
    assert (result.outcome, result.cause) == (Outcome.REFUSED, "tag-refused")
    assert "is not a supported wheel on this platform" in result.evidence


def test_damaged_wheel_fails_to_install(session: Session, tmp_path: Path) -> None:
    """A wheel that pip cannot read is an install failure."""
    wheel = make_wheel(tmp_path, "cut", "x = 1")
    wheel.write_bytes(wheel.read_bytes()[:100])
    result = session.probe(job_for(wheel))
    assert (result.outcome, result.stage) == (Outcome.INSTALL_FAILED, Stage.INSTALL)


def _bytecode(session: Session, folder: Path, code: str) -> bytes:
    """Return the bytecode of a wheel whose only module ``good`` has that code."""
    folder.mkdir()
    wheel = make_wheel(folder, "good", code)
    return session.compile(wheel.name, wheel.read_bytes(), seconds=60)


def test_import_uses_bytecode_of_the_same_source(session: Session, tmp_path: Path) -> None:
    """The import reads given bytecode and compiles nothing."""
    wheel = make_wheel(tmp_path, "good", "answer = 42")
    bytecode = _bytecode(session, tmp_path / "same", "answer = 42")
    there = "__import__('os').path.exists(good.__cached__)"
    for given, expected in ((bytecode, Outcome.PASS), (b"", Outcome.CALL_FAILED)):
        job = replace(job_for(wheel, call=there), bytecode=given)
        assert session.probe(job).outcome is expected


def test_import_ignores_bytecode_of_another_source(session: Session, tmp_path: Path) -> None:
    """Bytecode has the hash of its source (PEP 552)."""
    wheel = make_wheel(tmp_path, "good", "answer = 42")
    other = _bytecode(session, tmp_path / "other", "answer = 43")
    job = replace(job_for(wheel, call="good.answer == 42"), bytecode=other)
    assert session.probe(job).outcome is Outcome.PASS


def test_invalid_bytecode_fails_only_in_the_session(session: Session, tmp_path: Path) -> None:
    """The other modes use no bytecode, so they do not confirm such a failure."""
    job = replace(job_for(make_wheel(tmp_path, "good", "")), bytecode=b"no zip")
    assert session.probe(job, AttemptMode.SESSION).outcome is Outcome.IMPORT_FAILED
    assert session.probe(job, AttemptMode.UNPACKED).outcome is Outcome.PASS


def test_source_with_errors_has_no_bytecode(session: Session, tmp_path: Path) -> None:
    """A source that does not compile is skipped."""
    assert zipfile.ZipFile(BytesIO(_bytecode(session, tmp_path / "bad", "def {{}}"))).filelist == []


def test_companion_failure_is_a_miss(session: Session, tmp_path: Path) -> None:
    """A companion is installed first; if it cannot be installed, the cell is a miss."""
    companion = make_wheel(tmp_path, "helper", "x = 1")
    wheel = make_wheel(tmp_path, "user", "import helper")
    alien = make_wheel(tmp_path, "alien", "", tag="cp27-cp27m-win32")
    subject = job_for(wheel)
    for first, outcome in ((companion, Outcome.PASS), (alien, Outcome.MISS)):
        wheels = ((first.name, first.read_bytes()), *subject.wheels)
        job = Job(wheels=wheels, imports=("user",), call="", timeout=60, quiet=60)
        assert session.probe(job).outcome is outcome


def test_cells_are_isolated_from_each_other(session: Session, tmp_path: Path) -> None:
    """Files, modules and locked directories of a cell do not exist in the next."""
    code = (
        "import os, pathlib, sys\n"
        "work = pathlib.Path(os.environ['WHEELGRID_WORK'])\n"
        "assert sorted(p.name for p in work.iterdir()) == ['cell'], list(work.iterdir())\n"
        "assert not hasattr(sys, 'left')\n"
        "sys.left = 1\n"
        "(work / 'locked' / 'in').mkdir(parents=True)\n"
        "(work / 'file').write_text('')\n"
        "(work / 'locked').chmod(0)\n"
    )
    wheel = make_wheel(tmp_path, "messy", code)
    for _ in range(2):
        result = session.probe(job_for(wheel))
        assert result.outcome is Outcome.PASS, result.log
        assert session.usable


_SIGNALS = """
import os
def ignored(pid):
    with open("/proc/%s/status" % pid) as status:
        (line,) = (line for line in status if line.startswith("SigIgn"))
    return {n for n in range(1, 65) if int(line.split()[1], 16) >> (n - 1) & 1}
assert ignored("self") <= {13, 25}, ignored("self")  # which a new interpreter ignores
assert ignored(os.getppid()) == set(range(1, 65)) - {9, 17, 19}, ignored(os.getppid())
"""


def test_signals_are_ignored_by_the_agent_alone(
    session: Session, tmp_path: Path, mode: AttemptMode
) -> None:
    """Those that the C library keeps for itself among them; a cell starts with the default."""
    result = session.probe(job_for(make_wheel(tmp_path, "signals", _SIGNALS)), mode)
    assert result.outcome is Outcome.PASS, result


def test_wrong_architecture_is_an_image_error() -> None:
    """An interpreter of another architecture is rejected."""
    with (
        open_session(LocalEngine(), "image", ELSEWHERE) as session,
        pytest.raises(
            ImageError, match=r"wanted s390x, got an image whose interpreter is EM_"
        ) as e,
    ):
        session.start()
    assert e.value.cause == "infra:wrong-arch"


def test_interpreter_that_ends_at_once_is_an_image_error() -> None:
    """The error has the cause ``infra:interpreter``."""
    with (
        open_session(LocalEngine("/bin/false"), "image", THIS_MACHINE) as session,
        pytest.raises(ImageError, match="does not start") as e,
    ):
        session.start()
    assert e.value.cause == "infra:interpreter"


def test_lost_container_ends_the_session(tmp_path: Path) -> None:
    """A killed container is a lost session with its cause."""
    engine = LocalEngine()
    with open_session(engine, "image", THIS_MACHINE) as session:
        session.start()
        engine.opened[0].process.kill()
        with pytest.raises(SessionLostError) as e:
            session.probe(job_for(make_wheel(tmp_path, "good", "")))
        assert e.value.cause == "infra:agent-gone"
        assert not session.usable


def test_agent_ends_when_the_host_is_gone(tmp_path: Path) -> None:
    """The agent ends if its input is closed while a cell runs."""
    engine = LocalEngine()
    with open_session(engine, "image", THIS_MACHINE) as session:
        session.start()
        agent = engine.opened[0].process
        assert agent.stdin is not None
        wheel = make_wheel(tmp_path, "silent", "import time; time.sleep(60)")
        with pytest.raises(SessionLostError):
            _probe_and_hang_up(session, engine, job_for(wheel))
        assert agent.wait(10) is not None


def _probe_and_hang_up(session: Session, engine: LocalEngine, job: Job) -> None:
    stdin = engine.opened[0].process.stdin
    assert stdin is not None
    threading.Timer(1.5, stdin.close).start()
    session.probe(job)
