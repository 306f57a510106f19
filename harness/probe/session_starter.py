"""Start sessions in the image of a target, with its emulator and its agent's bytecode."""

from dataclasses import dataclass
from typing import Protocol

from harness.core.causes import Cause
from harness.core.errors import ImageError, MachineError
from harness.core.machines import difference, machine_of, on_machine
from harness.core.observations import ImageRef
from harness.core.passport import Passport
from harness.core.subjects import WheelRef
from harness.core.targets import Target
from harness.host.engine import Engine
from harness.host.engine.hardening import ContainerLimits
from harness.predict.cell import Survey
from harness.probe.journal import Journal
from harness.probe.session import Session, StartLostError, open_session
from harness.probe.target_emulators import TargetEmulators


class BytecodeSource(Protocol):
    """Provides bytecode, so that an emulated interpreter need not compile (``Precompiler``)."""

    def agent(self, target: Target) -> tuple[tuple[str, bytes], ...]: ...

    def bytecode(self, target: Target, python: str, wheels: tuple[WheelRef, ...]) -> bytes: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class SessionStarter:
    """Starts sessions on one engine."""

    engine: Engine
    emulators: TargetEmulators
    limits: ContainerLimits
    journal: Journal
    survey: Survey
    bytecode: BytecodeSource | None
    require_hardening: bool

    def open(
        self, target: Target, image: ImageRef, env: tuple[tuple[str, str], ...] = ()
    ) -> Session:
        """Return a session whose container waits for its agent. Raises ``EngineError``."""
        machine = machine_of(target)
        variables = dict(machine.variables if machine else ()) | dict(env)
        program = self.emulators.carried_program(target)
        return open_session(
            self.engine, image.id, target, self.limits, tuple(variables.items()), program
        )

    def start_single(self, session: Session, target: Target) -> None:
        """Start an opened session that serves one probe. Raises ``ImageError``."""
        passport = session.start(warm=False, compiled=self._agent(target))
        _assert_machine(target, passport)

    def start(self, target: Target, image: ImageRef) -> tuple[Session, Passport]:
        """Return a session for many cells, and the passport of its target.

        Tries twice if the container ends, which something outside may have done. Raises
        ``EngineError``.
        """
        try:
            return self._started(target, image)
        except StartLostError:
            return self._started(target, image)

    def _started(self, target: Target, image: ImageRef) -> tuple[Session, Passport]:
        with self.journal.timed("sessions", target.key, "starting the interpreter"):
            session = self.open(target, image)
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
        self.journal.unenforced(target.key, names)
        if names and self.require_hardening:
            raise ImageError(
                f"{target.key}: the engine does not enforce {', '.join(names)}; "
                "run without --require-hardening, or on an engine that does",
                cause=Cause.HARDENING,
            )

    def _agent(self, target: Target) -> tuple[tuple[str, bytes], ...]:
        if self.bytecode is None or not self.emulators.version(target):
            return ()
        return self.bytecode.agent(target)


def _assert_machine(target: Target, passport: Passport) -> None:
    """Raise ``MachineError`` if the session is not on the machine that was asked for."""
    machine = machine_of(target)
    if machine and (how := difference(machine, passport)):
        ignored = "; QEMU 9.0 and newer ignore QEMU_PAGESIZE" if machine.page_size else ""
        raise MachineError(
            f"machine {machine.name}: {how}{ignored}", passport=on_machine(passport, target)
        )
