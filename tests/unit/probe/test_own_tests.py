"""A project's own tests, run by the real agent in a local process.

Limits of memory, processes and disk need a container: see tests/integration/test_own_tests.py.
"""

import io
import os
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from harness.core.causes import Cause
from harness.core.cells import Outcome, Stage
from harness.core.observations import AttemptMode
from harness.probe.agent import own_tests as agent
from harness.probe.agent.own_tests import JUNIT
from harness.probe.jobs import OwnTestsJob, ProbeResult
from harness.probe.session import Session, open_session
from tests.support.local_engine import LocalEngine
from tests.support.local_prober import THIS_MACHINE
from tests.support.wheels import job_for, make_wheel

Run = Callable[..., ProbeResult]


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    with open_session(LocalEngine(), "image", THIS_MACHINE) as opened:
        opened.start()
        yield opened


@pytest.fixture
def run(session: Session, tmp_path: Path) -> Run:
    """Return a function that runs a command beside the wheel of a module ``good``."""
    wheel = make_wheel(tmp_path, "good", "answer = 42")

    def run_command(
        *command: str,
        files: dict[str, str] | None = None,
        packages: dict[str, str] | None = None,
        timeout: float = 60,
        mode: AttemptMode = AttemptMode.SESSION,
        told: list[str] | None = None,
    ) -> ProbeResult:
        tests = OwnTestsJob(
            command=command,
            timeout=timeout,
            files=zipped(files or {}),
            packages=zipped(packages or {}),
        )
        told = [] if told is None else told
        return session.probe(replace(job_for(wheel), tests=tests), mode, told.append)

    return run_command


