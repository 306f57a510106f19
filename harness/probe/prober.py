"""The prober returns an observation for every cell; errors become misses."""

import contextlib
import time
import traceback
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Protocol, Self

from harness import __version__
from harness.core.canary_check import CanaryCheck, MissedCanary
from harness.core.causes import Cause
from harness.core.cells import Cell, Outcome, Stage
from harness.core.errors import (
    EngineError,
    ImageError,
    InfrastructureError,
    MachineError,
    UsageError,
)
from harness.core.machines import machine_of
from harness.core.observations import AttemptMode, ImageRef, Observation, Prediction, Provenance
from harness.core.passport import Passport, Symbols
from harness.core.subjects import Subject, WheelRef
from harness.core.targets import Target
from harness.images.debian_root import native_arch
from harness.predict.cell import beside_of, predict_wheel
from harness.predict.inferred_imports import ImportPlan, plan_imports
from harness.predict.installed_layout import layout_of
from harness.predict.late_plan import NOTHING_LATE, LatePlan, plan_late
from harness.predict.limits import is_optional
from harness.probe.canary_probe import check_canaries
from harness.probe.confirmation import Attempts, accepts_tag, believed, next_mode
from harness.probe.dependency_failures import accused, blame_unread, name_dependency
from harness.probe.illegal_instruction import located
from harness.probe.jobs import Job, ProbeResult
from harness.probe.journal import Journal
from harness.probe.late_failures import weigh_late
from harness.probe.module_failures import weigh_failures
from harness.probe.open_target import OpenTarget, TargetSessions, TargetSource
from harness.probe.other_cpu import compared_crash
from harness.probe.own_tests_job import own_tests_job
from harness.probe.probe_results import defect, miss, observed, reused, shared, without_gil
from harness.probe.repro import docker_line
from harness.probe.result_cache import ResultCache
from harness.probe.result_keys import dependencies_of, own_tests_key
from harness.probe.seen_causes import explained
from harness.probe.suite_results import not_installed
from harness.wheels.archive.contents import WheelFacts
from harness.wheels.archive.filename import parse_wheel_name
from harness.wheels.facts_reader import WheelReader
from harness.wheels.install_layout import owner_of
from harness.wheels.provider import Refusal


class WheelSource(Protocol):
    """Provides wheels (``harness.wheels.provider.WheelProvider``)."""

    def wheels_for(
        self, subject: Subject, target: Target, passport: Passport
    ) -> tuple[WheelRef, ...] | Refusal: ...

    def tests_for(
        self, subject: Subject, wheel: WheelRef, passport: Passport
    ) -> tuple[WheelRef, ...] | Refusal: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class _Unmeasured:
    """What is known of a cell before it is measured."""

    opened: OpenTarget
    wheels: tuple[WheelRef, ...]
    dependencies: tuple[WheelRef, ...]
    """Those of ``wheels`` that were resolved and are small enough to be read."""
    facts: WheelFacts | None
    plan: ImportPlan
    late: LatePlan
    test_wheels: tuple[WheelRef, ...] | Refusal
    """What only the project's own tests require."""
    base: Observation
    predicted: Prediction | None


