"""The table of architectures: unique names, aliases and platforms."""

from collections import Counter

import pytest

from harness.core.arches import ARCHES, Arch, find_arch


@pytest.mark.parametrize("arch", ARCHES, ids=[arch.name for arch in ARCHES])
def test_name_and_aliases_find_the_arch(arch: Arch) -> None:
    """The case does not matter."""
    for spelling in (arch.name, *arch.aliases):
        assert find_arch(spelling) is arch
        assert find_arch(spelling.upper()) is arch


@pytest.mark.parametrize("column", ["name", "debian", "gnu_triplet", "zig", "platform", "qemu"])
def test_names_in_a_column_are_unique(column: str) -> None:
    """Two arches never share a name of the same kind."""
    assert max(Counter(getattr(arch, column) for arch in ARCHES).values()) == 1


def test_spellings_are_unique() -> None:
    """No alias of an arch is a name or an alias of another."""
    spellings = [spelling for arch in ARCHES for spelling in (arch.name, *arch.aliases)]
    assert len(spellings) == len(set(spellings))


@pytest.mark.parametrize(
    ("name", "platform"),
    [("x86_64", "linux/amd64"), ("i686", "linux/386"), ("armv7l", "linux/arm/v7")],
)
def test_platform_includes_the_variant(name: str, platform: str) -> None:
    """The OCI platform has the variant that the image spec defines."""
    assert find_arch(name).platform == platform


@pytest.mark.parametrize(
    ("spelling", "hint"),
    [("ppc64lee", "did you mean 'ppc64le'?"), ("vax", "known: x86_64 i686 aarch64 ")],
)
def test_unknown_arch_gets_a_suggestion(spelling: str, hint: str) -> None:
    """The error suggests the nearest arch, or lists all."""
    with pytest.raises(KeyError) as caught:
        find_arch(spelling)
    assert f"unknown arch {spelling!r}; {hint}" in caught.value.args[0]
