"""Render the keys of targets in a short form."""

from collections.abc import Sequence


def folded(keys: Sequence[str]) -> str:
    """Return the keys with each target named once: ``debian-12/{i686,s390x} debian-13/x86_64``."""
    arches: dict[str, list[str]] = {}
    for key in keys:
        target, arch = key.split("/")
        arches.setdefault(target, []).append(arch)
    return " ".join(
        f"{target}/{names[0]}" if len(names) == 1 else f"{target}/{{{','.join(names)}}}"
        for target, names in arches.items()
    )
