"""A recipe's key stands for all that decides its bytes; apt's own words tell what went in."""

from pathlib import Path

import pytest

from harness.arches import ARCHES, find_arch
from harness.errors import ImageError
from harness.images.debian_root import (
    Package,
    assemble_root,
    native_arch,
    parse_simulation,
    write_recipe,
)

SIMULATED = """\
Reading package lists...
The following NEW packages will be installed:
  dash libc6 python3-pip
Inst libc6 (2.36-9+deb12u13 Debian:12.14/oldstable [s390x]) []
Inst python3-pip (23.0.1+dfsg-1 Debian:12.14/oldstable [all])
Inst zlib1g (1:1.2.13.dfsg-1 Debian:12.14/oldstable [s390x])
Conf libc6 (2.36-9+deb12u13 Debian:12.14/oldstable [s390x])
"""


def test_a_simulated_installation_names_its_packages() -> None:
    """Every ``Inst`` line is one package; epochs stay; the order is by name."""
    assert parse_simulation(SIMULATED) == (
        Package(name="libc6", version="2.36-9+deb12u13"),
        Package(name="python3-pip", version="23.0.1+dfsg-1"),
        Package(name="zlib1g", version="1:1.2.13.dfsg-1"),
    )


def test_an_output_without_packages_is_an_error() -> None:
    """Else two archives' states would have the same key."""
    with pytest.raises(ImageError, match="names no package"):
        parse_simulation("Reading package lists...\n")


def test_a_recipe_has_what_every_root_needs() -> None:
    """Named twice or in another order, it is the same recipe."""
    arch = find_arch("s390x")
    one = write_recipe("bookworm", arch, ("python3", "python3-pip"))
    two = write_recipe("bookworm", arch, ("python3-pip", "dash", "python3"))
    assert {"dash", "base-passwd"} < set(one.packages)
    assert (one, one.key) == (two, two.key)


def test_suite_arch_and_packages_are_in_the_key() -> None:
    """No two of these may share a root."""
    s390x, armv7l = find_arch("s390x"), find_arch("armv7l")
    recipes = [
        write_recipe("bookworm", s390x, ("python3",)),
        write_recipe("trixie", s390x, ("python3",)),
        write_recipe("bookworm", armv7l, ("python3",)),
        write_recipe("bookworm", s390x, ("python3", "python3-pip")),
    ]
    assert len({recipe.key for recipe in recipes}) == len(recipes)


def test_a_root_for_musl_has_nothing_of_glibc() -> None:
    """None of the packages that every glibc root has: each of them depends on libc6."""
    arch = find_arch("s390x")
    musl = write_recipe("bookworm", arch, (), libc="musl")
    glibc = write_recipe("bookworm", arch, ())
    assert not {*musl.packages} & {*glibc.packages}
    assert musl.key != write_recipe("bookworm", arch, musl.packages).key


@pytest.mark.parametrize(
    ("arch", "library"),
    [("armv7l", "armv7"), ("i686", "x86"), ("ppc64le", "ppc64le"), ("x86_64", "x86_64")],
)
def test_musl_goes_by_alpines_name_too(arch: str, library: str) -> None:
    """``libc.musl-armv7.so.1`` is what auditwheel finds in wheels that were built on Alpine."""
    recipe = write_recipe("bookworm", find_arch(arch), (), libc="musl")
    assert recipe.finish.startswith(f"alpine={library}\n")


def test_one_arch_is_native() -> None:
    """Exactly the machine's own root is compiled in place."""
    recipes = [write_recipe("sid", arch, ()) for arch in ARCHES]
    assert [r.arch for r in recipes if r.native] == [native_arch()]


def test_a_machine_without_mmdebstrap_is_told_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The message names the program and the doctor; the cells are misses of their own cause."""
    monkeypatch.setenv("PATH", str(tmp_path))
    recipe = write_recipe("bookworm", find_arch("s390x"), ())
    with pytest.raises(ImageError, match=r"(?s)bookworm for s390x.*mmdebstrap.*doctor") as caught:
        assemble_root(recipe, tmp_path / "root.tar")
    assert caught.value.cause == "infra:assemble"
