"""Open one target at a time: its image, its passport and sessions in it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, Self

from harness.core.arches import Arch
from harness.core.causes import Cause
from harness.core.cells import Outcome
from harness.core.errors import EngineError, ImageError, MachineError
from harness.core.machines import difference, machine_of, on_machine
from harness.core.observations import AttemptMode, ImageRef
from harness.core.passport import Passport
from harness.core.subjects import Subject, WheelRef
from harness.core.targets import Target
from harness.host.engine import Engine, EngineInfo
from harness.host.engine.api import MachineRun
from harness.host.static_emulator import find_static_emulator
from harness.predict.cell import NoSurvey, Survey
from harness.predict.inferred_imports import ImportPlan
from harness.predict.late_plan import NOTHING_LATE, LatePlan
from harness.probe.jobs import Job, OwnTestsJob, ProbeResult
from harness.probe.journal import Journal
from harness.probe.native_installer import NativelyInstalled, NativeTarget
from harness.probe.other_cpu import cpu_variables
from harness.probe.probe_results import not_started, session_lost
from harness.probe.result_cache import ResultCache
from harness.probe.result_keys import (
    Environment,
    ProbeLimits,
    cpu_features_key,
    environment_of,
    passport_id,
)
from harness.probe.session import Session, SessionLostError, StartLostError, open_session
from harness.probe.suite_results import counted, lost_to_memory, with_limits
from harness.wheels.archive.filename import parse_wheel_name
from harness.wheels.install_layout import companion_archive

LATE_SECONDS = {False: (20, 5), True: (45, 30)}
"""Whether it is emulated → seconds in which a library is opened, and a program started."""


class TargetImages(Protocol):
    """Provides target images (``harness.images.ImageProvider``)."""

    def get(self, target: Target) -> ImageRef: ...

    def has(self, target: Target) -> bool: ...


class BytecodeSource(Protocol):
    """Provides bytecode, so that an emulated interpreter need not compile (``Precompiler``)."""

    def agent(self, target: Target) -> tuple[tuple[str, bytes], ...]: ...

    def bytecode(self, target: Target, python: str, wheels: tuple[WheelRef, ...]) -> bytes: ...


class StaticProgram(Protocol):
    """An emulator that is sent into the container (``harness.host.static_emulator``)."""

    @property
    def path(self) -> Path: ...

    @property
    def version(self) -> str: ...

    def program(self) -> bytes: ...


class Installers(Protocol):
    """Installs wheels for emulated targets (``NativeInstaller``)."""

    def install(self, target: Target, passport: Passport, job: Job) -> NativelyInstalled | None: ...

    def native_target(self, target: Target) -> NativeTarget | None: ...

    def close(self) -> None: ...


class TargetSource(Protocol):
    """Opens targets, on one engine (``TargetSessions``) or on several (``EngineTargets``)."""

    def serving(self, target: Target) -> "TargetSessions":
        """Return the sessions of the engine that serves the target. Raises ``EngineError``."""

    def hand_over(self, target: Target, error: EngineError) -> bool:
        """Close everything after the engine failed; return whether another serves the target."""

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


class TargetSessions:
    """Opens targets and probes in them; ``close`` removes every container.

    An image that is unavailable is requested once.
    """

    def __init__(  # noqa: PLR0913 - one for each collaborator
        self,
        *,
        engine: Engine,
        images: TargetImages,
        journal: Journal,
        emulator_version: Callable[[Arch], str],
        limits: ProbeLimits,
        known: ResultCache,
        survey: Survey | None = None,
        bytecode: BytecodeSource | None = None,
        installer: Installers | None = None,
        static_emulator: Callable[[Arch], StaticProgram] = find_static_emulator,
        require_hardening: bool = False,
        engine_name: str = "",
        engine_machine: Callable[[Arch], MachineRun] | None = None,
    ) -> None:
        self.limits = limits
        self.engine_name = engine_name
        """Address of the engine; empty for this machine's."""
        self._engine_machine = engine_machine
        """What the engine's machine says of itself; None if it is this one."""
        self.survey = survey or NoSurvey()
        self._engine = engine
        self._images = images
        self._journal = journal
        self._emulator_version = emulator_version
        self._static_emulator = static_emulator
        self._known = known
        self._bytecode = bytecode
        self._installer = installer
        self._require_hardening = require_hardening
        self._opened: OpenTarget | None = None
        self._failed: dict[str, ImageError] = {}
        self._engine_info: EngineInfo | None = None
        self._engine_failed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def engine_info(self) -> EngineInfo:
        """Version, kernel and limits of the engine. Raises ``EngineError``."""
        if self._engine_info is None:
            self._engine_info = self._engine.info()
        return self._engine_info

    def close(self) -> None:
        """Close the open target, and the native installer's session."""
        self._close_target()
        if self._installer is not None:
            self._installer.close()

    def serving(self, _: Target) -> Self:
        """Return these sessions: there is one engine."""
        return self

    def hand_over(self, _: Target, __: EngineError) -> bool:
        """Close everything after the engine failed; it may be back for the next cell, and new."""
        self._engine_failed = True
        self._engine_info = None
        self.close()
        return False

    def carried_emulator(self, target: Target) -> str:
        """Return the path of the static emulator that runs the target; empty if none does."""
        return str(self._static_emulator(target.arch).path) if self._is_carried(target) else ""

    def image(self, target: Target) -> ImageRef:
        """Return the target's image, made if it is missing. Raises ``EngineError``."""
        return self._images.get(target)

    def is_known(self, target: Target) -> bool:
        """Return whether the engine has the target's image, and its passport is stored.

        Raises ``EngineError``.
        """
        if self._opened is not None and self._opened.target == target:
            return True
        if not self._images.has(target):
            return False
        environment = self._environment(target, self._images.get(target))
        return self._known.passport(environment.key) is not None

    def at(self, target: Target) -> OpenTarget:
        """Return ``target``, opened, with its passport. Raises ``EngineError``."""
        opened = self._opened
        if opened is not None and opened.target == target and self._is_as_opened(opened):
            return opened
        self._close_target()  # the installer's session usually serves the next target, too
        if self._engine_failed:
            self._engine.ping()  # in a few seconds: a request may take minutes to fail
            self._engine.reap()
            self._engine_failed = False
        if target.key in self._failed:
            raise self._failed[target.key]
        try:
            self._opened = self._open(target)
        except ImageError as error:
            self._failed[target.key] = error
            raise
        return self._opened

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
            late_seconds=LATE_SECONDS[bool(opened.environment.emulator)],
            tests=tests,
        )

    def first_attempt(self, opened: OpenTarget, job: Job) -> tuple[AttemptMode, ProbeResult]:
        """Install natively if possible, else in the target; import in the open session.

        With ``job.site`` nothing is installed.
        """
        if job.site:
            return AttemptMode.SESSION, self._in_session(opened, job)
        installed = self._installed(opened, job)
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
        with self._session(opened.target, opened.image, env) as session:
            try:
                passport = session.start(warm=False, compiled=self._agent(opened.target))
                _assert_machine(opened.target, passport)
            except ImageError as error:
                return not_started(error)
            return self._result(session, job, mode)

    def on_native_arch(self, opened: OpenTarget) -> OpenTarget | None:
        """Return the same target on this machine's arch, for ``attempt_alone``; None if missing."""
        native = self._installer.native_target(opened.target) if self._installer else None
        if native is None:
            return None
        image = replace(opened.image, id=native.image)
        return OpenTarget(
            target=native.target,
            image=image,
            passport=native.passport,
            passport_id=passport_id(native.passport),
            environment=self._environment(native.target, image),
        )

    def _check_emulator(self, opened: OpenTarget) -> None:
        now, then = self._emulator(opened.target), opened.environment.emulator
        if now != then:
            raise EngineError(
                f"{opened.target.key}: the emulator was replaced during a cell "
                f"({then or 'none'}, now {now or 'none'}); run the cell again"
            )

    def _is_as_opened(self, opened: OpenTarget) -> bool:
        """Whether the target's session goes on, or would start in the environment of its passport.

        Else the target must be opened again: the emulator was replaced.
        """
        if opened.session is not None and opened.session.usable:
            return True
        return self._environment(opened.target, opened.image) == opened.environment

    def _in_session(self, opened: OpenTarget, job: Job) -> ProbeResult:
        if opened.session is None or not opened.session.usable:
            opened.session, _ = self._start(opened.target, opened.image)
        result = self._result(opened.session, job, AttemptMode.SESSION)
        if not opened.session.usable:
            opened.session.close()  # now: what it could not kill keeps running in it
        return result

    def _installed(self, opened: OpenTarget, job: Job) -> NativelyInstalled | None:
        if self._installer is None or self.limits.own_pip or not opened.environment.emulator:
            return None
        return self._installer.install(opened.target, opened.passport, job)

    def compiled(self, opened: OpenTarget, subject: Subject, wheels: tuple[WheelRef, ...]) -> bytes:
        """Return the zipped bytecode of wheels for an emulated target; empty for another."""
        if not wheels or self._bytecode is None or not opened.environment.emulator:
            return b""
        with self._journal.timed("wheels", opened.target.key, f"compiling {subject.id}"):
            return self._bytecode.bytecode(opened.target, opened.passport.python, wheels)

    def _open(self, target: Target) -> OpenTarget:
        with self._journal.timed("images", target.key, "getting the image"):
            image = self._images.get(target)
        environment = self._environment(target, image)
        session = None
        passport = self._known.passport(environment.key)
        if passport is None:
            session, passport = self._start(target, image)
            self._known.keep_passport(environment.key, passport)
        else:
            passport = replace(passport, kernel=self.engine_info.kernel)
            passport = self.survey.complete(passport, target, image)
        opened = OpenTarget(
            target=target,
            image=image,
            passport=passport,
            passport_id=passport_id(passport),
            environment=environment,
            forks_only=self._is_carried(target),
            session=session,
        )
        self._journal.passport(opened.passport_id, environment.key, passport)
        return opened

    def _environment(self, target: Target, image: ImageRef) -> Environment:
        emulator = self._emulator(target)
        info = self.engine_info
        found = environment_of(target, image, emulator, info.kernel, info.runtime)
        if self._engine_machine is None or emulator:
            return found
        machine = self._engine_machine(target.arch)
        features = cpu_features_key(machine.cpuinfo)
        return replace(found, cpu_features=features, page_size=machine.page_size)

    def _start(self, target: Target, image: ImageRef) -> tuple[Session, Passport]:
        """Start a session; twice if its container ended, which may have been somebody's deed."""
        try:
            return self._started(target, image)
        except StartLostError:
            return self._started(target, image)

    def _started(self, target: Target, image: ImageRef) -> tuple[Session, Passport]:
        with self._journal.timed("sessions", target.key, "starting the interpreter"):
            session = self._session(target, image)
            try:
                passport = session.start(compiled=self._agent(target))
                self._note_unenforced(target, session.unenforced)
                passport = self.survey.complete(passport, target, image)
                _assert_machine(target, passport)
                passport = on_machine(passport, target)
            except BaseException:
                session.close()
                raise
        return session, passport

    def _note_unenforced(self, target: Target, names: tuple[str, ...]) -> None:
        """Journal what the engine does not enforce; raise ``ImageError`` if it is required."""
        self._journal.unenforced(target.key, names)
        if names and self._require_hardening:
            raise ImageError(
                f"{target.key}: the engine does not enforce {', '.join(names)}; "
                "run without --require-hardening, or on an engine that does",
                cause=Cause.HARDENING,
            )

    def _agent(self, target: Target) -> tuple[tuple[str, bytes], ...]:
        if self._bytecode is None or not self._emulator(target):
            return ()
        return self._bytecode.agent(target)

    def _session(
        self, target: Target, image: ImageRef, env: tuple[tuple[str, str], ...] = ()
    ) -> Session:
        machine = machine_of(target)
        variables = dict(machine.variables if machine else ()) | dict(env)
        program = self._static_emulator(target.arch).program() if self._is_carried(target) else b""
        limits = self.limits.container
        return open_session(
            self._engine, image.id, target, limits, tuple(variables.items()), program
        )

    def _emulator(self, target: Target) -> str:
        """Return the version of the emulator that runs the target; empty if none does.

        Raises ``MachineError`` if one is needed that is not installed.
        """
        if self._is_carried(target):
            return self._static_emulator(target.arch).version
        return self._emulator_version(target.arch)

    def _is_carried(self, target: Target) -> bool:
        """Whether a native interpreter must be emulated, for the machine that is asked for."""
        return machine_of(target) is not None and not self._emulator_version(target.arch)

    def _close_target(self) -> None:
        if self._opened is not None and self._opened.session is not None:
            self._opened.session.close()
        self._opened = None

    def _result(self, session: Session, job: Job, mode: AttemptMode) -> ProbeResult:
        told: list[str] = []

        def tell(line: str) -> None:
            told[:] = [line or job.tests_shown]
            release = parse_wheel_name(job.wheels[-1][0]).release
            self._journal.announce(f"testing {release}: {told[0]}")

        try:
            result = session.probe(job, mode, tell)
        except SessionLostError as error:
            lost = session_lost(error)
            return lost_to_memory(lost) if told and lost.outcome is Outcome.CRASHED else lost
        if job.tests is None:
            return result
        return with_limits(counted(result), job.tests, self.limits.container)


def _assert_machine(target: Target, passport: Passport) -> None:
    """Raise ``MachineError`` if the session is not on the machine that was asked for."""
    machine = machine_of(target)
    if machine and (how := difference(machine, passport)):
        ignored = "; QEMU 9.0 and newer ignore QEMU_PAGESIZE" if machine.page_size else ""
        raise MachineError(
            f"machine {machine.name}: {how}{ignored}", passport=on_machine(passport, target)
        )
