"""Answers that are kept per value: a function of a wheel or a passport in, one that asks once out.

Wheels and passports are read once and judged many thousand times. They are large, so
that hashing them would cost more than the answer; the very object is the key.
"""

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Generic, TypeVar

MOST_KEPT = 4096

Key = TypeVar("Key")
Answer = TypeVar("Answer")


class _ByIdentity(Generic[Key]):
    """A value that equals only itself; holding it keeps its identity from being used again."""

    __slots__ = ("value",)

    def __init__(self, value: Key) -> None:
        self.value = value

    def __hash__(self) -> int:
        return id(self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _ByIdentity) and self.value is other.value


def cached_by_identity(question: Callable[[Key], Answer]) -> Callable[[Key], Answer]:
    """Keep the answers of ``question``, those of the ``MOST_KEPT`` latest objects."""

    @lru_cache(maxsize=MOST_KEPT)
    def kept(itself: _ByIdentity[Key]) -> Answer:
        return question(itself.value)

    @wraps(question)
    def asked(value: Key) -> Answer:
        return kept(_ByIdentity(value))

    return asked