def zipped(files: dict[str, str]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return out.getvalue() if files else b""


def python(code: str) -> tuple[str, ...]:
    return "python", "-c", code


@pytest.mark.parametrize("mode", [AttemptMode.SESSION, AttemptMode.UNPACKED, AttemptMode.FRESH])
def test_suite_that_passes(run: Run, mode: AttemptMode) -> None:
    """The wheel is imported by pytest; the report has its cases, and the log its output."""
    files = {"tests/test_a.py": "import good\ndef test_ok(): assert good.answer == 42\n"}
    told: list[str] = []
    seen = run("python", "-m", "pytest", "-q", "tests", files=files, mode=mode, told=told)
    assert (seen.outcome, seen.stage, seen.evidence) == (Outcome.PASS, Stage.TEST, ""), seen.log
    assert seen.tests is not None
    assert (seen.tests.passed, seen.tests.total) == (1, 1)
    assert "1 passed" in seen.log
    assert told[0] == ""  # the host is told when the tests begin


def test_suite_that_fails(run: Run) -> None:
    """The evidence has the runner's last lines, the report the failed case."""
    code = "import good, pytest\ndef test_ok(): pass\ndef test_bad(): assert good.answer == 0\n"
    seen = run("pytest", "-q", files={"test_a.py": code})
    assert (seen.outcome, seen.stage, seen.cause) == (Outcome.TEST_FAILED, Stage.TEST, "")
    assert seen.evidence.startswith("exit status 1\n")
    assert "FAILED test_a.py::test_bad" in seen.evidence
    assert seen.tests is not None
    assert seen.tests.cases[0].name == "test_bad"


def test_environment_is_a_virtual_one(run: Run) -> None:
    """Child processes without our variables find the wheel, too; the folder has the files."""
    code = (
        "import os, subprocess, sys, good\n"
        "assert sys.prefix != sys.base_prefix\n"
        "assert os.listdir() == ['data.txt'] and os.path.isdir(os.environ['HOME'])\n"
        "subprocess.run([sys.executable, '-I', '-c', 'import good, brought'], env={}, check=True)\n"
        "subprocess.run(['brought'], check=True)\n"
    )
    packages = {
        "brought.py": "def main(): print('started')\n",
        "brought-1.dist-info/entry_points.txt": "[console_scripts]\nbrought = brought:main\n"
        "../../evil = brought:main\n. = brought:main\nbad = brought\n[other]\nx = y:z\n",
    }
    seen = run(*python(code), files={"data.txt": "1"}, packages=packages)
    assert (seen.outcome, seen.tests) == (Outcome.PASS, None), seen.log
    assert "started" in seen.log


def test_what_tests_require_is_not_there_at_the_import(session: Session, tmp_path: Path) -> None:
    """A wheel that forgets a dependency does not pass because its tests bring it."""
    wheel = make_wheel(tmp_path, "forgets", "import brought")
    tests = OwnTestsJob(command=python(""), timeout=60, packages=zipped({"brought.py": ""}))
    seen = session.probe(replace(job_for(wheel), tests=tests))
    assert (seen.outcome, seen.stage) == (Outcome.IMPORT_FAILED, Stage.IMPORT)
    assert "No module named 'brought'" in seen.evidence


@pytest.mark.parametrize(
    ("command", "files", "said"),
    [
        (("pytets", "-q"), {}, "there is no command 'pytets'"),
        (("./run",), {"run": "#!/bin/sh\n"}, "there is no command './run'"),
        (("x" * 10_000,), {}, "there is no command 'xxx"),
    ],
)
def test_command_that_does_not_exist(
    run: Run, command: tuple[str, ...], files: dict[str, str], said: str
) -> None:
    """It says nothing of the wheel: a miss."""
    seen = run(*command, files=files)
    assert (seen.outcome, seen.cause) == (Outcome.MISS, Cause.TEST_COMMAND)
    assert said in seen.evidence


def test_time_out(run: Run) -> None:
    """Tests that hang are ended at their own time limit."""
    seen = run(*python("import time; print('begun', flush=True); time.sleep(60)"), timeout=1)
    assert (seen.outcome, seen.stage, seen.cause) == (Outcome.TIMEOUT, Stage.TEST, Cause.TIMEOUT)
    assert seen.evidence == "still running at the time limit\nbegun"


def test_endless_output(run: Run) -> None:
    """Tests that print without end are ended."""
    seen = run(*python("while True: print('x' * 1000)"))
    assert (seen.outcome, seen.cause) == (Outcome.TEST_FAILED, Cause.ENDLESS_OUTPUT)


def test_crash(run: Run) -> None:
    """A fatal signal is told as one."""
    seen = run(*python("import os; os.kill(os.getpid(), 11)"))
    assert (seen.outcome, seen.stage) == (Outcome.CRASHED, Stage.TEST)
    assert seen.evidence == "killed by SIGSEGV"


def test_full_disk_in_the_output(run: Run) -> None:
    """What fails for want of disk is told as our limit."""
    seen = run(*python("raise OSError(28, 'No space left on device')"))
    assert (seen.outcome, seen.cause) == (Outcome.MISS, Cause.SPACE)


def test_pytest_that_ends_early_does_not_pass(run: Run) -> None:
    """A module that exits with status 0 on its import has not tested anything."""
    seen = run("pytest", "-q", files={"test_a.py": "import os; os._exit(0)"})
    assert (seen.outcome, seen.stage) == (Outcome.TEST_FAILED, Stage.TEST)
    assert seen.evidence.startswith("the runner ended with status 0 and without its report")


def test_pytest_without_tests_does_not_pass(run: Run) -> None:
    """Its status is 5 then."""
    seen = run("pytest", "-q")
    assert seen.outcome is Outcome.TEST_FAILED
    assert "no tests ran" in seen.evidence


def test_tests_cannot_sign(run: Run) -> None:
    """The descriptor that imports report on is closed: status and signal alone count."""
    code = "import os, sys\ntry: os.write(3, b'{\"done\": true}')\nexcept OSError: sys.exit(7)"
    assert run(*python(code)).evidence == "exit status 7"


def test_progress_is_told(run: Run) -> None:
    """The host gets the last line of a long test run."""
    told: list[str] = []
    code = "import time\nfor n in range(6): print('test', n, flush=True); time.sleep(0.7)"
    assert run(*python(code), told=told).outcome is Outcome.PASS
    assert any(line.startswith("test ") for line in told)


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (("pytest",), True),
        (("/usr/bin/py.test", "-q"), True),
        (("python", "-m", "pytest"), True),
        (("pytest", "--junitxml=own.xml"), False),
        (("python", "-m", "unittest"), False),
        (("make", "test"), False),
    ],
)
def test_commands_that_write_a_report(command: tuple[str, ...], *, expected: bool) -> None:
    """Only pytest is known to write one."""
    assert agent.expects_junit(command) is expected  # type: ignore[no-untyped-call]


def test_report_that_is_no_file_is_not_read(tmp_path: Path) -> None:
    """A link, a pipe and a folder are what tests may leave in its place."""
    place = tmp_path / JUNIT

    def read() -> object:
        return agent.read_junit(str(tmp_path))  # type: ignore[no-untyped-call]

    assert read() == b""
    place.symlink_to("/proc/self/environ")
    assert read() == b""
    place.unlink()
    os.mkfifo(place)
    assert read() == b""
    place.unlink()
    place.mkdir()
    assert read() == b""
    place.rmdir()
    place.write_bytes(b"<a/>")
    assert read() == b"<a/>"


def test_last_lines_are_cut() -> None:
    """Lines of dashes and dots alone say nothing."""
    log = "first\n" + "x" * 500 + "\n=====\n\n....\nFAILED a\n"
    assert agent.last_lines(log) == ["first", "x" * 300, "FAILED a"]  # type: ignore[no-untyped-call]
