"""Predictions for a laboratory: a wheel file and a passport in, a prediction out.

Every wheel is read once. What the loader of a target finds is measured by a ``Survey``.
"""

from functools import cache as once
from functools import lru_cache
from pathlib import Path
from typing import Protocol

from pydantic import TypeAdapter

from harness import wheel as wheel_room
from harness.cache import Cache, content_key, file_sha256
from harness.errors import WheelError
from harness.model import ImageRef, Prediction, Target, WheelRef
from harness.passport import Passport, Symbols
from harness.predict import predict
from harness.wheel.contents import WheelFacts, read_wheel

MOST_WHEELS = 256
KIND = "facts"
_FACTS: TypeAdapter[WheelFacts] = TypeAdapter(WheelFacts)


class Survey(Protocol):
    """What the loader of a target's image finds (``harness.passports``)."""

    def complete(self, passport: Passport, target: Target, image: ImageRef) -> Passport:
        """Return ``passport`` with the loader, its libraries and the interpreter's exports."""

    def symbols(self, set_id: str) -> frozenset[str]:
        """Return the symbol set of that id."""


class NoSurvey:
    """A ``Survey`` that never looks: what needs libraries is not predicted."""

    def complete(self, passport: Passport, target: Target, image: ImageRef) -> Passport:  # noqa: ARG002
        return passport

    def symbols(self, set_id: str) -> frozenset[str]:  # noqa: ARG002 - there is none
        return frozenset()


class WheelReader:
    """Reads every wheel once: in this process, or with a cache once for all of them."""

    def __init__(self, cache: Cache | None = None) -> None:
        self._cache = cache
        self._read = lru_cache(maxsize=MOST_WHEELS)(self._read_once)

    def facts(self, wheel: WheelRef) -> WheelFacts | None:
        """Return what the wheel holds; None for a file that is no well-formed wheel."""
        return self._read(wheel.path, wheel.sha256)

    def _read_once(self, path: str, sha256: str) -> WheelFacts | None:
        try:
            if self._cache is None:
                return read_wheel(Path(path))
            return self._kept(self._cache, Path(path), sha256)
        except WheelError:
            return None

    def _kept(self, cache: Cache, path: Path, sha256: str) -> WheelFacts:
        def make(entry: Path) -> None:
            entry.write_bytes(_FACTS.dump_json(read_wheel(path)))

        key = content_key(path.name, sha256, _code_digest())
        return _FACTS.validate_json(cache.get(KIND, f"{key}.json", make).read_bytes())


_IN_MEMORY = WheelReader()


def forecast(
    wheel: WheelRef,
    passport: Passport,
    symbols: Symbols,
    imports: tuple[str, ...],
    reader: WheelReader = _IN_MEMORY,
) -> Prediction | None:
    """Predict a cell; None for a file that is no well-formed wheel."""
    facts = reader.facts(wheel)
    return predict(facts, passport, symbols, imports=imports) if facts else None


@once
def _code_digest() -> str:
    here = Path(wheel_room.__file__).parent
    return content_key(*(file_sha256(module) for module in sorted(here.glob("*.py"))))
