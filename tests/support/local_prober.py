"""A real prober whose images are this machine and whose wheels are made by the test.

For tests of what stands on the prober: image and wheel sources are ours, the session,
the agent and its reports are real.
"""

import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypedDict, Unpack

from harness.core.arches import Arch, find_arch
from harness.core.cells import Cell, Outcome
from harness.core.errors import HarnessError
from harness.core.observations import ImageRef
from harness.core.passport import Passport
from harness.core.subjects import IndexSource, Subject, WheelRef
from harness.core.targets import ImageWay, Target
from harness.host.cache import file_sha256
from harness.host.engine import Engine
from harness.host.static_emulator import StaticEmulator, find_static_emulator
from harness.images.source import ImageStorage
from harness.probe.journal import Journal, observations, read_events
from harness.probe.native_installer import NativeInstaller
from harness.probe.open_target import TargetSessions
from harness.probe.prober import Prober
from harness.probe.result_cache import EarlierResults, NoEarlierResults, ResultCache
from harness.probe.result_keys import ProbeLimits
from harness.wheels.provider import Refusal
from tests.support.cells import make_subject
from tests.support.local_engine import LocalEngine
from tests.support.targets import make_target
from tests.support.wheels import make_wheel

HERE = find_arch(os.uname().machine)
THIS_MACHINE = make_target(f"here/{HERE.name}", title="this machine")
LIMITS = ProbeLimits(timeout=60, quiet=60)
IMAGE = ImageRef(id="this-machine", way=ImageWay.ASSEMBLED, origin="tests")

Answer = str | Refusal | HarnessError
"""A subject's answer: a module's source code, no fitting wheel, or an index error."""


def local_cell(name: str, *, target: str = "here", companions: tuple[str, ...] = ()) -> Cell:
    """Return a cell of an index release on this machine."""
    beside = tuple(IndexSource(name=each, version="1.0") for each in companions)
    return Cell(
        target=replace(THIS_MACHINE, id=target), subject=make_subject(name, companions=beside)
    )


class LocalImages:
    """``Images`` that returns this machine, or raises the error of a target's key.

    Under one id for all targets, or for ``each`` target under its own.
    """

    def __init__(
        self, errors: dict[str, HarnessError] | None = None, *, each: bool = False
    ) -> None:
        self.errors = errors or {}
        self.each = each
        self.image = IMAGE
        self.asked: list[str] = []

    def get(self, target: Target) -> ImageRef:
        self.asked.append(target.key)
        if target.key in self.errors:
            raise self.errors[target.key]
        return replace(self.image, id=target.key) if self.each else self.image

    def has(self, target: Target) -> bool:
        return target.key not in self.errors

    def uses(self, target: Target) -> tuple[ImageStorage, ...]:  # noqa: ARG002 - the protocol's
        return (ImageStorage(image=IMAGE.id, entries=frozenset()),)


class MadeWheels:
    """``Wheels`` that makes a module named like the subject, with the code of the table."""

    def __init__(self, answers: dict[str, Answer], folder: Path, tag: str) -> None:
        self._answers = answers
        self._folder = folder
        self._tag = tag
        self._files: dict[str, Path] = {}

    def wheels_for(
        self,
        subject: Subject,
        target: Target,  # noqa: ARG002 - the protocol's
        passport: Passport,  # noqa: ARG002 - the protocol's
    ) -> tuple[WheelRef, ...] | Refusal:
        wheels = []
        for name in (*(companion.name for companion in subject.companions), subject.id):
            wheel = self._made(name)
            if isinstance(wheel, Refusal):
                return wheel
            wheels.append(wheel)
        return tuple(wheels)

    def tests_for(
        self,
        subject: Subject,
        wheel: WheelRef,  # noqa: ARG002 - the protocol's
        passport: Passport,  # noqa: ARG002 - the protocol's
    ) -> tuple[WheelRef, ...] | Refusal:
        made = [self._made(name) for name in (subject.tests.requires if subject.tests else ())]
        refused = [wheel for wheel in made if isinstance(wheel, Refusal)]
        return (
            refused[0] if refused else tuple(wheel for wheel in made if isinstance(wheel, WheelRef))
        )

    def _made(self, name: str) -> WheelRef | Refusal:
        match self._answers[name]:
            case str(code):
                if name not in self._files:  # made again, its bytes tell when
                    self._files[name] = make_wheel(self._folder, name, code, tag=self._tag)
                path = self._files[name]
            case Refusal() as refusal:
                return refusal
            case error:
                raise error
        return WheelRef(
            filename=path.name, sha256=file_sha256(path), size=path.stat().st_size, path=str(path)
        )


class Seams(TypedDict, total=False):
    """What a test may replace in its sessions."""

    engine: Engine
    images: LocalImages
    native: Sequence[Target]
    """Targets that do not count as emulated; they install for the others."""
    limits: ProbeLimits
    emulator: str | Callable[[Arch], str]
    static_emulator: Callable[[Arch], StaticEmulator]
    require_hardening: bool


def local_sessions(
    journal: Journal, known: ResultCache | None = None, **seams: Unpack[Seams]
) -> TargetSessions:
    """Return sessions on this machine; every target counts as emulated by ``emulator``."""
    engine, images = seams.get("engine") or LocalEngine(), seams.get("images") or LocalImages()
    emulator = seams.get("emulator", f"emulator of {HERE.name}")
    native = seams.get("native")
    return TargetSessions(
        engine=engine,
        images=images,
        journal=journal,
        emulator_version=emulator if callable(emulator) else lambda _: emulator,
        limits=seams.get("limits", LIMITS),
        known=known or ResultCache(NoEarlierResults()),
        installer=NativeInstaller(engine, images, native) if native else None,
        static_emulator=seams.get("static_emulator", find_static_emulator),
        require_hardening=seams.get("require_hardening", False),
    )


def made_wheels(
    answers: dict[str, Answer], journal: Journal, tag: str = "py3-none-any"
) -> MadeWheels:
    """Return wheels for the subjects in ``answers``, which are written beside the journal."""
    return MadeWheels(answers, Path(tempfile.mkdtemp(dir=journal.path.parent)), tag)


def local_prober(
    answers: dict[str, Answer],
    journal: Journal,
    *,
    tag: str = "py3-none-any",
    memory: EarlierResults | None = None,
    **seams: Unpack[Seams],
) -> Prober:
    """Return a prober for the subjects in ``answers``; its wheels are beside the journal."""
    known = ResultCache(memory or NoEarlierResults())
    return Prober(
        targets=local_sessions(journal, known=known, **seams),
        wheels=made_wheels(answers, journal, tag),
        journal=journal,
        known=known,
    )


def modes_of(journal: Journal) -> list[list[tuple[str, Outcome]]]:
    """Return mode and outcome of each attempt, by the observations in the journal."""
    events, _ = read_events(journal.path)
    return [[(a.mode, a.outcome) for a in seen.attempts] for seen in observations(events)]
