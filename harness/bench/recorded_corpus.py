"""The facts of the corpus's wheels as one file, which holds every rule to its rows offline.

Recorded by ``python -m harness.bench.corpus --record FILE``: what each row's wheel resolves to, and
the facts of those wheels that predictions read. What no prediction of the rows depends on is left
out.
"""

import lzma
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import TypeAdapter

from harness.core.observations import Prediction
from harness.core.passport import Passport, Symbols
from harness.core.subjects import WheelRef
from harness.predict.cell import Beside, predict_wheel
from harness.predict.installed_layout import STARTS
from harness.wheels.archive.contents import NativeMember, WheelFacts
from harness.wheels.archive.elf import ElfFacts
from harness.wheels.facts_reader import WheelReader


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordedCell:
    """A row on one target, and what the installer would install."""

    file: str
    target: str
    imports: tuple[str, ...] = ()
    wheel: str = ""
    """Digest of the wheel; empty if the installer refuses a dependency of it."""
    beside: tuple[str, ...] = ()
    """Digests of the wheels beside it that predictions read."""
    closed: bool = False
    """Whether they are all that is installed beside it."""
    refused: str = ""
    """The cause of a refusal."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordedCorpus:
    """What predictions of the corpus need."""

    cells: tuple[RecordedCell, ...]
    facts: Mapping[str, WheelFacts]
    """By the digest of the wheel."""


_KEPT = re.compile(r"\.(?:py|pyc|so|pth|h)$|\.(?:dist-info|data)/")
_FILE: TypeAdapter[RecordedCorpus] = TypeAdapter(RecordedCorpus)


def write_recorded(path: Path, recorded: RecordedCorpus) -> None:
    """Write it, compressed."""
    path.write_bytes(lzma.compress(_FILE.dump_json(recorded), preset=9))


def read_recorded(path: Path) -> RecordedCorpus:
    """Return what ``write_recorded`` wrote."""
    return _FILE.validate_json(lzma.decompress(path.read_bytes()))


def reduced(facts: WheelFacts, *, own_symbols: bool = False) -> WheelFacts:
    """Return the facts without symbols that no file of the wheel needs, and without data files.

    Without ``own_symbols``, what one file of the wheel needs and another one has is left out too.
    """
    needed = frozenset(u.name for elf in _elves(facts) for u in elf.undefined)
    had = {name for elf in _elves(facts) for s in elf.exported if (name := s.partition("@")[0])}
    kept = needed if own_symbols else frozenset[str]()
    dropped = frozenset[str]() if own_symbols else needed & had
    natives = {native.name for native in facts.native}
    return replace(
        facts,
        members=tuple(m for m in facts.members if m.name in natives or _KEPT.search(m.name)),
        native=tuple(_reduced(native, kept, dropped) for native in facts.native),
    )


def predict_recorded(
    recorded: RecordedCorpus, cell: RecordedCell, passport: Passport, symbols: Symbols
) -> Prediction | None:
    """Predict a recorded cell; None for one that the installer refuses before."""
    if not cell.wheel:
        return None
    beside = Beside(wheels=tuple(_refs(cell.beside)), closed=cell.closed)
    (wheel,) = _refs([cell.wheel])
    reader = _RecordedReader(recorded)
    return predict_wheel(wheel, passport, symbols, cell.imports, reader, beside)


class _RecordedReader(WheelReader):
    def __init__(self, recorded: RecordedCorpus) -> None:
        super().__init__()
        self._recorded = recorded

    def facts(self, wheel: WheelRef) -> WheelFacts | None:
        return self._recorded.facts.get(wheel.sha256)


def _refs(digests: Iterable[str]) -> Iterator[WheelRef]:
    return (WheelRef(filename="", sha256=digest, size=0, path="") for digest in digests)


def _elves(facts: WheelFacts) -> Iterator[ElfFacts]:
    return (native.elf for native in facts.native if isinstance(native.elf, ElfFacts))


def _reduced(native: NativeMember, kept: frozenset[str], dropped: frozenset[str]) -> NativeMember:
    elf = native.elf
    if not isinstance(elf, ElfFacts):
        return native
    exported = (s for s in elf.exported if s.startswith(STARTS) or s.partition("@")[0] in kept)
    undefined = (u for u in elf.undefined if u.name not in dropped)
    return replace(native, elf=replace(elf, exported=tuple(exported), undefined=tuple(undefined)))
