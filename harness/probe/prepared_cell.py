"""Prepare a cell: obtain its wheels, plan its imports, predict it.

In goes a cell and the sessions of its target's engine; out comes all that is known of it before it
is measured, with the key of its result.
"""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from harness import __version__
from harness.core.causes import Cause
from harness.core.cells import Cell, Outcome, Stage
from harness.core.errors import InfrastructureError, UsageError
from harness.core.machines import machine_name
from harness.core.observations import Observation, Prediction, Provenance
from harness.core.passport import Passport, Symbols
from harness.core.subjects import FileSource, Subject, WheelRef
from harness.core.targets import Target
from harness.predict.cell import beside_of, predict_wheel
from harness.predict.inferred_imports import ImportPlan, plan_imports
from harness.predict.installed_layout import layout_of
from harness.predict.late_plan import NOTHING_LATE, LatePlan, plan_late
from harness.probe.confirmation import accepts_tag
from harness.probe.journal import Journal
from harness.probe.open_target import TargetSessions
from harness.probe.result_keys import dependencies_of, own_tests_key
from harness.probe.target_probes import OpenTarget
from harness.wheels.archive.contents import WheelFacts
from harness.wheels.archive.data_schemes import ABOVE, site_path
from harness.wheels.facts_reader import WheelReader
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
class PreparedCell:
    """What is known of a cell before it is measured."""

    cell: Cell
    opened: OpenTarget
    wheels: tuple[WheelRef, ...]
    """The companions, then the subject."""
    dependencies: tuple[WheelRef, ...]
    """Those of ``wheels`` that were resolved and are small enough to be read."""
    facts: WheelFacts | None
    """Those of the subject's wheel; None if it cannot be read."""
    plan: ImportPlan
    late: LatePlan
    test_wheels: tuple[WheelRef, ...] | Refusal
    """What only the project's own tests require."""
    base: Observation
    """The observation without what is measured."""
    predicted: Prediction | None

    @property
    def filename(self) -> str:
        """The name of the subject's wheel."""
        return self.wheels[-1].filename

    @property
    def tag_accepted(self) -> bool:
        """Whether the installer accepts one of the wheel's tags."""
        return accepts_tag(self.filename, self.opened.passport)


@dataclass(frozen=True, slots=True)
class CellPreparer:
    """Prepares cells; its methods raise what ``WheelSource`` raises."""

    wheels: WheelSource
    reader: WheelReader
    journal: Journal

    def prepare(self, cell: Cell, targets: TargetSessions) -> PreparedCell | Observation:
        """Return what is known of a cell, or the refusal of its wheel. Raises ``EngineError``."""
        opened = targets.at(cell.target)
        with self.journal.timed("wheels", cell.target.key, f"fetching {cell.subject.id}"):
            wheels = self.wheels.wheels_for(cell.subject, cell.target, opened.passport)
        refused = Observation(
            cell=cell.id,
            outcome=Outcome.REFUSED,
            stage=Stage.WHEEL,
            cause=Cause.TAG_REFUSED,
            provenance=_provenance(opened, targets),
        )
        if isinstance(wheels, Refusal):
            return replace(refused, cause=wheels.cause, evidence=wheels.reason)
        facts = self.reader.facts(wheels[-1])
        plan, late = _planned(cell.subject, facts)
        if opened.forks_only:
            late = replace(late, programs=())  # they would not be on the machine
        test_wheels = self._test_wheels(cell, wheels[-1], opened.passport)
        depends = dependencies_of(
            opened.environment,
            wheels,
            plan,
            cell.subject.call,
            targets.limits,
            late,
            tests=own_tests_key(cell.subject.tests, test_wheels),
            compared=_compared(cell) if opened.environment.emulator else None,
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
            targets.survey.symbols,
            cell.subject.imports,
            self.reader,
            beside,
        )
        return PreparedCell(
            cell=cell,
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

    def to_run(
        self, cell: Cell, passport: Passport
    ) -> tuple[tuple[WheelRef, ...], tuple[WheelRef, ...], LatePlan]:
        """Return the wheels of a cell, those that its own tests require, and what comes late.

        Raises ``UsageError`` if the installer accepts no wheel of either.
        """
        wheels = self.wheels.wheels_for(cell.subject, cell.target, passport)
        if isinstance(wheels, Refusal):
            raise UsageError(f"{cell.id}: there is nothing to run: {wheels.reason}")
        for_tests = self._test_wheels(cell, wheels[-1], passport)
        if isinstance(for_tests, Refusal):
            raise UsageError(f"{cell.id}: its tests cannot run: {for_tests.reason}")
        return wheels, for_tests, _planned(cell.subject, self.reader.facts(wheels[-1]))[1]

    def have_libraries(self, wheels: Sequence[WheelRef]) -> bool:
        """Whether one of the wheels has files for the environment's ``lib``."""
        read = filter(None, map(self.reader.facts, wheels))
        return any(site_path(m.name).startswith(ABOVE) for each in read for m in each.members)

    def on_native_arch(
        self, subject: Subject, native: OpenTarget
    ) -> tuple[tuple[WheelRef, ...], ImportPlan, LatePlan] | None:
        """Return the wheels and plans of a subject on this machine's arch; None without a wheel."""
        try:
            wheels = self.wheels.wheels_for(subject, native.target, native.passport)
        except InfrastructureError:
            return None
        if isinstance(wheels, Refusal) or not accepts_tag(wheels[-1].filename, native.passport):
            return None
        return wheels, *_planned(subject, self.reader.facts(wheels[-1]))

    def predict(self, cell: Cell, passport: Passport | None, symbols: Symbols) -> Prediction | None:
        """Return the prediction of a cell on a machine that is not available here.

        None without its passport, or without a wheel.
        """
        if passport is None:
            return None
        with contextlib.suppress(InfrastructureError):
            wheels = self.wheels.wheels_for(cell.subject, cell.target, passport)
            if not isinstance(wheels, Refusal):
                imports = cell.subject.imports
                return predict_wheel(wheels[-1], passport, symbols, imports, self.reader)
        return None

    def _test_wheels(
        self, cell: Cell, wheel: WheelRef, passport: Passport
    ) -> tuple[WheelRef, ...] | Refusal:
        if cell.subject.tests is None:
            return ()
        doing = f"fetching what the tests of {cell.subject.id} require"
        with self.journal.timed("wheels", cell.target.key, doing):
            return self.wheels.tests_for(cell.subject, wheel, passport)


def _compared(cell: Cell) -> tuple[str, bool]:
    return machine_name(cell.target), not isinstance(cell.subject.source, FileSource)


def _planned(subject: Subject, facts: WheelFacts | None) -> tuple[ImportPlan, LatePlan]:
    """Return the subject's own imports, or those that are inferred, and what comes after them."""
    if facts is None:
        return ImportPlan(required=subject.imports), NOTHING_LATE
    layout = layout_of(facts)
    return plan_imports(layout, subject.imports), plan_late(layout)


def _provenance(opened: OpenTarget, targets: TargetSessions) -> Provenance:
    return Provenance(
        image=opened.image,
        passport_id=opened.passport_id,
        runtime=opened.environment.runtime,
        qemu=opened.environment.emulator,
        qemu_cpu=opened.environment.cpu_model,
        page_size=opened.passport.page_size,
        kernel=opened.passport.kernel,
        engine=targets.engine_info.version,
        engine_at=targets.engine_name,
        harness=__version__,
    )
