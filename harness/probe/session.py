"""The host's side of a session: one container of a target serves many cells.

The agent enforces the limits of a cell. The session has a later deadline, in case the agent, the
container or the engine no longer answers.
"""

import json
import secrets
import signal
import struct
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Self

from harness.core.causes import Cause
from harness.core.errors import ImageError
from harness.core.observations import AttemptMode
from harness.core.passport import Passport
from harness.core.targets import Target
from harness.host.engine import Channel, ContainerLimits, ContainerSpec, Engine
from harness.host.engine.api import ChannelClosedError, ChannelTimeoutError, ContainerEnd
from harness.host.engine.hardening import CONTAINER_LIMITS
from harness.probe.agent import own_tests
from harness.probe.agent.importer import BESIDE, BYTECODE, SITE
from harness.probe.agent_payload import agent_command, agent_payload
from harness.probe.answers import (
    EVIDENCE_KEPT,
    MAX_FRAME,
    AnswerError,
    CellReport,
    CompileAnswer,
    HelloAnswer,
    InstallAnswer,
    Model,
    ProbeAnswer,
    ProgressAnswer,
    is_progress,
    read_answer,
)
from harness.probe.enforcement import unenforced
from harness.probe.jobs import Job, ProbeResult
from harness.probe.junit_reader import read_junit
from harness.probe.measured_passport import assert_arch, passport_of

HELLO_SECONDS = 180
"""For an interpreter and its pip to start under emulation on a busy machine."""
WATCHDOG_SECONDS = 30
"""Seconds beyond the agent's own limits after which the host kills the container."""


_BY_SIGNAL = 128
"""What an exit status adds to the number of a signal."""
_FAULTS = frozenset(
    {signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGSEGV, signal.SIGTRAP}
)


class StartLostError(ImageError):
    """The container ended before the interpreter answered: the image's fault, or somebody's."""


class SessionLostError(Exception):
    """The container ended or hung, or its agent answered out of turn."""

    def __init__(self, cause: Cause, detail: str) -> None:
        super().__init__(f"{cause}: {detail}")
        self.cause = cause
        self.detail = detail


def open_session(
    engine: Engine,
    image: str,
    target: Target,
    limits: ContainerLimits = CONTAINER_LIMITS,
    more_env: tuple[tuple[str, str], ...] = (),
    emulator: bytes = b"",
) -> "Session":
    """Start a container of the image that waits for the agent. Raises ``EngineError``.

    ``emulator``: a static program that runs the interpreter, for a native arch.
    """
    command = agent_command(target.interpreter, emulated=bool(emulator))
    env = (("LANG", "C.UTF-8"), ("PIP_CONFIG_FILE", "/dev/null"), ("HOME", "/tmp"), *more_env)  # noqa: S108
    spec = ContainerSpec(image=image, arch=target.arch, command=command, env=env, limits=limits)
    return Session(engine.open(spec), spec, emulator)


