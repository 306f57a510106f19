"""The agent's verdicts, by the real agent and this interpreter's real pip in a local process.

What needs a container to hold (kills, memory, network) is in tests/integration.
"""

import os
import threading
import time
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from importlib.machinery import EXTENSION_SUFFIXES
from io import BytesIO
from pathlib import Path

import pytest

from harness.core.arches import find_arch
from harness.core.cells import Outcome, Stage
from harness.core.errors import ImageError
from harness.core.observations import AttemptMode
from harness.core.passport import Passport
from harness.core.targets import Target
from harness.host.engine import Limits
from harness.probe.jobs import Job
from harness.probe.session import Session, SessionLostError, open_session
from tests.support.local_engine import LocalEngine
from tests.support.wheels import job_for, make_wheel

HERE = find_arch(os.uname().machine)
ELSEWHERE = find_arch("s390x")
_MUTE = "class E(Exception):\n def __str__(self): 1/0\nraise E"
FORGED = '{"passed": true, "done": true, "token": ""}'


def _target(arch_name: str = HERE.name) -> Target:
    return Target(
        id="here",
        arch_name=arch_name,
        title="this machine",
        python="3.11",
        libc="glibc",
        interpreter="python3",
    )


@pytest.fixture(scope="module")
def session_and_passport() -> Iterator[tuple[Session, Passport]]:
    with open_session(LocalEngine(), "image", _target(), Limits()) as session:
        yield session, session.start()


@pytest.fixture
def session(session_and_passport: tuple[Session, Passport]) -> Session:
    return session_and_passport[0]


@pytest.fixture(params=[AttemptMode.SESSION, AttemptMode.UNPACKED, AttemptMode.FRESH])
def mode(request: pytest.FixtureRequest) -> AttemptMode:
    chosen: AttemptMode = request.param
    return chosen


def test_passport_tells_what_the_interpreter_reads(
    session_and_passport: tuple[Session, Passport],
) -> None:
    """A passport holds the interpreter's own suffixes and the tags of its own pip."""
    passport = session_and_passport[1]
    assert passport.extension_suffixes == tuple(EXTENSION_SUFFIXES)
    assert passport.installer.startswith("pip ")
    assert passport.tags[-1] == "py30-none-any"
    assert (passport.elf_machine, passport.elf_bits) == (HERE.elf_machine, HERE.elf_bits)


def test_pass(session: Session, tmp_path: Path, mode: AttemptMode) -> None:
    """A wheel that imports and whose call is true passes, and its output stays out of the way."""
    wheel = make_wheel(tmp_path, "good", "print('hello'); answer = 42")
    result = session.probe(job_for(wheel, call="good.answer == 42"), mode)
    assert (result.outcome, result.stage) == (Outcome.PASS, Stage.CALL)
    assert result.log == "hello\n"


