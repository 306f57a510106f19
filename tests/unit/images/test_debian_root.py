"""A recipe's key stands for all that decides its bytes, and names what it is made of."""

from pathlib import Path

import pytest

from harness.core.arches import ARCHES, find_arch
from harness.core.errors import ImageError
from harness.images.debian_root import assemble_root, native_arch, write_recipe


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
    with pytest.raises(
        ImageError, match=r"(?s)bookworm for s390x cannot be assembled.*mmdebstrap.*doctor"
    ) as caught:
        assemble_root(recipe, (), tmp_path / "root.tar")
    assert caught.value.cause == "infra:assemble"
