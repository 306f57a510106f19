"""The engines of a run: opened once, ranked for each arch, and left alone after they failed."""

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from harness.core.arches import Arch
from harness.core.engine_places import (
    HERE,
    EnginePlace,
    KnownEngine,
    addresses_for,
    best_engines,
    engine_title,
    is_native,
    rank_engines,
    shown_address,
    wrong_machine,
)
from harness.core.errors import EngineError, HarnessError
from harness.host.engine.api import Engine, EngineInfo, MachineRun

AGAIN_SECONDS = 300.0
"""Seconds after which an engine that failed is asked again."""
MOST_LOSSES = 3
"""An engine that failed so often is not asked again."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PooledEngine:
    """An engine that answered."""

    address: str
    engine: Engine
    info: EngineInfo
    runs: dict[str, MachineRun] = field(default_factory=dict)
    """Arch → what a program of it reports there; not of this machine's engine."""

    @property
    def name(self) -> str:
        """How messages and results name it; empty for this machine's."""
        return shown_address(self.address) if self.address != HERE else ""

    def run_of(self, arch: Arch) -> MachineRun:
        """Return what a program of an examined arch reports there."""
        return self.runs[arch.name]

    def emulator(self, arch: Arch) -> str:
        """Return the version of the emulator that runs an examined arch; empty for none."""
        return self.runs[arch.name].emulator

    def is_native(self, arch: Arch) -> bool:
        """Whether it says that it runs ``arch`` without an emulator, and was not seen to use one.

        Of its own words alone, emulators other than QEMU would be taken for a processor; of what
        runs there alone, a wrong word would not be noticed.
        """
        run = self.runs.get(arch.name, MachineRun())
        return is_native(self.info.arch, arch) and not run.emulator


@dataclass(kw_only=True, slots=True)
class _Losses:
    count: int
    last: float
    """On the clock of the pool."""
    why: str


