"""An installer's list of tags, folded: hundreds of tags in, a handful of short lists out (pure).

pip's list goes through the same platforms for one Python and ABI after the other.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby


@dataclass(frozen=True, kw_only=True, slots=True)
class FoldedTags:
    """Tags in order: every ABI of a run with every platform of the run."""

    runs: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]
    """Pairs of ``cp311-cp311``s and of platforms."""


def fold_tags(tags: Iterable[str]) -> FoldedTags:
    """Return ``tags`` folded."""
    abis = [
        ("-".join(first), tuple(tag.split("-", 2)[2] for tag in same))
        for first, same in groupby(tags, key=lambda tag: tag.split("-", 2)[:2])
    ]
    return FoldedTags(
        runs=tuple(
            (tuple(abi for abi, _ in same), platforms)
            for platforms, same in groupby(abis, key=lambda each: each[1])
        )
    )


def unfold_tags(folded: FoldedTags) -> Sequence[str]:
    """Return the tags in their order."""
    return tuple(
        f"{abi}-{platform}"
        for abis, platforms in folded.runs
        for abi in abis
        for platform in platforms
    )
