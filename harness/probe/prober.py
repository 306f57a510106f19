"""A cell in, an observation out: where image, wheel and probe come together.

One prober serves one worker: it keeps the session of the target at hand open for
all of that target's cells, and confirms every non-pass in a container of its own
before it believes it.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Protocol, Self

from pydantic import TypeAdapter

from harness import __version__
from harness.core.arches import Arch
from harness.core.causes import Cause
from harness.core.cells import Cell, Outcome, Stage
from harness.core.errors import EngineError, ImageError, InfrastructureError, UsageError
from harness.core.observations import AttemptMode, ImageRef, Observation, Provenance
from harness.core.passport import Passport
from harness.core.subjects import Subject, WheelRef
from harness.core.targets import Target
from harness.host.cache import content_key
from harness.host.engine import Engine, EngineInfo, Limits
from harness.predict.cell import NoSurvey, Survey, predict_wheel
from harness.probe.journal import Journal
from harness.probe.native_installer import Installed
from harness.probe.probe_results import (
    explained,
    is_listed,
    lost,
    miss,
    observed,
    recalled,
    refused,
    shared,
)
from harness.probe.repro import docker_line
from harness.probe.result_cache import Memory, NoMemory, Recent, environment_key, result_key
from harness.probe.session import Job, ProbeResult, Session, SessionLostError, agent_payload
from harness.wheels.facts_reader import WheelReader
from harness.wheels.install_layout import companion_archive
from harness.wheels.provider import Refusal

_PASSPORT: TypeAdapter[Passport] = TypeAdapter(Passport)
_WITHOUT_PIP = frozenset({Outcome.IMPORT_FAILED, Outcome.CALL_FAILED, Outcome.CRASHED})
"""What pip has no part in, once it has installed."""


class TargetImages(Protocol):
    """Where target images come from (``harness.images.ImageStore``)."""

    def get(self, target: Target) -> ImageRef: ...


class BytecodeSource(Protocol):
    """Where bytecode comes from that an emulated interpreter need not compile."""

    def agent(self, target: Target) -> tuple[tuple[str, bytes], ...]: ...

    def bytecode(self, target: Target, python: str, wheels: tuple[WheelRef, ...]) -> bytes: ...


class Installers(Protocol):
    """Where wheels are installed for emulated targets.

    It is ``harness.probe.native_installer.NativeInstaller``.
    """

    def install(self, target: Target, passport: Passport, job: Job) -> Installed | None: ...

    def close(self) -> None: ...


class WheelSource(Protocol):
    """Where wheels come from (``harness.wheels.provider.WheelProvider``)."""

    def wheels_for(
        self, subject: Subject, target: Target, passport: Passport
    ) -> tuple[WheelRef, ...] | Refusal: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class ProbeLimits:
    """What one cell may use."""

    timeout: float = 120.0
    """Seconds that a stage may take."""
    quiet: float = 60.0
    """Seconds that a stage may be silent for."""
    container: Limits = field(default_factory=Limits)


@dataclass(kw_only=True, slots=True)
class _Bench:
    """The target at hand: its image, passport and open session."""

    target: Target
    image: ImageRef
    passport: Passport
    passport_id: str
    """Content address of the passport."""
    session: Session | None = None
    """None while a remembered passport suffices."""


class Prober:
    """Observes cells, one at a time; a context manager that leaves no container behind."""

    def __init__(  # noqa: PLR0913 - one for each seam
        self,
        *,
        engine: Engine,
        images: TargetImages,
        wheels: WheelSource,
        journal: Journal,
        emulator_version: Callable[[Arch], str],
        limits: ProbeLimits,
        survey: Survey | None = None,
        memory: Memory | None = None,
        bytecode: BytecodeSource | None = None,
        twins: Installers | None = None,
        own_pip: bool = False,
        reader: WheelReader | None = None,
    ) -> None:
        self._engine = engine
        self._images = images
        self._wheels = wheels
        self._journal = journal
        self._emulator_version = emulator_version
        self._limits = limits
        self._survey = survey or NoSurvey()
        self.symbols = self._survey.symbols
        self._memory = Recent(memory or NoMemory())
        self._bytecode = bytecode
        self._twins = twins
        self._own_pip = own_pip or twins is None
        self._reader = reader or WheelReader()
        self._bench: _Bench | None = None
        self._failed: dict[str, ImageError] = {}
        self._engine_info: EngineInfo | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()

    def leave(self) -> None:
        """Close the session at hand, and that of its twin."""
        self._leave_bench()
        if self._twins is not None:
            self._twins.close()

    def _leave_bench(self) -> None:
        if self._bench is not None and self._bench.session is not None:
            self._bench.session.close()
        self._bench = None

    def image(self, target: Target) -> ImageRef:
        """Return the target's image, made where it is missing. Raises ``EngineError``."""
        return self._images.get(target)

    def passport(self, target: Target) -> Passport:
        """Return what the target says of itself. Raises ``EngineError`` when it cannot be asked."""
        return self._at(target).passport

    def repro_command(self, cell: Cell) -> str:
        """Return one ``docker run`` line that does by itself what a probe of ``cell`` does.

        Raises ``EngineError``, what ``WheelSource`` raises, and ``UsageError`` where the target's
        installer would accept no wheel of the subject, so that there is nothing to run.
        """
        bench = self._at(cell.target)
        wheels = self._wheels.wheels_for(cell.subject, cell.target, bench.passport)
        if isinstance(wheels, Refusal):
            raise UsageError(f"{cell.id}: there is nothing to run: {wheels.reason}")
        return docker_line(cell.target, bench.image, cell.subject, wheels)

    def observe(self, cell: Cell) -> Observation:
        """Probe one cell; whatever goes wrong on this side of the wheel becomes a miss."""
        start = time.monotonic()
        try:
            observation = self._observe(cell)
        except InfrastructureError as error:
            if isinstance(error, EngineError) and not isinstance(error, ImageError):
                self.leave()
            observation = miss(cell, error)
        finally:
            self._journal.activity(cell.target.key, "")
        observation = replace(
            observation,
            measured_at=observation.measured_at or datetime.now(UTC).isoformat(timespec="seconds"),
            seconds={**observation.seconds, "total": round(time.monotonic() - start, 3)},
        )
        self._journal.cell(observation)
        return observation

    def _observe(self, cell: Cell) -> Observation:
        bench = self._at(cell.target)
        with self._phase("wheels", cell.target.key, f"fetching {cell.subject.id}"):
            wheels = self._wheels.wheels_for(cell.subject, cell.target, bench.passport)
        base = Observation(
            cell=cell.id,
            outcome=Outcome.REFUSED,
            stage=Stage.WHEEL,
            cause=Cause.TAG_REFUSED,
            provenance=self._provenance(bench),
        )
        if isinstance(wheels, Refusal):
            return replace(base, evidence=wheels.reason)
        base = replace(base, wheel=wheels[-1], key=self._result_key(bench, cell.subject, wheels))
        predicted = predict_wheel(
            wheels[-1], bench.passport, self.symbols, cell.subject.imports, self._reader
        )
        if (known := self._memory.observation(base.key)) is not None:
            return explained(recalled(base, known), predicted)
        if (twin := self._memory.twin(base.key, cell.target)) is not None:
            return explained(shared(base, twin), predicted)
        job = self._job(bench, cell.subject, wheels)
        with self._phase("probes", cell.target.key, f"probing {cell.subject.id}"):
            results = self._probe(bench, job)
        seen = explained(observed(base, results), predicted)
        self._memory.keep_observation(seen, cell.target)
        return seen

    def _job(self, bench: _Bench, subject: Subject, wheels: tuple[WheelRef, ...]) -> Job:
        return Job(
            wheels=tuple((wheel.filename, Path(wheel.path).read_bytes()) for wheel in wheels),
            imports=subject.imports,
            call=subject.call,
            timeout=self._limits.timeout,
            quiet=self._limits.quiet,
            beside=companion_archive(wheels[:-1]),
            bytecode=self._compiled(bench, subject, wheels),
        )

    def _compiled(self, bench: _Bench, subject: Subject, wheels: tuple[WheelRef, ...]) -> bytes:
        if self._bytecode is None or not self._emulator_version(bench.target.arch):
            return b""
        with self._phase("wheels", bench.target.key, f"compiling {subject.id}"):
            return self._bytecode.bytecode(bench.target, bench.passport.python, wheels)

    def _probe(self, bench: _Bench, job: Job) -> list[tuple[AttemptMode, ProbeResult]]:
        """Probe in the open session; confirm what is no pass in a container of its own."""
        if bench.session is None:
            bench.session, _ = self._start(bench.target, bench.image)
        mode, first = self._probe_first(bench, bench.session, job)
        if first.outcome is not Outcome.MISS and not is_listed(job, bench.passport):
            return [(mode, refused(job, first))]
        if first.outcome is Outcome.PASS:
            return [(mode, first)]
        return [(mode, first), self._confirm(bench, job, first)]

    def _probe_first(
        self, bench: _Bench, session: Session, job: Job
    ) -> tuple[AttemptMode, ProbeResult]:
        """Install on the target's native twin where it can be had, and import on the target."""
        there = None
        if self._twins and not self._own_pip and self._emulator_version(bench.target.arch):
            there = self._twins.install(bench.target, bench.passport, job)
        if there is not None and there.failure is not None:
            return AttemptMode.NATIVE, there.failure
        mode, site, spent = AttemptMode.SESSION, b"", 0.0
        if there is not None:
            mode, site, spent = AttemptMode.NATIVE, there.site, there.seconds
        try:
            seen = session.probe(replace(job, site=site))
        except SessionLostError as error:
            return mode, lost(error)
        return mode, replace(seen, seconds=round(seen.seconds + spent, 3))

    def _confirm(
        self, bench: _Bench, job: Job, first: ProbeResult
    ) -> tuple[AttemptMode, ProbeResult]:
        """Return the result that is believed, and how it came about.

        What pip installed and an import did not stand needs no second pip, most of the time
        that a confirmation takes: where the unpacked wheel fails in a new interpreter with the
        same words, that is believed. Where it does not, the slow way decides.
        """
        if first.stage in (Stage.IMPORT, Stage.CALL) and first.outcome in _WITHOUT_PIP:
            again = self._probe_alone(bench, job, AttemptMode.UNPACKED)
            if (again.outcome, again.stage, again.evidence) == (
                first.outcome,
                first.stage,
                first.evidence,
            ):
                return AttemptMode.UNPACKED, again
        return AttemptMode.FRESH, self._probe_alone(bench, job, AttemptMode.FRESH)

    def _probe_alone(self, bench: _Bench, job: Job, mode: AttemptMode) -> ProbeResult:
        with self._session(bench.target, bench.image) as session:
            compiled = self._agent(bench.target)
            session.start(warm=False, sealed=mode is AttemptMode.FRESH, compiled=compiled)
            try:
                return session.probe(job, mode)
            except SessionLostError as error:
                return lost(error)

    # --- the target at hand -----------------------------------------------------------

    def _at(self, target: Target) -> _Bench:
        """Return the bench of ``target`` with a usable session, opening one where needed."""
        if self._bench is not None and self._bench.target != target:
            self._leave_bench()  # the twin's is for the next target too, mostly
        if target.key in self._failed:
            raise self._failed[target.key]
        if self._bench is None:
            try:
                self._bench = self._open(target)
            except ImageError as error:
                self._failed[target.key] = error
                raise
        elif self._bench.session is not None and not self._bench.session.usable:
            self._bench.session.close()
            self._bench.session, _ = self._start(target, self._bench.image)
        return self._bench

    def _open(self, target: Target) -> _Bench:
        with self._phase("images", target.key, "getting the image"):
            image = self._images.get(target)
        session = None
        environment = self._environment(target, image)
        passport = self._memory.passport(environment)
        if passport is None:
            session, passport = self._start(target, image)
            self._memory.keep_passport(environment, passport)
        else:
            passport = self._survey.complete(passport, target, image)
        self._journal.passport(_passport_id(passport), environment, passport)
        return _Bench(
            target=target,
            image=image,
            passport=passport,
            passport_id=_passport_id(passport),
            session=session,
        )

    def _start(self, target: Target, image: ImageRef) -> tuple[Session, Passport]:
        with self._phase("sessions", target.key, "starting the interpreter"):
            session = self._session(target, image)
            try:
                passport = session.start(compiled=self._agent(target))
                passport = self._survey.complete(passport, target, image)
            except BaseException:
                session.close()
                raise
        return session, passport

    def _agent(self, target: Target) -> tuple[tuple[str, bytes], ...]:
        if self._bytecode is None or not self._emulator_version(target.arch):
            return ()
        return self._bytecode.agent(target)

    def _session(self, target: Target, image: ImageRef) -> Session:
        return Session(self._engine, image.id, target, self._limits.container)

    def _provenance(self, bench: _Bench) -> Provenance:
        return Provenance(
            image=bench.image,
            passport_id=bench.passport_id,
            qemu=self._emulator_version(bench.target.arch),
            qemu_cpu=_qemu_cpu(bench.target),
            page_size=bench.passport.page_size,
            kernel=bench.passport.kernel,
            engine=self._engine_now().version,
            harness=__version__,
        )

    def _engine_now(self) -> EngineInfo:
        if self._engine_info is None:
            self._engine_info = self._engine.info()
        return self._engine_info

    def _environment(self, target: Target, image: ImageRef) -> str:
        """Return what stands for all that a passport depends on."""
        engine = self._engine_now()
        return environment_key(
            target,
            image,
            *self._emulation(target),
            engine.version,
            engine.kernel,
            *(field.name for field in fields(Passport)),
        )

    def _result_key(self, bench: _Bench, subject: Subject, wheels: Sequence[WheelRef]) -> str:
        environment = environment_key(bench.target, bench.image, *self._emulation(bench.target))
        limits = f"{self._limits!r}{', own pip' if self._own_pip else ''}"
        return result_key(environment, subject, wheels, limits, bench.passport.page_size)

    def _emulation(self, target: Target) -> tuple[str, str, str]:
        return _agent_digest(), self._emulator_version(target.arch), _qemu_cpu(target)

    @contextmanager
    def _phase(self, phase: str, target: str, doing: str) -> Iterator[None]:
        self._journal.activity(target, doing)
        start = time.monotonic()
        try:
            yield
        finally:
            self._journal.phase(phase, time.monotonic() - start)


def _passport_id(passport: Passport) -> str:
    return content_key(_PASSPORT.dump_json(passport).decode())


def _qemu_cpu(target: Target) -> str:
    return dict(target.arch.qemu_env).get("QEMU_CPU", "")


@cache
def _agent_digest() -> str:
    return content_key(agent_payload().decode())
