"""Install wheels for emulated targets with the same target of the native arch.

An installation depends on the releases of pip and Python and on the tags that pip accepts. A
native target with the same pip and Python therefore installs with the emulated target's tags.
Without such an image, the emulated target installs. A refusal or failure of the native pip is
confirmed with the emulated one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from harness.core.causes import Cause
from harness.core.errors import EngineError, ImageError
from harness.core.machines import machine_of
from harness.core.passport import Passport
from harness.core.targets import Target
from harness.host.engine import ContainerLimits, Engine
from harness.host.engine.hardening import CONTAINER_LIMITS
from harness.images.debian_root import native_arch
from harness.images.source import ImageStorage
from harness.probe.jobs import Job, ProbeResult
from harness.probe.session import Session, SessionLostError, open_session

TOO_LARGE = 32 << 20
"""Bytes. Larger wheels, and site directories of four times this size, are not transferred."""


class KnownImages(Protocol):
    """The known images of targets (``harness.images.ImageProvider``)."""

    def uses(self, target: Target) -> tuple[ImageStorage, ...]: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class NativelyInstalled:
    """The result of an installation by the native pip."""

    site: bytes
    """The site directory as a zip, for ``Job.site``; empty if pip failed."""
    failure: ProbeResult | None
    seconds: float


@dataclass(frozen=True, kw_only=True, slots=True)
class NativeTarget:
    """A target of this machine's arch whose image the engine has."""

    target: Target
    image: str
    """Image id."""
    passport: Passport


@dataclass(frozen=True, kw_only=True, slots=True)
class _NativeSession:
    """The open session of a native target."""

    image: str
    """Image id."""
    session: Session
    passport: Passport
    ids: set[str] = field(default_factory=set)
    """Ids of the targets that have this image."""


class NativeInstaller:
    """Keeps one native session open; ``close`` leaves no container behind."""

    def __init__(
        self,
        engine: Engine,
        images: KnownImages,
        targets: Sequence[Target],
        limits: ContainerLimits = CONTAINER_LIMITS,
        native: str = "",
    ) -> None:
        self._engine = engine
        self._images = images
        here = native or native_arch().name  # the engine's arch, or this machine's
        plain = [target for target in targets if not machine_of(target)]
        self._native = {target.id: target for target in plain if target.arch_name == here}
        self._limits = limits
        self._lacking: set[str] = set()
        self._open: _NativeSession | None = None

    def has(self, target: Target) -> bool:
        """Whether the matrix has a usable native target for ``target``."""
        return target.id in self._native and target.key not in self._lacking

    def close(self) -> None:
        """Remove the open container; idempotent."""
        if self._open is not None:
            self._open.session.close()
        self._open = None

    def at(self, target: Target) -> tuple[Session, Passport]:
        """Return the native target's session and passport.

        Raises ``EngineError`` if the engine does not have its image; it is not made for this.
        """
        native = self._native[target.id]
        try:
            opened = self._opened(native)
        except EngineError:
            self._lacking.add(target.key)
            raise
        return opened.session, opened.passport

    def native_target(self, target: Target) -> NativeTarget | None:
        """Return the same target on this machine's arch, if it starts."""
        if not self.has(target):
            return None
        try:
            opened = self._opened(self._native[target.id])
        except EngineError:
            return None
        return NativeTarget(
            target=self._native[target.id], image=opened.image, passport=opened.passport
        )

    def install(self, target: Target, passport: Passport, job: Job) -> NativelyInstalled | None:
        """Install the job's subject as the target would; None if the target must install it."""
        name, wheel = job.wheels[-1]
        if not self.has(target) or len(wheel) > TOO_LARGE or (job.wheels[1:] and not job.beside):
            return None
        try:
            session, native = self.at(target)
            if (native.python, native.installer) != (passport.python, passport.installer):
                self._lacking.add(target.key)
                return None
            installed = session.install(name, wheel, passport.tags, job)
        except (EngineError, SessionLostError):
            return None
        failure, site, seconds = installed
        if len(site) > 4 * TOO_LARGE:
            return None
        return NativelyInstalled(site=site, failure=failure, seconds=seconds)

    def _opened(self, native: Target) -> _NativeSession:
        """Return a session of that target's image; another target may have opened it."""
        now = self._open
        if now is None or not now.session.usable or native.id not in now.ids:
            image = self._find_image(native)
            if now is None or not now.session.usable or image != now.image:
                self.close()
                now = self._open = self._started(native, image)
            now.ids.add(native.id)
        return now

    def _started(self, native: Target, image: str) -> _NativeSession:
        session = open_session(self._engine, image, native, self._limits)
        try:
            passport = session.start()
        except BaseException:
            session.close()
            raise
        return _NativeSession(image=image, session=session, passport=passport)

    def _find_image(self, native: Target) -> str:
        for use in self._images.uses(native):
            if use.image and (found := self._engine.find_image(use.image)):
                return found.id
        raise ImageError(f"the engine has no image of {native.key}", cause=Cause.NO_WAY)