class Session:
    """An open container of a target; a context manager that removes it."""

    def __init__(self, channel: Channel, spec: ContainerSpec, emulator: bytes = b"") -> None:
        self._channel = channel
        self._spec = spec
        self._emulator = emulator
        self._token = secrets.token_hex(16)
        self._turn = 0
        self._sealed = False
        self.usable = True
        """Whether the next cell may use it."""
        self.unenforced: tuple[str, ...] = ()
        """Names of the hardening that is not in effect, as seen in the container."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Kill and remove the container; idempotent."""
        self.usable = False
        self._channel.close()

    def start(self, *, warm: bool = True, compiled: tuple[tuple[str, bytes], ...] = ()) -> Passport:
        """Send the agent and return the passport.

        Without ``warm`` pip is not loaded, which takes most of the time, and the passport lacks
        pip's version and tags: for a container that serves one probe. ``compiled``: see
        ``agent_payload``. Raises ``ImageError`` if the image has another architecture, or its
        interpreter or installer does not start.
        """
        payload = agent_payload(compiled)
        frame = {"op": "hello", "warm": warm, "token": self._token}
        try:
            if self._emulator:
                self._channel.send(b"%016d" % len(self._emulator))
                self._channel.send(self._emulator)
            self._channel.send(b"%d\n%b" % (len(payload), payload))
            facts, _ = self._ask(HelloAnswer, frame, (), HELLO_SECONDS)
        except SessionLostError as lost:
            ended = lost.cause in (Cause.AGENT_GONE, Cause.SIGNAL)
            kind = StartLostError if ended else ImageError
            raise _no_start("interpreter", Cause.INTERPRETER, lost.detail, kind) from lost
        except ChannelClosedError:
            self._channel.ending()  # raises if it is the engine that ended
            detail = self._channel.errors().strip() or "it ended at once"
            raise _no_start("interpreter", Cause.INTERPRETER, detail, StartLostError) from None
        if facts.failed:
            raise _no_start("installer", Cause.INSTALLER, facts.failed)
        self._sealed = facts.sealed
        self.unenforced = unenforced(facts.enforced, self._spec.hardening, self._spec.limits)
        passport = passport_of(facts)
        assert_arch(passport, self._spec.arch)
        return passport

    def probe(
        self,
        job: Job,
        mode: AttemptMode = AttemptMode.SESSION,
        tell: Callable[[str], None] = lambda _: None,
    ) -> ProbeResult:
        """Install, import and call, and run the tests of the job; ``tell`` gets their last line.

        ``session``: pip and the import run in forks of processes that are ready. ``unpacked``: the
        wheel is unpacked without pip and imported in a fork, in a new session. ``fresh``: new
        interpreters for both. Raises ``SessionLostError`` if the container ends or no longer
        answers.
        """
        wheels, more = job.wheels, []
        if mode is AttemptMode.SESSION:
            wheels = () if job.site else job.wheels[-1:] if job.beside else job.wheels
            more = [(SITE, job.site), (BESIDE, job.beside), (BYTECODE, job.bytecode)]
        tests = job.tests
        if tests:
            more += [
                (own_tests.FILES, tests.files),
                (own_tests.PACKAGES, tests.packages),
                (own_tests.BYTECODE, tests.bytecode),
            ]
        files = [*wheels, *((name, data) for name, data in more if data)]
        frame = {
            "op": "probe",
            "files": [name for name, _ in files],
            "wheels": len(wheels),
            "imports": job.imports,
            "submodules": job.submodules,
            "call": job.call,
            "late": {
                "libraries": job.late.libraries,
                "entries": job.late.entries,
                "programs": job.late.programs,
                "seconds": job.late_seconds[0],
                "program_seconds": job.late_seconds[1],
            },
            "tests": {"command": tests.command, "timeout": tests.timeout} if tests else None,
            "timeout": job.timeout,
            "quiet": job.quiet,
            "mode": mode,
            "trace": job.trace,
        }
        stages = (4 if len(wheels) > 1 else 2) + bool(job.late.programs)
        seconds = stages * job.timeout + WATCHDOG_SECONDS + (tests.timeout if tests else 0)
        blobs = [data for _, data in files]
        answer, junit = self._ask(ProbeAnswer, frame, blobs, seconds, tell)
        self._after(answer.clean)
        result = _probe_result(answer, answer.seconds)
        return replace(result, tests=read_junit(junit)) if junit else result

    def install(
        self, name: str, wheel: bytes, tags: Sequence[str], job: Job
    ) -> tuple[ProbeResult | None, bytes, float]:
        """Install a wheel as this pip does where it accepts ``tags``, with the limits of ``job``.

        Returns pip's failure or None, the site directory as a zip, and the seconds. Raises
        ``SessionLostError`` as ``probe`` does.
        """
        frame = {
            "op": "install",
            "files": [name],
            "tags": list(tags),
            "timeout": job.timeout,
            "quiet": job.quiet,
        }
        answer, site = self._ask(InstallAnswer, frame, [wheel], job.timeout + WATCHDOG_SECONDS)
        self._after(answer.clean)
        failure = _probe_result(answer.report, answer.seconds) if answer.report else None
        return failure, site, answer.seconds

    def compile(self, name: str, wheel: bytes, *, seconds: float) -> bytes:
        """Return the zipped bytecode of a wheel for this release of Python; its code is not run.

        Empty if there is nothing to compile, or if it takes longer than ``seconds``. Raises
        ``SessionLostError`` as ``probe`` does.
        """
        frame = {"op": "compile", "files": [name], "timeout": seconds, "quiet": seconds}
        answer, bytecode = self._ask(CompileAnswer, frame, [wheel], 2 * seconds + WATCHDOG_SECONDS)
        self._after(answer.clean)
        return bytecode

    def _after(self, clean: bool) -> None:
        """Update whether the next cell may use this container."""
        self.usable = self.usable and clean and self._sealed

    def _ask(
        self,
        model: type[Model],
        frame: dict[str, Any],
        blobs: Sequence[bytes],
        seconds: float,
        tell: Callable[[str], None] | None = None,
    ) -> tuple[Model, bytes]:
        """Return the answer to a frame, and its blob. Raises ``SessionLostError``.

        ``tell`` gets the progress that is reported before the answer.
        """
        header = json.dumps({**frame, "blobs": [len(blob) for blob in blobs]}).encode()
        deadline = time.monotonic() + seconds
        try:
            self._channel.send(struct.pack(">I", len(header)) + header)
            for blob in blobs:
                self._channel.send(blob)
            data = self._frame(deadline)
            while tell and is_progress(data):
                tell(self._checked(read_answer(ProgressAnswer, data)).progress)
                data = self._frame(deadline)
            answer = self._checked(read_answer(model, data))
            self._turn += 1
            length = sum(answer.blobs)
            blob = self._channel.receive(length, deadline=deadline) if length else b""
        except ChannelTimeoutError:
            self._channel.check_engine()
            raise self._lost(Cause.AGENT_SILENT, f"no answer within {seconds:.0f} s") from None
        except ChannelClosedError:
            cause, said = _why_it_ended(self._channel.ending())
            detail = self._channel.errors().strip() or said
            raise self._lost(cause, detail) from None
        except AnswerError as error:
            raise self._lost(
                Cause.AGENT, f"its answer does not match its schema: {error}"
            ) from error
        return answer, blob

    def _frame(self, deadline: float) -> bytes:
        (size,) = struct.unpack(">I", self._channel.receive(4, deadline=deadline))
        if size > MAX_FRAME:
            raise self._lost(Cause.AGENT, f"it answered with a frame of {size} bytes")
        return self._channel.receive(size, deadline=deadline)

    def _checked(self, answer: Model) -> Model:
        if (answer.token, answer.turn) != (self._token, self._turn):
            raise self._lost(Cause.AGENT, "it answered out of turn")
        return answer

    def _lost(self, cause: Cause, detail: str) -> SessionLostError:
        self.close()
        return SessionLostError(cause, detail[-EVIDENCE_KEPT:])


