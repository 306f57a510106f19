"""Open one target at a time: obtain its image, and its passport."""

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol, Self

from harness.core.arches import Arch
from harness.core.errors import EngineError, ImageError
from harness.core.observations import ImageRef
from harness.core.targets import Target
from harness.host.engine import Engine, EngineInfo
from harness.host.engine.api import MachineRun
from harness.host.static_emulator import find_static_emulator
from harness.predict.cell import NoSurvey, Survey
from harness.probe.journal import Journal
from harness.probe.result_cache import ResultCache
from harness.probe.result_keys import (
    Environment,
    ProbeLimits,
    cpu_features_key,
    environment_of,
    passport_id,
)
from harness.probe.session_starter import BytecodeSource, SessionStarter
from harness.probe.target_emulators import StaticProgram, TargetEmulators
from harness.probe.target_probes import Installers, OpenTarget, TargetProbes


class TargetImages(Protocol):
    """Provides target images (``harness.images.ImageProvider``)."""

    def get(self, target: Target) -> ImageRef: ...

    def has(self, target: Target) -> bool: ...


class TargetSource(Protocol):
    """Opens targets, on one engine (``TargetSessions``) or on several (``EngineTargets``)."""

    def serving(self, target: Target) -> "TargetSessions":
        """Return the sessions of the engine that serves the target. Raises ``EngineError``."""

    def hand_over(self, target: Target, error: EngineError) -> bool:
        """Close everything after the engine failed; return whether another serves the target."""

    def close(self) -> None: ...


class TargetSessions:
    """Opens targets, to probe in them with ``probes``; ``close`` removes every container.

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
        self.survey = survey or NoSurvey()
        self.engine_name = engine_name
        """Address of the engine; empty for this machine's."""
        self._engine_machine = engine_machine
        """What the engine's machine says of itself; None if it is this one."""
        self._engine = engine
        self._images = images
        self._journal = journal
        self._emulators = TargetEmulators(emulator_version, static_emulator)
        self._known = known
        self._installer = installer
        self._starter = SessionStarter(
            engine=engine,
            emulators=self._emulators,
            limits=limits.container,
            journal=journal,
            survey=self.survey,
            bytecode=bytecode,
            require_hardening=require_hardening,
        )
        self.probes = TargetProbes(
            starter=self._starter,
            emulators=self._emulators,
            installer=installer,
            bytecode=bytecode,
            journal=journal,
            limits=limits,
        )
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
        """Close everything after the engine failed, and connect again for the next cell."""
        self._engine_failed = True
        self._engine_info = None
        self.close()
        return False

    def carried_emulator(self, target: Target) -> str:
        """Return the path of the static emulator that runs the target; empty if none does."""
        return self._emulators.carried_path(target)

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

    def _is_as_opened(self, opened: OpenTarget) -> bool:
        """Whether the target's session goes on, or would start in the environment of its passport.

        Else the target must be opened again: the emulator was replaced.
        """
        if opened.session is not None and opened.session.usable:
            return True
        return self._environment(opened.target, opened.image) == opened.environment

    def _open(self, target: Target) -> OpenTarget:
        with self._journal.timed("images", target.key, "getting the image"):
            image = self._images.get(target)
        environment = self._environment(target, image)
        session = None
        passport = self._known.passport(environment.key)
        if passport is None:
            session, passport = self._starter.start(target, image)
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
            forks_only=self._emulators.is_carried(target),
            session=session,
        )
        self._journal.passport(opened.passport_id, environment.key, passport)
        return opened

    def _environment(self, target: Target, image: ImageRef) -> Environment:
        emulator = self._emulators.version(target)
        info = self.engine_info
        found = environment_of(target, image, emulator, info.kernel, info.runtime)
        if self._engine_machine is None or emulator:
            return found
        machine = self._engine_machine(target.arch)
        features = cpu_features_key(machine.cpuinfo)
        return replace(found, cpu_features=features, page_size=machine.page_size)

    def _close_target(self) -> None:
        if self._opened is not None and self._opened.session is not None:
            self._opened.session.close()
        self._opened = None
