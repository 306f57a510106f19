"""Private interfaces of pytest and pytest-xdist, in the one module that uses them.

pyproject.toml bounds both packages from above. ``tests/unit/matrix/test_pytest_internals.py`` tests
each use: raise a bound after it passes with the new release.
"""

from collections.abc import Callable

import pytest
from _pytest.mark.expression import Expression
from xdist.remote import Producer
from xdist.scheduler.loadscope import LoadScopeScheduling
from xdist.workermanage import WorkerController

from harness.core.errors import UsageError

__all__ = ["ByTarget", "Producer", "compile_keyword"]


def compile_keyword(keyword: str) -> Callable[[tuple[str, ...]], bool]:
    """Return whether a test with certain names meets a ``-k`` expression, as pytest means it.

    Raises ``UsageError`` for a malformed expression; so does the function for ``name(argument)``.
    """
    try:
        expression = Expression.compile(keyword.lstrip())
    except SyntaxError as error:
        raise UsageError(
            f"-k {keyword!r}: at column {error.offset}: {error.msg}; "
            "names are joined with 'and', 'or', 'not' and parentheses"
        ) from error
    return lambda names: expression.evaluate(_KeywordMatcher(names))


class _KeywordMatcher:
    """Whether a word of the expression is part of a name, in any case."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self._names = names

    def __call__(self, name: str, /, **kwargs: str | int | bool | None) -> bool:
        if kwargs:
            raise UsageError(f"-k: {name}(…) takes no arguments; write the name alone")
        return any(name.lower() in known.lower() for known in self._names)


class ByTarget(LoadScopeScheduling):  # type: ignore[misc]
    """Gives all cells of one target image to one worker.

    ``images`` maps targets to the first one of the same image: a prober measures it once. Targets
    with the least ``effort`` go first (0: the image exists). It is asked for before each choice,
    since images are made meanwhile.
    This replaces ``xdist_group``, which needs ``--dist``, and whose group pytest 9.2 no longer
    takes from where xdist 3.8 puts it.
    """

    def __init__(
        self,
        config: pytest.Config,
        log: Producer,
        effort: Callable[[str], int],
        images: dict[str, str],
    ) -> None:
        super().__init__(config, log)
        self._effort = effort
        self._images = images

    def _assign_work_unit(self, node: WorkerController) -> None:
        if self.workqueue:
            self.workqueue.move_to_end(min(self.workqueue, key=self._effort), last=False)
        super()._assign_work_unit(node)

    def _split_scope(self, nodeid: str) -> str:
        target = nodeid.partition("[")[2].rpartition("/")[0]
        return self._images.get(target, target) or nodeid

    def remove_node(self, node: WorkerController) -> str | None:
        """Return the cell at which a worker died, and give its remaining cells to others.

        xdist 3.8 gives them that cell too, which then ends one worker after the other.
        """
        units: dict[str, dict[str, bool]] = self.assigned_work.pop(node)
        left = [(unit, cell) for unit in units.values() for cell, done in unit.items() if not done]
        if not left:
            return None
        unit, cell = left[0]
        unit[cell] = True
        self.workqueue.update((scope, u) for scope, u in units.items() if not all(u.values()))
        for other in self.assigned_work:
            self._reschedule(other)
        return cell
