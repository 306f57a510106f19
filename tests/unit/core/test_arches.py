"""The table of architectures: one row each, no name that means two."""

from collections import Counter

import pytest

from harness.core.arches import ARCHES, Arch, find_arch


@pytest.mark.parametrize("arch", ARCHES, ids=[arch.name for arch in ARCHES])
def test_every_spelling_finds_its_row(arch: Arch) -> None:
    """Name and aliases are understood, whatever the case."""
    for spelling in (arch.name, *arch.aliases):
        assert find_arch(spelling) is arch
        assert find_arch(spelling.upper()) is arch


@pytest.mark.parametrize("column", ["name", "debian", "gnu_triplet", "zig", "platform", "qemu"])
def test_no_name_means_two(column: str) -> None:
    """Within a column, every arch has a name of its own."""
    assert max(Counter(getattr(arch, column) for arch in ARCHES).values()) == 1


def test_no_spelling_means_two() -> None:
    """No alias of one arch is another's name or alias."""
    spellings = [spelling for arch in ARCHES for spelling in (arch.name, *arch.aliases)]
    assert len(spellings) == len(set(spellings))


@pytest.mark.parametrize(
    ("name", "platform"),
    [("x86_64", "linux/amd64"), ("i686", "linux/386"), ("armv7l", "linux/arm/v7")],
)
def test_platform(name: str, platform: str) -> None:
    """The variant is part of the platform where the image spec has one."""
    assert find_arch(name).platform == platform


@pytest.mark.parametrize(
    ("spelling", "hint"),
    [("ppc64lee", "did you mean 'ppc64le'?"), ("vax", "known: x86_64 i686 aarch64 ")],
)
def test_unknown(spelling: str, hint: str) -> None:
    """An unknown arch is answered with the nearest one, or with all."""
    with pytest.raises(KeyError) as caught:
        find_arch(spelling)
    assert f"unknown arch {spelling!r}; {hint}" in caught.value.args[0]
