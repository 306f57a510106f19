"""The tests' cache: separate from the user's, and filled from it."""

from pathlib import Path

from harness.host.cache import Cache, default_cache_root
from tests.support.linked_cache import USER_CACHE, link_cache


def _write(path: Path) -> None:
    path.write_text("user's")


def _write_other(path: Path) -> None:
    path.write_text("tests'")


def _write_tree(path: Path) -> None:
    _write(path / "file")


def test_tests_do_not_use_the_users_cache() -> None:
    """Commands that tests start inherit the directory."""
    assert default_cache_root() != USER_CACHE


def test_entries_are_linked_once(tmp_path: Path) -> None:
    """Files and trees are links, the compiler's cache is a copy, and existing entries stay."""
    user, cache = Cache(tmp_path / "user"), Cache(tmp_path / "tests")
    tree = user.tree("source-trees", "a", _write_tree)
    zig = user.tree("zig", "global", _write_tree)
    for name in "ab":
        user.get("debs", name, _write)
    cache.get("debs", "b", _write_other)
    for _ in range(2):
        link_cache(user.root, cache)
    assert cache.has("debs", "a")
    assert (cache.root / "source-trees/a/file").samefile(tree / "file")
    assert not (cache.root / "zig/global/file").samefile(zig / "file")
    assert (cache.root / "debs/b").read_text() == "tests'"
    assert cache.has("debs", "b")
