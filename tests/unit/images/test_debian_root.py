"""Recipes: their packages and keys."""

from pathlib import Path

import pytest

from harness.core.arches import ARCHES, find_arch
from harness.core.errors import ImageError
from harness.images.debian_root import assemble_root, native_arch, write_recipe


def test_recipe_includes_the_base_packages() -> None:
    """Order and duplicates do not matter."""
    arch = find_arch("s390x")
    one = write_recipe("bookworm", arch, ("python3", "python3-pip"))
    two = write_recipe("bookworm", arch, ("python3-pip", "dash", "python3"))
    assert {"dash", "base-passwd"} < set(one.packages)
    assert (one, one.key) == (two, two.key)


def test_key_depends_on_suite_arch_and_packages() -> None:
    """Different recipes do not share a root."""
    s390x, armv7l = find_arch("s390x"), find_arch("armv7l")
    recipes = [
        write_recipe("bookworm", s390x, ("python3",)),
        write_recipe("trixie", s390x, ("python3",)),
        write_recipe("bookworm", armv7l, ("python3",)),
        write_recipe("bookworm", s390x, ("python3", "python3-pip")),
    ]
    assert len({recipe.key for recipe in recipes}) == len(recipes)


def test_musl_root_has_no_glibc_packages() -> None:
    """Every base package of glibc roots depends on libc6."""
    arch = find_arch("s390x")
    musl = write_recipe("bookworm", arch, (), libc="musl")
    glibc = write_recipe("bookworm", arch, ())
    assert not {*musl.packages} & {*glibc.packages}
    assert musl.key != write_recipe("bookworm", arch, musl.packages).key


@pytest.mark.parametrize(
    ("arch", "library"),
    [("armv7l", "armv7"), ("i686", "x86"), ("ppc64le", "ppc64le"), ("x86_64", "x86_64")],
)
def test_musl_root_has_alpines_soname(arch: str, library: str) -> None:
    """Auditwheel finds ``libc.musl-armv7.so.1`` in wheels built on Alpine."""
    recipe = write_recipe("bookworm", find_arch(arch), (), libc="musl")
    assert recipe.finish.startswith(f"alpine={library}\n")


def test_one_arch_is_native() -> None:
    """Only this machine's arch is native."""
    recipes = [write_recipe("sid", arch, ()) for arch in ARCHES]
    assert [r.arch for r in recipes if r.native] == [native_arch()]


def test_missing_mmdebstrap_is_an_image_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The message names the program and the doctor; the cause is infra:assemble."""
    monkeypatch.setenv("PATH", str(tmp_path))
    recipe = write_recipe("bookworm", find_arch("s390x"), ())
    with pytest.raises(
        ImageError, match=r"(?s)bookworm for s390x cannot be assembled.*mmdebstrap.*doctor"
    ) as caught:
        assemble_root(recipe, (), tmp_path / "root.tar")
    assert caught.value.cause == "infra:assemble"