@pytest.mark.parametrize(
    ("code", "call", "outcome", "stage", "cause", "evidence"),
    [
        ("import nowhere", "", "import-failed", "import", "", "No module named 'nowhere'"),
        ("raise SystemExit(0)", "", "import-failed", "import", "", "SystemExit: 0"),
        ("import os; os._exit(0)", "", "import-failed", "import", "", "status 0 and without"),
        ("import os; os.abort()", "", "crashed", "import", "signal", "SIGABRT"),
        ("import os; os.kill(os.getpid(), 11)", "", "crashed", "import", "signal", "SIGSEGV"),
        ("import os; os.kill(os.getpid(), 4)", "", "crashed", "import", "signal", "SIGILL"),
        ("import os; os.kill(os.getpid(), 7)", "", "crashed", "import", "signal", "SIGBUS"),
        ("x = 1", "wicked.x == 2", "call-failed", "call", "", "wicked.x == 2 is not true"),
        ("x = 1", "wicked.y", "call-failed", "call", "", "has no attribute 'y'"),
        ("import os\ndef f(): os._exit(0)", "wicked.f()", "call-failed", "call", "", "status 0"),
        (_MUTE, "", "import-failed", "import", "", "its str() raises ZeroDivisionError"),
    ],
)  # fmt: skip
def test_what_a_wheel_does_is_its_outcome(  # noqa: PLR0913, PLR0917 - the table's columns
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
    """Errors, exits and signals of an import or a call are told apart, with their key line."""
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
def test_forged_verdict_is_no_pass(
    session: Session, tmp_path: Path, mode: AttemptMode, forgery: str
) -> None:
    """A verdict without the cell's token counts for nothing, wherever it is written."""
    wheel = make_wheel(tmp_path, "forger", forgery)
    result = session.probe(job_for(wheel), mode)
    assert result.outcome is Outcome.IMPORT_FAILED


def test_endless_loop_costs_its_time_limit(session: Session, tmp_path: Path) -> None:
    """A cell that never ends is a time-out, and the next one is not held up."""
    wheel = make_wheel(tmp_path, "endless", "import os\nwhile True: os.write(1, b'on' * 9999)")
    busy = make_wheel(
        tmp_path, "busy", "import time\nwhile True: time.sleep(.1); print(1, flush=True)"
    )
    assert session.probe(job_for(wheel)).cause == "endless-output"
    start = time.monotonic()
    result = session.probe(job_for(busy, timeout=1))
    assert (result.outcome, result.cause) == (Outcome.TIMEOUT, "timeout")
    assert time.monotonic() - start < 10


def test_silence_has_a_limit_of_its_own(session: Session, tmp_path: Path) -> None:
    """A cell that says nothing for too long is a time-out before the wall clock's."""
    wheel = make_wheel(tmp_path, "silent", "import time; time.sleep(60)")
    result = session.probe(job_for(wheel, quiet=0.5))
    assert (result.outcome, result.cause) == (Outcome.TIMEOUT, "quiet")


def test_output_is_captured_head_and_tail_and_as_text(session: Session, tmp_path: Path) -> None:
    """Long and non-UTF-8 output is kept at both ends, as text that can be written anywhere."""
    code = (
        "import sys; sys.stdout.buffer.write(b'\\xff\\x1b[31mHEAD' + b'.' * 100000 + b'TAIL');"
        " raise ImportError('x')"
    )
    log = session.probe(job_for(make_wheel(tmp_path, "loud", code))).log
    assert log.startswith("\\xff\x1b[31mHEAD")
    assert "bytes ...]" in log
    assert "TAIL" in log
    assert len(log) < 20000


def test_what_a_wheel_keeps_for_its_scheme(
    session: Session, tmp_path: Path, mode: AttemptMode
) -> None:
    """Modules below ``.data/purelib`` and ``platlib`` are found, whoever unpacks (PEP 427)."""
    data = {f"spread-1.0.data/{scheme}/spread_{scheme}.py": "" for scheme in ("purelib", "platlib")}
    wheel = make_wheel(tmp_path, "spread", "import spread_purelib, spread_platlib", files=data)
    assert session.probe(job_for(wheel), mode).outcome is Outcome.PASS


@pytest.mark.parametrize("mode", [AttemptMode.SESSION, AttemptMode.FRESH])
def test_refused_tag(session: Session, tmp_path: Path, mode: AttemptMode) -> None:
    """The refusal of a tag by pip itself is the outcome ``refused``, with pip's own line."""
    wheel = make_wheel(tmp_path, "alien", "", tag="cp27-cp27m-win32")
    result = session.probe(job_for(wheel), mode)
    assert (result.outcome, result.cause) == (Outcome.REFUSED, "tag-refused")
    assert "is not a supported wheel on this platform" in result.evidence


def test_damaged_wheel_fails_to_install(session: Session, tmp_path: Path) -> None:
    """What pip cannot read is an install failure, not a harness error."""
    wheel = make_wheel(tmp_path, "cut", "x = 1")
    wheel.write_bytes(wheel.read_bytes()[:100])
    result = session.probe(job_for(wheel))
    assert (result.outcome, result.stage) == (Outcome.INSTALL_FAILED, Stage.INSTALL)


def _bytecode(session: Session, folder: Path, code: str) -> bytes:
    """Return the bytecode of a wheel whose one module ``good`` has that code."""
    folder.mkdir()
    wheel = make_wheel(folder, "good", code)
    return session.compile(wheel.name, wheel.read_bytes(), seconds=60)


def test_bytecode_spares_the_import_a_compilation(session: Session, tmp_path: Path) -> None:
    """What was compiled from the same source is what the import reads."""
    wheel = make_wheel(tmp_path, "good", "answer = 42")
    bytecode = _bytecode(session, tmp_path / "same", "answer = 42")
    there = "__import__('os').path.exists(good.__cached__)"
    for given, expected in ((bytecode, Outcome.PASS), (b"", Outcome.CALL_FAILED)):
        job = replace(job_for(wheel, call=there), bytecode=given)
        assert session.probe(job).outcome is expected


def test_bytecode_of_another_source_is_not_believed(session: Session, tmp_path: Path) -> None:
    """Bytecode carries the hash of its source (PEP 552): the import compiles what it finds."""
    wheel = make_wheel(tmp_path, "good", "answer = 42")
    other = _bytecode(session, tmp_path / "other", "answer = 43")
    job = replace(job_for(wheel, call="good.answer == 42"), bytecode=other)
    assert session.probe(job).outcome is Outcome.PASS


def test_bytecode_that_is_none_makes_the_cell_fail_in_the_session_alone(
    session: Session, tmp_path: Path
) -> None:
    """A red cell that bytecode of ours would make is not confirmed: other ways take none."""
    job = replace(job_for(make_wheel(tmp_path, "good", "")), bytecode=b"no zip")
    assert session.probe(job, AttemptMode.SESSION).outcome is Outcome.IMPORT_FAILED
    assert session.probe(job, AttemptMode.UNPACKED).outcome is Outcome.PASS


def test_what_does_not_compile_has_no_bytecode(session: Session, tmp_path: Path) -> None:
    """A template among the sources is left to whoever imports it."""
    assert zipfile.ZipFile(BytesIO(_bytecode(session, tmp_path / "bad", "def {{}}"))).filelist == []


def test_companion_is_installed_first_and_its_failure_is_no_failure_of_the_wheel(
    session: Session, tmp_path: Path
) -> None:
    """A companion is there for the import; one that does not install makes the cell a miss."""
    companion = make_wheel(tmp_path, "helper", "x = 1")
    wheel = make_wheel(tmp_path, "user", "import helper")
    alien = make_wheel(tmp_path, "alien", "", tag="cp27-cp27m-win32")
    subject = job_for(wheel)
    for first, outcome in ((companion, Outcome.PASS), (alien, Outcome.MISS)):
        wheels = ((first.name, first.read_bytes()), *subject.wheels)
        job = Job(wheels=wheels, imports=("user",), call="", timeout=60, quiet=60)
        assert session.probe(job).outcome is outcome


def test_cells_leave_nothing_to_each_other(session: Session, tmp_path: Path) -> None:
    """Files, modules and directories without permissions of one cell are gone in the next."""
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


def test_wrong_architecture_is_an_image_error() -> None:
    """An interpreter of another architecture than asked for is never believed."""
    with (
        open_session(LocalEngine(), "image", _target(ELSEWHERE.name), Limits()) as session,
        pytest.raises(
            ImageError, match=r"wanted s390x, got an image whose interpreter is EM_"
        ) as e,
    ):
        session.start()
    assert e.value.cause == "infra:wrong-arch"


def test_interpreter_that_is_not_there_is_an_image_error() -> None:
    """An image whose interpreter ends at once says so, with what it printed."""
    with (
        open_session(LocalEngine("/bin/false"), "image", _target(), Limits()) as session,
        pytest.raises(ImageError, match="does not start") as e,
    ):
        session.start()
    assert e.value.cause == "infra:interpreter"


def test_lost_container_is_told(tmp_path: Path) -> None:
    """A container that goes away in the middle of a cell loses that cell and says so."""
    engine = LocalEngine()
    with open_session(engine, "image", _target(), Limits()) as session:
        session.start()
        engine.opened[0].process.kill()
        with pytest.raises(SessionLostError) as e:
            session.probe(job_for(make_wheel(tmp_path, "good", "")))
        assert e.value.cause == "infra:agent-gone"
        assert not session.usable


def test_agent_ends_when_the_host_is_gone(tmp_path: Path) -> None:
    """The agent notices in the middle of a cell that nobody listens any more, and ends."""
    engine = LocalEngine()
    with open_session(engine, "image", _target(), Limits()) as session:
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