class EnginePool:
    """Engines for cells: the declared ones of each arch, and this machine's for every arch.

    ``open_engine`` returns the engine at an address, and ``examine`` runs a program of an arch
    there; this machine's is not examined. ``turn`` balances equal engines, see ``rank_engines``.
    ``warn`` gets one line for each engine that fails, or is of another arch than declared.
    """

    def __init__(
        self,
        places: Sequence[EnginePlace],
        open_engine: Callable[[str], Engine],
        examine: Callable[[Engine, Arch], MachineRun],
        *,
        warn: Callable[[str], None],
        turn: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._places = tuple(places)
        self._open_engine = open_engine
        self._examine = examine
        self._warn = warn
        self._turn = turn
        self._clock = clock
        self._opened: dict[str, PooledEngine] = {}
        self._lost: dict[str, _Losses] = {}
        self._only_here = not any(place.address != HERE for place in places)

    def ranked(self, arch: Arch) -> tuple[PooledEngine, ...]:
        """Return the engines that may serve a cell of ``arch``, the best one first.

        Raises ``EngineError`` if none answers.
        """
        return tuple(self._opened[k.address] for k in rank_engines(self._known(arch), self._turn))

    def processors(self, arches: Iterable[Arch]) -> int:
        """Return the sum of the processors of the engines that cells of these arches try first.

        Raises ``EngineError`` if none of them has an engine.
        """
        best, error = dict[str, int](), EngineError("")
        for arch in arches:
            try:
                best.update((k.address, k.processors) for k in best_engines(self._known(arch)))
            except EngineError as failed:
                error = failed
        if not best:
            raise error
        return sum(best.values())

    def _known(self, arch: Arch) -> list[KnownEngine]:
        found, error = [], EngineError("")
        for address in addresses_for(self._places, arch):
            try:
                pooled = self._at(address)
                if self._can_run(pooled, arch):
                    found.append(pooled)
            except EngineError as failed:
                error = failed
        if not found:
            if self._only_here:
                raise error
            found = [self._at(HERE, again=True)]  # it may be back
        if found[0].address == HERE and str(error):
            self._require_emulation(found[0], arch, error)
        return [
            KnownEngine(
                address=each.address,
                native=each.is_native(arch),
                processors=max(each.info.processors, 1),
            )
            for each in found
        ]

    def here(self) -> PooledEngine:
        """Return this machine's engine. Raises ``EngineError``."""
        return self._at(HERE)

    def lose(self, pooled: PooledEngine, error: EngineError) -> None:
        """Close an engine that failed; it is asked again after ``AGAIN_SECONDS``, if at all."""
        if self._opened.pop(pooled.address, None):
            pooled.engine.close()
        self._note(pooled.address, str(error))

    def reap(self) -> None:
        """Remove the containers of killed runs from every engine that answers."""
        for pooled in self.all():
            with contextlib.suppress(EngineError):
                pooled.engine.reap()

    def all(self) -> Iterator[PooledEngine]:
        """Yield every engine that answers, this machine's at the end."""
        for address in dict.fromkeys((*(place.address for place in self._places), HERE)):
            with contextlib.suppress(EngineError):
                yield self._at(address)

    def close(self) -> None:
        """Close all connections."""
        for pooled in self._opened.values():
            pooled.engine.close()
        self._opened.clear()

    def _at(self, address: str, *, again: bool = False) -> PooledEngine:
        """Return the engine at an address. Raises ``EngineError``, as before if it is too soon."""
        if address in self._opened:
            return self._opened[address]
        lost = self._lost.get(address)
        soon = lost and self._clock() - lost.last < AGAIN_SECONDS
        if lost and not again and (soon or lost.count >= MOST_LOSSES):
            raise EngineError(lost.why)
        try:
            engine = self._open_engine(address)
            try:
                engine.reap()
                info = engine.info()
            except BaseException:
                engine.close()
                raise
        except HarnessError as error:
            self._note(address, str(error))
            if self._only_here or isinstance(error, EngineError):
                raise
            # A context or a runtime that is not there is no reason to end the run.
            raise EngineError(str(error)) from error
        self._opened[address] = PooledEngine(address=address, engine=engine, info=info)
        return self._opened[address]

    def _can_run(self, pooled: PooledEngine, arch: Arch) -> bool:
        """Whether the engine runs programs of ``arch``; the first answer is kept."""
        if pooled.address == HERE:
            return True
        if arch.name not in pooled.runs:
            try:
                run = pooled.runs[arch.name] = self._examine(pooled.engine, arch)
            except EngineError as error:
                self.lose(pooled, error)
                raise
            if line := _unlike(pooled, arch, run):
                self._warn(line)
        return not pooled.runs[arch.name].error

    def _require_emulation(self, here: PooledEngine, arch: Arch, lost: EngineError) -> None:
        """Raise ``EngineError`` if this machine cannot take the cells of an engine that is lost."""
        if arch.name not in here.runs:
            here.runs[arch.name] = self._examine(here.engine, arch)
        if here.runs[arch.name].error:
            raise EngineError(f"{lost}; and this machine does not run {arch.name}")

    def _note(self, address: str, why: str) -> None:
        if self._only_here:
            return  # it is asked again for each cell, whose miss has the error
        count = self._lost[address].count + 1 if address in self._lost else 1
        self._lost[address] = _Losses(count=count, last=self._clock(), why=why)
        first = why.partition("\n")[0]
        name = engine_title(address)
        self._warn(first if first.startswith(name) else f"{name}: {first}")


def _unlike(pooled: PooledEngine, arch: Arch, run: MachineRun) -> str:
    """Return a line about an engine that is not native for an arch that it was declared for."""
    machine, title = pooled.info.arch, engine_title(pooled.address)
    about = f"{title}: declared for {arch.name}, "
    if wrong := wrong_machine(machine, arch, run.emulator):
        return f"{title}: {wrong}; native engines come before it"
    if run.error:
        return (
            f"{about}but its machine is {machine} and does not run {arch.name} ({run.error}): "
            "others take these cells; install qemu-user-static there"
        )
    if not run.emulator:
        return ""
    return f"{about}but its machine is {machine}: it emulates {arch.name} with QEMU {run.emulator}"
