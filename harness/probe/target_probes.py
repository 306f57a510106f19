"""Probe jobs in an open target: in its session, or alone in a new container."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from harness.core.cells import Outcome
from harness.core.errors import EngineError, ImageError
from harness.core.observations import AttemptMode, ImageRef
from harness.core.passport import Passport
from harness.core.subjects import Subject, WheelRef
from harness.core.targets import Target
from harness.predict.inferred_imports import ImportPlan
from harness.predict.late_plan import NOTHING_LATE, LatePlan
from harness.probe.jobs import Job, OwnTestsJob, ProbeResult
from harness.probe.journal import Journal
from harness.probe.native_installer import NativelyInstalled, NativeTarget
from harness.probe.other_cpu import cpu_variables
from harness.probe.probe_results import not_started, session_lost
from harness.probe.result_keys import Environment, ProbeLimits
from harness.probe.session import Session, SessionLostError
from harness.probe.session_starter import BytecodeSource, SessionStarter
from harness.probe.suite_results import counted, lost_in_tests, with_limits
from harness.probe.target_emulators import TargetEmulators
from harness.wheels.archive.filename import parse_wheel_name
from harness.wheels.install_layout import companion_archive

_LATE_SECONDS = {False: (20, 5), True: (45, 30)}
"""Whether it is emulated → seconds in which a library is opened, and a program started."""


class Installers(Protocol):
    """Installs wheels for emulated targets (``NativeInstaller``)."""

    def install(self, target: Target, passport: Passport, job: Job) -> NativelyInstalled | None: ...

    def native_target(self, target: Target) -> NativeTarget | None: ...

    def close(self) -> None: ...


@dataclass(kw_only=True, slots=True)
class OpenTarget:
    """The target whose cells are being probed."""

    target: Target
    image: ImageRef
    passport: Passport
    passport_id: str
    """Content address of the passport."""
    environment: Environment
    forks_only: bool = False
    """Whether only forks of the first interpreter are on the machine that was asked for."""
    session: Session | None = None
    """None until a cell is measured: a stored passport needs no session."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TargetProbes:
    """Probes in the open targets of one engine."""

    starter: SessionStarter
    emulators: TargetEmulators
    installer: Installers | None
    bytecode: BytecodeSource | None
    journal: Journal
    limits: ProbeLimits

    def job(
        self,
        opened: OpenTarget,
        subject: Subject,
        wheels: tuple[WheelRef, ...],
        plan: ImportPlan,
        late: LatePlan = NOTHING_LATE,
        tests: OwnTestsJob | None = None,
    ) -> Job:
        """Return the job of a cell; ``wheels`` are the companions, then the subject."""
        return Job(
            wheels=tuple((wheel.filename, Path(wheel.path).read_bytes()) for wheel in wheels),
            imports=plan.required,
            submodules=plan.tried,
            call=subject.call,
            timeout=self.limits.timeout,
            quiet=self.limits.quiet,
            beside=companion_archive(wheels[:-1]),
            bytecode=self.compiled(opened, subject, wheels),
            late=late,
            late_seconds=_LATE_SECONDS[bool(opened.environment.emulator)],
            tests=tests,
        )

    def first_attempt(self, opened: OpenTarget, job: Job) -> tuple[AttemptMode, ProbeResult]:
        """Install natively if possible, else in the target; import in the open session.

        With ``job.site`` nothing is installed.
        """
        installed = None if job.site else self._installed(opened, job)
        if installed is None:
            return AttemptMode.SESSION, self._in_session(opened, job)
        if installed.failure is not None:
            return AttemptMode.NATIVE, installed.failure
        seen = self._in_session(opened, replace(job, site=installed.site))
        return AttemptMode.NATIVE, replace(seen, seconds=round(seen.seconds + installed.seconds, 3))

    def attempt_alone(self, opened: OpenTarget, job: Job, mode: AttemptMode) -> ProbeResult:
        """Probe in a new container that is used only once; if it does not start, that is a miss.

        Raises ``EngineError`` if the emulator was replaced since the target was opened.
        """
        self._check_emulator(opened)
        env: tuple[tuple[str, str], ...] = ()
        if mode is AttemptMode.OTHER_CPU:
            mode, env = AttemptMode.UNPACKED, cpu_variables(opened.target.arch)
        with self.starter.open(opened.target, opened.image, env) as session:
            try:
                self.starter.start_single(session, opened.target)
            except ImageError as error:
                return not_started(error)
            return self._result(session, job, mode)

    def _check_emulator(self, opened: OpenTarget) -> None:
        now, then = self.emulators.version(opened.target), opened.environment.emulator
        if now != then:
            raise EngineError(
                f"{opened.target.key}: the emulator was replaced during a cell "
                f"({then or 'none'}, now {now or 'none'}); run the cell again"
            )

    def _in_session(self, opened: OpenTarget, job: Job) -> ProbeResult:
        if opened.session is None or not opened.session.usable:
            opened.session, _ = self.starter.start(opened.target, opened.image)
        result = self._result(opened.session, job, AttemptMode.SESSION)
        if not opened.session.usable:
            opened.session.close()  # now: what it could not kill keeps running in it
        return result

    def _installed(self, opened: OpenTarget, job: Job) -> NativelyInstalled | None:
        if self.installer is None or self.limits.own_pip or not opened.environment.emulator:
            return None
        return self.installer.install(opened.target, opened.passport, job)

    def compiled(self, opened: OpenTarget, subject: Subject, wheels: tuple[WheelRef, ...]) -> bytes:
        """Return the zipped bytecode of wheels for an emulated target; empty for another."""
        if not wheels or self.bytecode is None or not opened.environment.emulator:
            return b""
        with self.journal.timed("wheels", opened.target.key, f"compiling {subject.id}"):
            return self.bytecode.bytecode(opened.target, opened.passport.python, wheels)

    def _result(self, session: Session, job: Job, mode: AttemptMode) -> ProbeResult:
        told: list[str] = []

        def tell(line: str) -> None:
            told[:] = [line or job.tests_shown]
            release = parse_wheel_name(job.wheels[-1][0]).release
            self.journal.announce(f"testing {release}: {told[0]}")

        try:
            result = session.probe(job, mode, tell)
        except SessionLostError as error:
            lost = session_lost(error)
            return lost_in_tests(lost) if told and lost.outcome is Outcome.CRASHED else lost
        if job.tests is None:
            return result
        return with_limits(counted(result), job.tests, self.limits.container)