class Prober:
    """Observes one cell at a time; a context manager that removes its containers."""

    def __init__(  # noqa: PLR0913 - one for each collaborator, and two for what is asked
        self,
        *,
        targets: TargetSource,
        wheels: WheelSource,
        journal: Journal,
        known: ResultCache,
        reader: WheelReader | None = None,
        canaries: bool = False,
        require_nogil: bool = False,
    ) -> None:
        self._source = targets
        self._targets: TargetSessions
        """Those of the engine that serves the current target."""
        self._wheels = wheels
        self._journal = journal
        self._known = known
        self._reader = reader or WheelReader()
        self._canaries = canaries
        """Whether columns are checked before their first measured cell."""
        self._require_nogil = require_nogil
        """Whether an import that switches the GIL on is a failure."""
        self._checks: dict[str, CanaryCheck] = {}
        """By the key of a target, and by that of an environment: targets with the same image are
        checked once."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()

    @property
    def symbols(self) -> Symbols:
        """The symbol sets of the measured passports."""
        return self._targets.survey.symbols

    def leave(self) -> None:
        """Close the open target."""
        self._source.close()

    def image(self, target: Target) -> ImageRef:
        """Return the target's image, made if it is missing. Raises ``EngineError``."""
        return self._source.serving(target).image(target)

    def passport(self, target: Target) -> Passport:
        """Return the target's passport. Raises ``EngineError``."""
        return self._source.serving(target).at(target).passport

    def repro_command(self, cell: Cell, seccomp: str = "") -> str:
        """Return a ``docker run`` line that does what a probe of ``cell`` does.

        Raises ``EngineError``, what ``WheelSource`` raises, and ``UsageError`` if the target's
        installer accepts no wheel of the subject: then there is nothing to run.
        """
        self._targets = self._source.serving(cell.target)
        opened = self._targets.at(cell.target)
        wheels = self._wheels.wheels_for(cell.subject, cell.target, opened.passport)
        if isinstance(wheels, Refusal):
            raise UsageError(f"{cell.id}: there is nothing to run: {wheels.reason}")
        emulator = self._targets.carried_emulator(cell.target)
        for_tests = self._test_wheels(cell, wheels[-1], opened)
        if isinstance(for_tests, Refusal):
            raise UsageError(f"{cell.id}: its tests cannot run: {for_tests.reason}")
        return docker_line(
            cell.target,
            opened.image,
            cell.subject,
            wheels,
            seccomp,
            emulator,
            for_tests,
            _planned(cell.subject, self._reader.facts(wheels[-1]))[1],
        )

    def observe(self, cell: Cell) -> Observation:
        """Probe one cell and journal its observation; an infrastructure error is a miss.

        If the engine fails and another serves the target, the cell is probed there from the start.
        """
        start = time.monotonic()
        while (observation := self._tried(cell)) is None:
            pass
        return self._journaled(observation, start)

    def _tried(self, cell: Cell) -> Observation | None:
        """Return the observation of a cell; None if the engine failed and there is another."""
        try:
            return self._observe(cell)
        except MachineError as error:
            return replace(miss(cell, error), prediction=self._predicted(cell, error))
        except ImageError as error:
            return miss(cell, error)
        except EngineError as error:
            return None if self._source.hand_over(cell.target, error) else miss(cell, error)
        except InfrastructureError as error:
            return miss(cell, error)
        except Exception:  # noqa: BLE001 - the run continues; the miss reports our defect
            self.leave()
            return defect(cell, traceback.format_exc())
        finally:
            self._journal.activity(cell.target.key, "")

    def _predicted(self, cell: Cell, error: MachineError) -> Prediction | None:
        """Return what would become of a cell on a machine that cannot be had here."""
        if error.passport is None:
            return None
        with contextlib.suppress(InfrastructureError):
            wheels = self._wheels.wheels_for(cell.subject, cell.target, error.passport)
            if not isinstance(wheels, Refusal):
                imports = cell.subject.imports
                return predict_wheel(
                    wheels[-1], error.passport, self.symbols, imports, self._reader
                )
        return None

    def recall(self, cell: Cell) -> Observation | None:
        """Return and journal the cell's result if nothing must be measured for it, else None.

        Opens no container, and makes no image. Raises ``InfrastructureError``.
        """
        start = time.monotonic()
        self._targets = self._source.serving(cell.target)
        if not self._targets.is_known(cell.target):
            return None
        begun = self._begin(cell)
        return self._journaled(begun, start) if isinstance(begun, Observation) else None

    def _journaled(self, observation: Observation, start: float) -> Observation:
        observation = replace(
            observation,
            measured_at=observation.measured_at or datetime.now(UTC).isoformat(timespec="seconds"),
            seconds={**observation.seconds, "total": round(time.monotonic() - start, 3)},
        )
        self._journal.cell(observation)
        return observation

    def _observe(self, cell: Cell) -> Observation:
        self._targets = self._source.serving(cell.target)
        begun = self._begin(cell)
        if self._canaries and not (isinstance(begun, Observation) and begun.cached):
            check = self._check_column(cell.target)
            if check.missed:  # what such a column shows is never reused
                begun = _without_key(begun)
        return begun if isinstance(begun, Observation) else self._measure(cell, begun)

    def _check_column(self, target: Target) -> CanaryCheck:
        """Return what the canaries say of the target; probe them at its first measured cell."""
        opened = self._targets.at(target)
        before, known = map(self._checks.get, (target.key, opened.environment.key))
        if before and known:
            return before
        if known is None:
            with self._journal.timed("canaries", target.key, "probing canaries"):
                check = check_canaries(self._targets, opened)
            self._checks[opened.environment.key] = check
        else:
            check = replace(known, target=target.key, seconds=0.0)
        if before:  # on an engine that failed since
            check = replace(check, missed=(*before.missed, *check.missed))
        self._checks[target.key] = check
        self._journal.canaries(check)
        return check

    def missed_canaries(self, target: Target) -> tuple[MissedCanary, ...]:
        """Return the canaries that a checked target missed."""
        check = self._checks.get(target.key)
        return check.missed if check else ()

    def _begin(self, cell: Cell) -> "Observation | _Unmeasured":
        """Return the result of a cell that nothing must be measured for, else what is known."""
        opened = self._targets.at(cell.target)
        with self._journal.timed("wheels", cell.target.key, f"fetching {cell.subject.id}"):
            wheels = self._wheels.wheels_for(cell.subject, cell.target, opened.passport)
        refused = Observation(
            cell=cell.id,
            outcome=Outcome.REFUSED,
            stage=Stage.WHEEL,
            cause=Cause.TAG_REFUSED,
            provenance=self._provenance(opened),
        )
        if isinstance(wheels, Refusal):
            return replace(refused, cause=wheels.cause, evidence=wheels.reason)
        facts = self._reader.facts(wheels[-1])
        plan, late = _planned(cell.subject, facts)
        if opened.forks_only:
            late = replace(late, programs=())  # they would not be on the machine
        test_wheels = self._test_wheels(cell, wheels[-1], opened)
        depends = dependencies_of(
            opened.environment,
            wheels,
            plan,
            cell.subject.call,
            self._targets.limits,
            late,
            tests=own_tests_key(cell.subject.tests, test_wheels),
        )
        base = replace(
            refused,
            cause="",
            wheel=wheels[-1],
            companions=tuple(wheel.filename for wheel in wheels[:-1]),
            key=depends.key,
            findings=facts.findings if facts else (),
            imports=plan.required + plan.tried,
        )
        beside = beside_of(wheels[:-1], resolved=cell.subject.dependencies is not None)
        predicted = predict_wheel(
            wheels[-1],
            opened.passport,
            self.symbols,
            cell.subject.imports,
            self._reader,
            beside,
        )
        begun = _Unmeasured(
            opened=opened,
            wheels=wheels,
            dependencies=beside.wheels,
            facts=facts,
            plan=plan,
            late=late,
            test_wheels=test_wheels,
            base=base,
            predicted=predicted,
        )
        if (known := self._known.observation(base.key)) is not None:
            return self._explained(reused(base, known), begun)
        if (known := self._known.elsewhere(base.key, cell.target)) is not None:
            return self._explained(shared(base, known), begun)
        return begun

    def _test_wheels(
        self, cell: Cell, wheel: WheelRef, opened: OpenTarget
    ) -> tuple[WheelRef, ...] | Refusal:
        if cell.subject.tests is None:
            return ()
        doing = f"fetching what the tests of {cell.subject.id} require"
        with self._journal.timed("wheels", cell.target.key, doing):
            return self._wheels.tests_for(cell.subject, wheel, opened.passport)

    def _explained(self, seen: Observation, begun: "_Unmeasured") -> Observation:
        """Return the observation with its cause, sought in the wheel that failed."""
        passport, dependencies = begun.opened.passport, begun.dependencies
        if seen.outcome is Outcome.IMPORT_FAILED:
            read = filter(None, map(self._reader.facts, dependencies))
            evidence = blame_unread(seen.evidence, read, passport.extension_suffixes)
            seen = replace(seen, evidence=evidence)
        failed = accused(seen.evidence, dependencies)
        facts = self._reader.facts(failed) if failed else begun.facts
        seen = explained(seen, begun.predicted, facts, passport)
        return without_gil(seen) if self._require_nogil else seen

    def _measure(self, cell: Cell, begun: "_Unmeasured") -> Observation:
        opened, wheels, tests = begun.opened, begun.wheels, None
        if cell.subject.tests and not isinstance(begun.test_wheels, Refusal):
            bytecode = self._targets.compiled(opened, cell.subject, begun.test_wheels)
            tests = own_tests_job(cell.subject.tests, begun.test_wheels, bytecode)
        job = self._targets.job(opened, cell.subject, wheels, begun.plan, begun.late, tests)
        tag_accepted = accepts_tag(wheels[-1].filename, opened.passport)
        with self._journal.timed("probes", cell.target.key, f"probing {cell.subject.id}"):
            attempts = self._attempts(job, cell.subject, begun, tag_accepted=tag_accepted)
        result = believed(attempts, tag_accepted=tag_accepted, filename=wheels[-1].filename)
        model = opened.environment.cpu_model
        result = compared_crash(result, attempts, cell.target.arch, model, native_arch().name)
        result = located(result, attempts, cell.target.arch)
        if cell.subject.dependencies is not None:
            result = name_dependency(result, lambda place: owner_of(place, wheels[:-1]))
        if isinstance(begun.test_wheels, Refusal) and result.outcome is Outcome.PASS:
            result = not_installed(result, begun.test_wheels.reason)
        seen = self._explained(observed(begun.base, attempts, result), begun)
        self._known.keep_observation(seen, cell.target)
        return seen

    def _attempts(
        self, job: Job, subject: Subject, begun: "_Unmeasured", *, tag_accepted: bool
    ) -> Attempts:
        """Probe a cell until ``confirmation`` needs no further attempt."""
        distribution = parse_wheel_name(job.wheels[-1][0]).distribution
        optional = frozenset(m for m in job.submodules if is_optional(distribution, m))
        guarded = begun.facts.sources.guarded if begun.facts else frozenset[str]()

        def weighed(result: ProbeResult) -> ProbeResult:
            result = weigh_failures(result, job, optional, guarded, begun.plan)
            return weigh_late(result, begun.facts, opened.passport, emulated=emulated)

        opened = begun.opened
        # A crash that the wheel's bytes explain needs no other suspect. On a machine that was asked
        # for, what happens on another one is beside the point.
        known = begun.predicted is not None and begun.predicted.outcome is Outcome.CRASHED
        plain = machine_of(opened.target) is None
        emulated = bool(opened.environment.emulator) and plain and not known
        mode, result = self._targets.first_attempt(begun.opened, job)
        attempts = [(mode, weighed(result))]
        while again := next_mode(
            attempts, tag_accepted=tag_accepted, emulated=emulated, forks_only=opened.forks_only
        ):
            if again is AttemptMode.NATIVE_ARCH:
                native = self._attempt_natively(subject, opened)
                return [*attempts, (again, weighed(native))] if native else attempts
            traced = replace(job, trace=attempts[-1][1].cause == Cause.ILLEGAL_INSTRUCTION)
            result = self._targets.attempt_alone(begun.opened, traced, again)
            attempts.append((again, weighed(result)))
        return attempts

    def _attempt_natively(self, subject: Subject, opened: OpenTarget) -> ProbeResult | None:
        """Probe the subject on the same target of this machine's arch, if both exist."""
        native = self._targets.on_native_arch(opened)
        if native is None:
            return None
        try:
            wheels = self._wheels.wheels_for(subject, native.target, native.passport)
        except InfrastructureError:
            return None
        if isinstance(wheels, Refusal) or not accepts_tag(wheels[-1].filename, native.passport):
            return None
        plan, late = _planned(subject, self._reader.facts(wheels[-1]))
        job = self._targets.job(native, subject, wheels, plan, late)
        return self._targets.attempt_alone(native, job, AttemptMode.UNPACKED)

    def _provenance(self, opened: OpenTarget) -> Provenance:
        return Provenance(
            image=opened.image,
            passport_id=opened.passport_id,
            runtime=opened.environment.runtime,
            qemu=opened.environment.emulator,
            qemu_cpu=opened.environment.cpu_model,
            page_size=opened.passport.page_size,
            kernel=opened.passport.kernel,
            engine=self._targets.engine_info.version,
            engine_at=self._targets.engine_name,
            harness=__version__,
        )


def _planned(subject: Subject, facts: WheelFacts | None) -> tuple[ImportPlan, LatePlan]:
    """Return the subject's own imports, or those that are inferred, and what comes after them."""
    if facts is None:
        return ImportPlan(required=subject.imports), NOTHING_LATE
    layout = layout_of(facts)
    return plan_imports(layout, subject.imports), plan_late(layout)


def _without_key(begun: "Observation | _Unmeasured") -> "Observation | _Unmeasured":
    if isinstance(begun, Observation):
        return replace(begun, key="")
    return replace(begun, base=replace(begun.base, key=""))
