"""The prober returns an observation for every cell; errors become misses."""

import time
import traceback
from dataclasses import replace
from datetime import UTC, datetime
from typing import Self

from harness.core.canary_check import MissedCanary
from harness.core.cells import Cell, Outcome
from harness.core.errors import EngineError, ImageError, InfrastructureError, MachineError
from harness.core.observations import ImageRef, Observation
from harness.core.passport import Passport
from harness.core.targets import Target
from harness.probe.canary_probe import ColumnChecks
from harness.probe.dependency_failures import accused, blame_unread
from harness.probe.journal import Journal
from harness.probe.measurement import attempt, job_of, measured
from harness.probe.open_target import TargetSessions, TargetSource
from harness.probe.prepared_cell import CellPreparer, PreparedCell, WheelSource
from harness.probe.probe_results import defect, miss, reused, shared, without_gil
from harness.probe.repro import docker_line
from harness.probe.result_cache import ResultCache
from harness.probe.seen_causes import explained
from harness.wheels.facts_reader import WheelReader


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
        self._journal = journal
        self._known = known
        self._reader = reader or WheelReader()
        self._preparer = CellPreparer(wheels, self._reader, journal)
        self._columns = ColumnChecks(journal)
        self._canaries = canaries
        """Whether columns are checked before their first measured cell."""
        self._require_nogil = require_nogil
        """Whether an import that switches the GIL on is a failure."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()

    def symbols(self, set_id: str) -> frozenset[str]:
        """Return a symbol set of the passport that was measured last."""
        return self._targets.survey.symbols(set_id)

    def leave(self) -> None:
        """Close the open target."""
        self._source.close()

    def image(self, target: Target) -> ImageRef:
        """Return the target's image, made if it is missing. Raises ``EngineError``."""
        return self._source.serving(target).image(target)

    def passport(self, target: Target) -> Passport:
        """Return the target's passport. Raises ``EngineError``."""
        self._targets = self._source.serving(target)
        return self._targets.at(target).passport

    def repro_command(self, cell: Cell, seccomp: str = "") -> str:
        """Return a ``docker run`` line that does what a probe of ``cell`` does.

        Raises ``EngineError``, what ``WheelSource`` raises, and ``UsageError`` if the target's
        installer accepts no wheel of the subject: then there is nothing to run.
        """
        self._targets = self._source.serving(cell.target)
        opened = self._targets.at(cell.target)
        wheels, for_tests, late = self._preparer.to_run(cell, opened.passport)
        emulator = self._targets.carried_emulator(cell.target)
        return docker_line(
            cell.target,
            opened.image,
            cell.subject,
            wheels,
            seccomp,
            emulator,
            for_tests,
            late,
            libraries=self._preparer.have_libraries(wheels),
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
            predicted = self._preparer.predict(cell, error.passport, self.symbols)
            return replace(miss(cell, error), prediction=predicted)
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
            check = self._columns.check(cell.target, self._targets)
            if check.missed:  # what such a column shows is never reused
                begun = _without_key(begun)
        return begun if isinstance(begun, Observation) else self._measure(begun)

    def missed_canaries(self, target: Target) -> tuple[MissedCanary, ...]:
        """Return the canaries that a checked target missed."""
        return self._columns.missed(target)

    def _begin(self, cell: Cell) -> Observation | PreparedCell:
        """Return the result of a cell that nothing must be measured for, else what is known."""
        prepared = self._preparer.prepare(cell, self._targets)
        if isinstance(prepared, Observation):
            return prepared
        base = prepared.base
        if (known := self._known.observation(base.key)) is not None:
            return self._explained(reused(base, known), prepared)
        if (known := self._known.elsewhere(base.key, cell.target)) is not None:
            return self._explained(shared(base, known), prepared)
        return prepared

    def _measure(self, cell: PreparedCell) -> Observation:
        target, subject = cell.cell.target, cell.cell.subject
        job = job_of(cell, self._targets)
        with self._journal.timed("probes", target.key, f"probing {subject.id}"):
            attempts = attempt(cell, job, self._targets, self._preparer)
        seen = self._explained(measured(cell, attempts), cell)
        self._known.keep_observation(seen, target)
        return seen

    def _explained(self, seen: Observation, cell: PreparedCell) -> Observation:
        """Return the observation with its cause, sought in the wheel that failed."""
        passport = cell.opened.passport
        if seen.outcome is Outcome.IMPORT_FAILED:
            read = filter(None, map(self._reader.facts, cell.dependencies))
            evidence = blame_unread(seen.evidence, read, passport.extension_suffixes)
            seen = replace(seen, evidence=evidence)
        failed = accused(seen.evidence, cell.dependencies)
        facts = self._reader.facts(failed) if failed else cell.facts
        seen = explained(seen, cell.predicted, facts, passport)
        return without_gil(seen) if self._require_nogil else seen


def _without_key(begun: Observation | PreparedCell) -> Observation | PreparedCell:
    if isinstance(begun, Observation):
        return replace(begun, key="")
    return replace(begun, base=replace(begun.base, key=""))
