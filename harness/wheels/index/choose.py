"""Choose the wheel of a release that pip would install.

The order is pip's (``CandidateEvaluator._sort_key``): wheels that are not yanked first, then
the installer's best tag, then the highest build number.
"""

import re
from collections.abc import Iterable, Sequence
from operator import itemgetter

from harness.core.arches import linux_arch
from harness.wheels.archive.filename import WheelName, parse_wheel_name, tag_rank
from harness.wheels.archive.metadata import accepts_python
from harness.wheels.index.lock import LockedWheel

_ANY = "any"


def choose_wheel(
    files: Sequence[LockedWheel], tags: Sequence[str], python: str
) -> LockedWheel | None:
    """Return the wheel that an installer chooses, or None if it accepts none.

    ``tags`` are those that it accepts, best first; ``python`` is its interpreter's full
    version. Yanked wheels count, since a pin is exact (PEP 592).
    """
    candidates = []
    for file in files:
        name = parse_wheel_name(file.filename)
        rank = tag_rank(name, tags)
        if rank < len(tags) and accepts_python(file.requires_python, python):
            candidates.append(((not file.yanked, -rank, name.build), file))
    return max(candidates, key=itemgetter(0))[1] if candidates else None


def fits_linux(name: WheelName) -> bool:
    """Whether the wheel is for Linux or for any platform."""
    return any(_arch(tag) for tag in name.tags)


def nearest_refusal(files: Sequence[LockedWheel], tags: Sequence[str], python: str) -> str:
    """Return in one line why an installer accepts none of a release's wheels.

    The arguments are those of ``choose_wheel``, which returned None.
    """
    if not files:
        return "the release has no wheel for Linux"
    title = parse_wheel_name(files[0].filename).release
    offers = {file: parse_wheel_name(file.filename).tags for file in files}
    too_new = {file.requires_python for file in files if set(tags).intersection(offers[file])}
    if too_new:
        return f"{title} requires Python {_listed(too_new)}; this is {python}"
    offered = {tag for file in files for tag in offers[file] if _arch(tag)}
    if not offered:
        return f"{title} has no wheel for Linux"
    arch = next((_arch(tag) for tag in tags if _arch(tag) not in ("", _ANY)), "")
    here = {tag for tag in offered if _arch(tag) in (arch, _ANY)}
    if not here:
        others = _listed({_arch(tag) for tag in offered})
        return f"no wheel of {title} for {arch}; there are wheels for {others}"
    return _refusal_on_arch(title, here, tags)


def _refusal_on_arch(title: str, offered: set[str], tags: Sequence[str]) -> str:
    accepted = {_interpreter(tag) for tag in tags}
    platforms = {_platform(tag) for tag in offered if _interpreter(tag) in accepted}
    if platforms:
        return (
            f"no wheel of {title} for this platform; there are wheels for {_listed(platforms)}; "
            f"the installer accepts {_reach(_platform(tags[0]))}"
        )
    interpreters = _listed({_interpreter(tag) for tag in offered})
    return (
        f"no wheel of {title} for this Python; there are wheels for {interpreters}; "
        f"the installer accepts {_interpreter(tags[0])}"
    )


def _reach(platform: str) -> str:
    """Return the range that a best platform stands for: older manylinux and musllinux included."""
    return f"{platform} only" if platform.startswith("linux_") else f"up to {platform}"


def _platform(tag: str) -> str:
    return tag.split("-")[2]


def _interpreter(tag: str) -> str:
    """Return ``cp311`` if the ABI is that of the interpreter, else both: ``cp39-abi3``."""
    python, abi, _ = tag.split("-")
    return python if abi in (python, "none") else f"{python}-{abi}"


def _arch(tag: str) -> str:
    """Return the arch of a tag's platform, ``any``, or an empty string if it is not Linux."""
    platform = _platform(tag)
    return _ANY if platform == _ANY else linux_arch(platform)


def _listed(words: Iterable[str]) -> str:
    """Join ``words`` in natural order: cp39 before cp311."""
    return ", ".join(sorted(words, key=_natural))


def _natural(word: str) -> list[tuple[str, int]]:
    return [(text, int(number or 0)) for text, number in re.findall(r"(\D+)(\d*)", word)]
