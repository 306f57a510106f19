"""Root file systems in the cache."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from harness.core.arches import find_arch
from harness.host.cache import Cache
from harness.images import roots
from harness.images.debian import PackageSet, Upstream
from harness.images.debian.upstream import ResolvedSet
from harness.images.debian_root import Recipe, write_recipe
from harness.images.roots import Root, Roots
from tests.support.workspace import a_package, pinned_workspace

RECIPE = write_recipe("bookworm", find_arch("s390x"), ("python3",))
PACKAGES = (a_package("python3"),)


@pytest.fixture
def assembled(monkeypatch: pytest.MonkeyPatch) -> list[Recipe]:
    """Return a list that collects the assembled recipes; packages and roots are fakes."""
    made: list[Recipe] = []

    def assemble(recipe: Recipe, debs: Sequence[Path], root: Path) -> None:
        del debs
        made.append(recipe)
        root.write_text("root")

    def fetch(upstream: Upstream, wanted: PackageSet) -> tuple[ResolvedSet, tuple[Path, ...]]:
        return upstream.resolve(wanted), ()

    monkeypatch.setattr(roots, "assemble_root", assemble)
    monkeypatch.setattr(Upstream, "fetch", fetch)
    return made


def make(folder: Path) -> tuple[Roots, Root]:
    """Make the root with the cache in ``folder``, as a separate process does."""
    made = Roots(pinned_workspace(Cache(folder), {RECIPE.wanted: PACKAGES}))
    return made, made.make(RECIPE)


def test_root_is_assembled_once(tmp_path: Path, assembled: list[Recipe]) -> None:
    """Another process reuses it."""
    for _ in range(2):
        found, root = make(tmp_path)
        assert found.tar(root).read_text() == "root"
    assert assembled == [RECIPE]


def test_changed_root_is_assembled_again(tmp_path: Path, assembled: list[Recipe]) -> None:
    """A damaged cache entry is not used for an image."""
    found, root = make(tmp_path)
    found.tar(root).write_text("evil")
    found, root = make(tmp_path)
    assert found.tar(root).read_text() == "root"
    assert assembled == [RECIPE, RECIPE]