def _why_it_ended(end: ContainerEnd) -> tuple[Cause, str]:
    """Return the cause of a container's end, and the evidence.

    The engine and its users end a container with SIGKILL or SIGTERM. A fault signal comes from a
    cell, which sent it to process 1. The agent ignores it there, but an emulator cannot: QEMU keeps
    its own handler of SIGSEGV, and this handler faults on a thread that does not run the program.
    """
    if end.out_of_memory:
        return Cause.MEMORY_LIMIT, "the container ended"
    if end.status - _BY_SIGNAL in _FAULTS:
        name = signal.Signals(end.status - _BY_SIGNAL).name
        return Cause.SIGNAL, f"process 1 of the container was killed by {name}"
    return Cause.AGENT_GONE, "the container ended"


def _no_start(
    what: str, cause: Cause, detail: str, kind: type[ImageError] = ImageError
) -> ImageError:
    return kind(f"the image's {what} does not start: {detail}", cause=cause)


def _probe_result(report: CellReport, seconds: float) -> ProbeResult:
    return ProbeResult(
        outcome=report.outcome,
        stage=report.stage,
        cause=report.cause,
        evidence=report.evidence,
        log=report.log,
        seconds=seconds,
        failures=report.failures,
        fault=report.fault,
        tried=report.tried,
        loads=report.loads,
        entries=report.entries,
        starts=report.starts,
        late_untried=report.untried,
        gil=report.gil,
    )
