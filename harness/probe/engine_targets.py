"""Open targets on several engines: each on the best one, and on the next one when that fails."""

from collections.abc import Callable

from harness.core.errors import EngineError
from harness.core.targets import Target
from harness.host.engine.engine_pool import EnginePool, PooledEngine
from harness.probe.open_target import TargetSessions


class EngineTargets:
    """``TargetSource`` over a pool of engines; ``make`` returns the sessions of one of them.

    One engine has an open target at a time.
    """

    def __init__(self, pool: EnginePool, make: Callable[[PooledEngine], TargetSessions]) -> None:
        self._pool = pool
        self._make = make
        self._made: dict[str, tuple[PooledEngine, TargetSessions]] = {}
        self._current: tuple[PooledEngine, TargetSessions] | None = None

    def serving(self, target: Target) -> TargetSessions:
        pooled = self._pool.ranked(target.arch)[0]
        made = self._made.get(pooled.address)
        if made is None or made[0] is not pooled:  # it was opened anew after it failed
            made = self._made[pooled.address] = pooled, self._make(pooled)
        if self._current is not None and self._current is not made:
            self._current[1].close()
        self._current = made
        return made[1]

    def hand_over(self, target: Target, error: EngineError) -> bool:
        """Close everything after the engine failed; return whether another serves the target."""
        if self._current is None:
            return False  # none answered
        failed, sessions = self._current
        sessions.hand_over(target, error)
        self._current = None
        self._pool.lose(failed, error)
        try:
            return self._pool.ranked(target.arch)[0].address != failed.address
        except EngineError:
            return False

    def close(self) -> None:
        if self._current is not None:
            self._current[1].close()
