"""Cache functions of wheels and passports by the identity of the argument.

Both are large and used in thousands of predictions, so hashing them would cost more than the
function.
"""

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Generic, TypeVar

MOST_KEPT = 4096

Key = TypeVar("Key")
Result = TypeVar("Result")


class _ByIdentity(Generic[Key]):
    """A value that equals only itself. The reference keeps its id from being reused."""

    __slots__ = ("value",)

    def __init__(self, value: Key) -> None:
        self.value = value

    def __hash__(self) -> int:
        return id(self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _ByIdentity) and self.value is other.value


def cached_by_identity(function: Callable[[Key], Result]) -> Callable[[Key], Result]:
    """Cache ``function`` for the ``MOST_KEPT`` latest objects."""

    @lru_cache(maxsize=MOST_KEPT)
    def cached(key: _ByIdentity[Key]) -> Result:
        return function(key.value)

    @wraps(function)
    def wrapper(value: Key) -> Result:
        return cached(_ByIdentity(value))

    return wrapper
