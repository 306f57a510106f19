"""The cache: entries are made once, complete or not at all."""

import hashlib
import multiprocessing
import os
import re
import shutil
import signal
import time
import unicodedata
from pathlib import Path

import pytest

from harness.core.errors import BuildError
from harness.host import lock_wait
from harness.host.cache import Cache, CacheError, content_key, default_cache_root, file_sha256
from harness.store.database import StoreError, default_store
from tests.support.commands import wait_until


def _fail(path: Path) -> None:
    raise AssertionError(f"{path} is there already")


def _write(path: Path) -> None:
    path.write_text("made")


def test_entry_is_made_once(cache: Cache) -> None:
    """An existing entry is reused."""
    first = cache.get("wheels", "a", _write)
    assert first.read_text() == "made"
    assert cache.get("wheels", "a", _fail) == first


@pytest.mark.parametrize("damage", ["mad", "maed", ""], ids=["short", "changed", "empty"])
def test_damaged_entry_is_made_again(cache: Cache, damage: str) -> None:
    """An entry with other bytes than written is replaced."""
    cache.get("wheels", "a", _write).write_text(damage)
    assert cache.get("wheels", "a", _write).read_text() == "made"


@pytest.mark.parametrize("lost", ["a", "a.sha256"])
def test_entry_without_file_or_digest_is_made_again(cache: Cache, lost: str) -> None:
    """Both files must exist."""
    entry = cache.get("wheels", "a", _write)
    entry.with_name(lost).unlink()
    assert cache.get("wheels", "a", _write).read_text() == "made"
    cache.get("wheels", "a", _fail)


def test_failed_make_leaves_no_file(cache: Cache) -> None:
    """The error passes through, and the next make works."""

    def fail(path: Path) -> None:
        path.write_text("half")
        raise BuildError("demo does not build")

    with pytest.raises(BuildError, match="demo does not build"):
        cache.get("wheels", "a", fail)
    assert list((cache.root / "wheels").iterdir()) == []
    assert Cache(cache.root).get("wheels", "a", _write).read_text() == "made"


def test_failure_is_raised_again_without_a_retry(cache: Cache) -> None:
    """A process does not repeat a failed make."""
    tries = []

    def fail(path: Path) -> None:
        tries.append(path)
        raise BuildError("demo does not build")

    for make in (cache.get, cache.get, cache.tree, cache.tree):
        with pytest.raises(BuildError, match="demo does not build"):
            make("wheels", "a", fail)
    assert len(tries) == 1


def test_given_digest_precedes_the_stored_one(cache: Cache) -> None:
    """An entry that was changed together with its digest file is made again."""
    right = hashlib.sha256(b"made").hexdigest()
    entry = cache.get("debs", "a", _write, sha256=right)
    entry.write_text("evil")
    entry.with_name("a.sha256").write_text(hashlib.sha256(b"evil").hexdigest() + "\n")
    assert cache.get("debs", "a", _write, sha256=right).read_text() == "made"


def _write_name(path: Path) -> None:
    path.write_text(ascii(path.name))


def _make_slowly(root: Path, tally: Path) -> None:
    def make(path: Path) -> None:
        with tally.open("a") as stream:
            stream.write("x")
        time.sleep(0.3)
        path.write_text("made")

    assert Cache(root).get("wheels", "a", make).read_text() == "made"


