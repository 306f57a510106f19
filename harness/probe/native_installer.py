"""Native twins: the same targets on this machine's own arch, and what they do for emulated ones.

In: an emulated target and a wheel. Out: the site directory that pip makes of it. What pip does
with a wheel depends on pip, on Python's release and on the list of tags that pip accepts, and
on nothing else of the machine: the twin has the same pip and the same Python, and is told the
target's own list. Where it has not, or where there is no twin, the target installs for itself;
and what a twin's pip refuses or breaks on is confirmed with the target's own, emulated.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from harness.core.causes import Cause
from harness.core.errors import EngineError, ImageError
from harness.core.passport import Passport
from harness.core.targets import Target
from harness.host.engine import Engine, Limits
from harness.images.debian_root import native_arch
from harness.images.source import ImageStorage
from harness.probe.session import Job, ProbeResult, Session, SessionLostError

TOO_LARGE = 32 << 20
"""Bytes of a wheel, and a quarter of those of a site directory: more is not sent about."""


class KnownImages(Protocol):
    """Where targets' images are (``harness.images.ImageStore``)."""

    def uses(self, target: Target) -> tuple[ImageStorage, ...]: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Installed:
    """What a twin's pip made of a wheel."""

    site: bytes
    """The site directory as a zip, for ``Job.site``; empty where pip failed."""
    failure: ProbeResult | None
    seconds: float


@dataclass(frozen=True, kw_only=True, slots=True)
class _Open:
    """The session that is open."""

    image: str
    """Its id."""
    session: Session
    passport: Passport
    ids: set[str] = field(default_factory=set)
    """Of targets that are known to have that image."""


class NativeInstaller:
    """Sessions of native twins, one open at a time; ``close`` leaves no container behind."""

    def __init__(
        self, engine: Engine, images: KnownImages, targets: Sequence[Target], limits: Limits
    ) -> None:
        self._engine = engine
        self._images = images
        here = native_arch().name
        self._twins = {target.id: target for target in targets if target.arch_name == here}
        self._limits = limits
        self._lacking: set[str] = set()
        self._open: _Open | None = None

    def has(self, target: Target) -> bool:
        """Whether the matrix has the target on this machine's arch too."""
        return target.id in self._twins and target.key not in self._lacking

    def close(self) -> None:
        """Remove the open container; idempotent."""
        if self._open is not None:
            self._open.session.close()
        self._open = None

    def at(self, target: Target) -> tuple[Session, Passport]:
        """Return the session of the target's twin, opened where another one was.

        Raises ``EngineError`` where it cannot be had; the engine has to have its image, for none
        is made or pulled for this.
        """
        twin = self._twins[target.id]
        try:
            opened = self._opened(twin)
        except EngineError:
            self._lacking.add(target.key)
            raise
        return opened.session, opened.passport

    def install(self, target: Target, passport: Passport, job: Job) -> Installed | None:
        """Install the job's subject as the target would; None where only it can tell."""
        name, wheel = job.wheels[-1]
        if not self.has(target) or len(wheel) > TOO_LARGE or (job.wheels[1:] and not job.beside):
            return None
        try:
            session, twin = self.at(target)
            if (twin.python, twin.installer) != (passport.python, passport.installer):
                self._lacking.add(target.key)
                return None
            installed = session.install(name, wheel, passport.tags, job)
        except (EngineError, SessionLostError):
            return None
        failure, site, seconds = installed
        if len(site) > 4 * TOO_LARGE:
            return None
        return Installed(site=site, failure=failure, seconds=seconds)

    def _opened(self, twin: Target) -> _Open:
        """Return the twin's session, which another target's is where their image is the same."""
        now = self._open
        if now is None or not now.session.usable or twin.id not in now.ids:
            image = self._find_image(twin)
            if now is None or not now.session.usable or image != now.image:
                self.close()
                now = self._open = self._started(twin, image)
            now.ids.add(twin.id)
        return now

    def _started(self, twin: Target, image: str) -> _Open:
        session = Session(self._engine, image, twin, self._limits)
        try:
            passport = session.start()
        except BaseException:
            session.close()
            raise
        return _Open(image=image, session=session, passport=passport)

    def _find_image(self, twin: Target) -> str:
        for use in self._images.uses(twin):
            if use.image and (found := self._engine.find_image(use.image)):
                return found.id
        raise ImageError(f"no image of {twin.key} here", cause=Cause.NO_WAY)
