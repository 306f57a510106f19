"""Fold an installer's list of tags into short lists (pure).

pip's list repeats the same platforms for each pair of Python and ABI.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby


@dataclass(frozen=True, kw_only=True, slots=True)
class FoldedTags:
    """Tags in order: in each run, every ABI with every platform."""

    runs: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]
    """Pairs: ``cp311-cp311`` and the like, and platforms."""


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
    """Return the tags in their original order."""
    return tuple(
        f"{abi}-{platform}"
        for abis, platforms in folded.runs
        for abi in abis
        for platform in platforms
    )