def test_one_process_makes_an_entry_for_all(cache: Cache, tmp_path: Path) -> None:
    """The others wait for it."""
    context = multiprocessing.get_context("spawn")
    args = (cache.root, tmp_path / "tally")
    workers = [context.Process(target=_make_slowly, args=args) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    assert (tmp_path / "tally").read_text() == "x"


def _hold(root: Path) -> None:
    with Cache(root).lock("wheels-a"):
        os.kill(os.getpid(), signal.SIGSTOP)


def test_wait_for_a_lock_names_its_holder_and_ends(
    cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A holder that is stopped; the lock is free once it has ended."""
    monkeypatch.setattr(lock_wait, "SAY_AFTER", 0.2)
    monkeypatch.setattr(lock_wait, "LONGEST_WAIT", 0.5)
    context = multiprocessing.get_context("spawn")
    holder = context.Process(target=_hold, args=(cache.root,), daemon=True)
    holder.start()
    pid, said = str(holder.pid), list[str]()
    try:
        wait_until(lambda: lock_wait._state(pid).endswith("stopped)"), seconds=30)
        with pytest.raises(CacheError) as caught:
            Cache(cache.root, said.append).get("wheels", "a", _write)
    finally:
        holder.kill()
        holder.join()
    words = rf"process {pid} \(.+, which is stopped\)"
    assert re.fullmatch(rf"waiting 0 s for wheels-a, which {words} makes", said[0])
    assert re.search(rf"{words} has held the lock of wheels-a for \d s; end it", str(caught.value))
    assert cache.get("wheels", "a", _write).read_text() == "made"


def test_holder_without_a_number_is_another_process(tmp_path: Path) -> None:
    """As of a process of another PID namespace."""
    assert (
        lock_wait.holder_of(tmp_path) == lock_wait.holder_of(tmp_path / "no") == "another process"
    )


def test_whole_entries_of_a_read_only_cache_are_used(cache: Cache) -> None:
    """A missing one is an error with the next step; root ignores the modes of a folder."""
    cache.get("wheels", "a", _write)
    cache.tree("trees", "b", lambda path: (path / "file").touch())
    shutil.rmtree(cache.root / "locks")
    (cache.root / "locks").write_text("not a folder")
    assert cache.get("wheels", "a", _fail).read_text() == "made"
    assert (cache.tree("trees", "b", _fail) / "file").exists()
    with pytest.raises(CacheError, match="set WHEELGRID_CACHE to a directory that can be written"):
        cache.get("wheels", "other", _write)


@pytest.mark.parametrize("name", ["n" * 249, "n" * 255, "\u00e9" * 127])
def test_names_up_to_the_limit_of_file_systems(cache: Cache, name: str) -> None:
    """Their digests have names of their own."""
    for make in (_write, _fail):
        assert cache.get("wheels", name, make).name == name
    assert cache.has("wheels", name)
    cache.discard("wheels", name)
    assert not cache.has("wheels", name)


def test_longer_name_is_no_lack_of_space(cache: Cache) -> None:
    with pytest.raises(
        CacheError, match="File name too long; the name has 256 bytes, file systems"
    ):
        cache.get("wheels", "n" * 256, _write)


def test_composed_and_decomposed_names_are_two_entries(cache: Cache) -> None:
    """Neither is normalized."""
    names = [unicodedata.normalize(form, "\u00e9.whl") for form in ("NFC", "NFD")]
    for name in names:
        cache.get("wheels", name, _write_name)
    assert [cache.get("wheels", name, _fail).read_text() for name in names] == [*map(ascii, names)]


def test_user_without_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the variable nor an entry of the user: nothing is written to a folder called ~."""
    for name in ("HOME", "WHEELGRID_CACHE", "XDG_CACHE_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    assert default_cache_root().is_absolute()
    monkeypatch.setattr(os, "getuid", lambda: 2**31 - 7)
    with pytest.raises(CacheError, match="no home directory; set HOME or WHEELGRID_CACHE"):
        default_cache_root()
    with pytest.raises(StoreError, match="no home directory; set HOME, or use --store"):
        default_store()
    monkeypatch.setenv("WHEELGRID_CACHE", "/elsewhere")
    assert default_cache_root() == Path("/elsewhere")


def test_clock_that_jumps_removes_nothing_in_use(
    cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A day ahead while an entry is made."""
    now = time.time()

    def make(path: Path) -> None:
        monkeypatch.setattr(time, "time", lambda: now + 2 * 86400)
        assert Cache(cache.root).remove_leftovers(older_than=86400) == 0
        path.write_text("made")

    assert cache.get("wheels", "a", make).read_text() == "made"


def _write_to_a_full_disk(_: Path) -> None:
    Path("/dev/full").write_text("x")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="full(4) is Linux's")
def test_full_disk_is_a_cache_error(cache: Cache) -> None:
    """The message has the path and the next step."""
    with pytest.raises(CacheError) as caught:
        cache.get("wheels", "a", _write_to_a_full_disk)
    assert str(caught.value) == (
        f"{cache.root}/wheels/a: No space left on device; "
        "free some space there, or set WHEELGRID_CACHE to another directory"
    )


def test_cache_root_that_is_a_file_is_a_cache_error(tmp_path: Path) -> None:
    """The message has the path."""
    (tmp_path / "file").touch()
    with pytest.raises(CacheError, match=r"file/cache/.*: Not a directory; set WHEELGRID_CACHE"):
        Cache(tmp_path / "file/cache").get("wheels", "a", _write)


def test_key_depends_on_parts_and_their_order() -> None:
    """It also depends on where a part ends."""
    keys = {content_key(*parts) for parts in (("ab", "c"), ("a", "bc"), ("c", "ab"), ("abc",))}
    assert len(keys) == 4
    assert content_key("ab", "c") in keys


def test_file_digest_is_sha256(tmp_path: Path) -> None:
    """Checked with the empty file (FIPS 180-4)."""
    (tmp_path / "empty").touch()
    assert file_sha256(tmp_path / "empty").startswith("e3b0c44298fc1c149afbf4c8996fb924")


def test_environment_sets_the_root(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """WHEELGRID_CACHE is the root."""
    monkeypatch.setenv("WHEELGRID_CACHE", str(tmp_path))
    assert default_cache_root() == tmp_path


def test_entries_are_the_finished_files_of_a_kind(tmp_path: Path) -> None:
    """Digests, trees and unfinished files are left out."""
    cache = Cache(tmp_path)
    kept = cache.get("kind", "b.tar", lambda path: path.touch())
    also = cache.get("kind", "a", lambda path: path.touch())
    cache.tree("kind", "tree", lambda path: (path / "x").touch())
    (tmp_path / "kind" / ".making-1").mkdir()
    (tmp_path / "kind" / "half.tar").write_text("no digest")
    assert cache.entries("kind") == (also, kept)
    assert cache.entries("other") == ()


def test_old_unfinished_files_are_removed(tmp_path: Path) -> None:
    """Younger ones may still be in use."""
    for name, age in (("old", 100), ("young", 0)):
        left = tmp_path / "kind" / f".making-{name}"
        left.mkdir(parents=True)
        (left / "part").write_text("1234")
        os.utime(left, (time.time() - age,) * 2)
    assert Cache(tmp_path).remove_leftovers(older_than=50) == 4
    assert [path.name for path in (tmp_path / "kind").iterdir()] == [".making-young"]


def test_discarded_entry_is_made_again(tmp_path: Path) -> None:
    """Discarding a missing entry is no error."""
    cache = Cache(tmp_path)
    made: list[Path] = []

    def make(path: Path) -> None:
        path.touch()
        made.append(path)

    cache.get("kind", "a", make)
    for _ in range(2):
        cache.discard("kind", "a")
    assert list((tmp_path / "kind").iterdir()) == []
    cache.get("kind", "a", make)
    assert len(made) == 2
