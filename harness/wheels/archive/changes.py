"""Choose changes of module names and tags that could make a wheel import.

Pure; ``rewrite`` applies them. A change without effect on the wheel is empty and false.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from abi3info import DATAS, FUNCTIONS
from packaging.version import Version

from harness.wheels.archive.contents import WheelFacts
from harness.wheels.archive.elf import ElfFacts
from harness.wheels.archive.filename import arch_of, platform_tag
from harness.wheels.archive.rewrite import WheelChange

_MODULE = re.compile(
    r"(?P<stem>(?:.*/)?[^/.]+)"
    r"\.(?P<kind>cpython-\d+[a-z]*|abi3t?)(?:-(?P<triplet>[a-z0-9_]+-linux-[a-z0-9]+))?\.so"
)
_GLIBC = re.compile(r"GLIBC_(\d+\.\d+)(?:\.\d+)?")
_PLATFORM = re.compile(
    r"(?P<family>manylinux|musllinux)_(?P<major>\d+)_(?P<minor>\d+)_(?P<arch>.+)"
)
_OLDEST_MUSL = "1.1"
"""The oldest musl of the builder images (PEP 656)."""
_OLDEST_GLIBC = {"x86_64": "2.5", "i686": "2.5"}
_OLDEST_GLIBC_ELSEWHERE = "2.17"
"""Installers accept no older tag (packaging's ``_manylinux.platform_tags``)."""

_STABLE = {**FUNCTIONS, **DATAS}
_STABLE_SINCE = {
    symbol.name: (item.added.major, item.added.minor) for symbol, item in _STABLE.items()
}


@dataclass(frozen=True, kw_only=True, slots=True)
class NamedModule:
    """An extension module whose file name says which interpreter it is for."""

    member: str
    stem: str
    """``psycopg_binary/_psycopg``."""
    kind: str
    """``cpython-39``, ``abi3``, ``abi3t``."""
    triplet: str
    """``x86_64-linux-gnu``; empty if the name has none."""


def named_modules(facts: WheelFacts) -> tuple[NamedModule, ...]:
    """Return the wheel's extension modules, except those of a plain ``.so``."""
    found = (_MODULE.fullmatch(native.name) for native in facts.native)
    return tuple(
        NamedModule(
            member=match[0], stem=match["stem"], kind=match["kind"], triplet=match["triplet"] or ""
        )
        for match in found
        if match
    )


def rename_triplet(facts: WheelFacts, triplet: str) -> WheelChange:
    """Rename every module with a triplet to ``triplet``."""
    return _renamed(facts, lambda module: (_with_triplet(module, triplet),), of_version=True)


def add_triplet(facts: WheelFacts, triplet: str) -> WheelChange:
    """Store every module with a triplet a second time, under ``triplet``."""
    return _renamed(
        facts, lambda module: (module.member, _with_triplet(module, triplet)), of_version=True
    )


def bare_names(facts: WheelFacts) -> WheelChange:
    """Rename every version-specific module to plain ``.so``."""
    return _renamed(facts, lambda module: (f"{module.stem}.so",), of_version=True)


def stable_names(facts: WheelFacts) -> WheelChange:
    """Rename every module to ``.abi3.so``, and tag the wheel for later Pythons too.

    Only valid if ``outside_stable_abi`` returns nothing.
    """
    if any(re.fullmatch(r"cp3\d+t", tag.split("-")[1]) for tag in facts.name.tags):
        return WheelChange()  # free-threaded builds have no abi3 (PEP 703; abi3t since PEP 803)
    names = _renamed(facts, lambda module: (f"{module.stem}.abi3.so",), of_version=False).names
    return WheelChange(names=names, tags=_stable_tags(facts)) if names else WheelChange()


def stable_names_with_triplet(facts: WheelFacts) -> WheelChange:
    """Rename every ``.abi3.so`` to ``.abi3-<triplet>.so``, as builds on 3.15 do."""
    arch = arch_of(facts.name)
    if arch is None:
        return WheelChange()
    triplet = arch.musl_triplet if _for_musl(facts) else arch.gnu_triplet
    stable = (m for m in named_modules(facts) if m.kind == "abi3" and not m.triplet)
    return WheelChange(names=tuple((m.member, (_with_triplet(m, triplet),)) for m in stable))


def musl_names(facts: WheelFacts) -> WheelChange:
    """Rename a musllinux wheel's ``-gnu`` modules to ``-musl``, as upstream does from 3.11 on."""
    arch = arch_of(facts.name)
    return rename_triplet(facts, arch.musl_triplet) if arch and _for_musl(facts) else WheelChange()


def with_names(facts: WheelFacts, change: WheelChange) -> WheelFacts:
    """Return the facts with the new names; the sizes of metadata files are not updated."""
    names = dict(change.names)
    return replace(
        facts,
        members=tuple(
            replace(m, name=new) for m in facts.members for new in names.get(m.name, (m.name,))
        ),
        native=tuple(
            replace(n, name=new) for n in facts.native for new in names.get(n.name, (n.name,))
        ),
    )


def outside_stable_abi(facts: WheelFacts) -> tuple[str, ...]:
    """Return the interpreter symbols that the wheel needs outside its minimum Python's stable ABI.

    Source: CPython's ``Misc/stable_abi.toml``, by abi3info. An empty result is no proof: inlined
    macros leave no symbol.
    """
    floor = Version(_floor(facts))
    used = {
        symbol.name
        for native in facts.native
        if isinstance(native.elf, ElfFacts)
        for symbol in native.elf.undefined
        if re.match(r"_?Py", symbol.name)
    }
    return tuple(sorted(name for name in used if not _stable_at(name, floor)))


def retag_platform(facts: WheelFacts) -> WheelChange:
    """Tag the wheel for the oldest libc that its symbols permit.

    glibc's symbol versions decide. musl's symbols have none, so it becomes the oldest musllinux,
    which needs a test run to confirm.
    """
    python, abi, platform = facts.name.tag_part.split("-")
    match = _PLATFORM.fullmatch(platform.split(".")[0])
    if not match:
        return WheelChange()
    family, arch = match["family"], match["arch"]
    oldest = Version(_OLDEST_MUSL) if family == "musllinux" else _glibc_needed(facts, arch)
    if oldest >= Version(f"{match['major']}.{match['minor']}"):
        return WheelChange()
    tags = platform_tag("musl" if family == "musllinux" else "glibc", str(oldest), arch)
    return WheelChange(tags=f"{python}-{abi}-{tags}")


def _renamed(
    facts: WheelFacts, names: Callable[[NamedModule], tuple[str, ...]], *, of_version: bool
) -> WheelChange:
    """Return the change to those names, without names of other members."""
    taken = {member.name for member in facts.members}
    changed = []
    for module in named_modules(facts):
        if not module.triplet or (of_version and not module.kind.startswith("cpython")):
            continue
        old = module.member
        wanted = tuple(n for n in dict.fromkeys(names(module)) if n == old or n not in taken)
        if wanted not in ((), (old,)):
            taken.update(wanted)
            changed.append((old, wanted))
    return WheelChange(names=tuple(changed))


def _for_musl(facts: WheelFacts) -> bool:
    return any("-musllinux_" in tag for tag in facts.name.tags)


def _with_triplet(module: NamedModule, triplet: str) -> str:
    return f"{module.stem}.{module.kind}-{triplet}.so"


def _stable_tags(facts: WheelFacts) -> str:
    python, _, platform = facts.name.tag_part.split("-")
    return f"{python}-abi3-{platform}"


def _floor(facts: WheelFacts) -> str:
    """Return the minimum minor version of Python."""
    found = (re.match(r"cp3(\d+)-", tag) for tag in facts.name.tags)
    minors = [int(match[1]) for match in found if match]
    return f"3.{min(minors)}" if minors else "3.2"


def _stable_at(symbol: str, floor: Version) -> bool:
    since = _STABLE_SINCE.get(symbol)
    return since is not None and since <= floor.release[:2]


def _glibc_needed(facts: WheelFacts, arch: str) -> Version:
    """Return the newest glibc that a native member needs, or the oldest taggable one."""
    oldest = Version(_OLDEST_GLIBC.get(arch, _OLDEST_GLIBC_ELSEWHERE))
    return max([oldest, *_glibc_versions(facts)])


def _glibc_versions(facts: WheelFacts) -> Iterator[Version]:
    for native in facts.native:
        needs = native.elf.version_needs if isinstance(native.elf, ElfFacts) else {}
        for names in needs.values():
            yield from (Version(m[1]) for name in names if (m := _GLIBC.fullmatch(name)))
