"""A content-keyed cache of files, safe for several processes.

An entry is a file ``<root>/<kind>/<name>``. It is made once under a lock, in a temporary
directory, and renamed. Its SHA-256 is stored beside it; a damaged entry is made again.
"""

import contextlib
import errno
import hashlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path

import platformdirs
from filelock import FileLock

from harness.core.causes import Cause
from harness.core.errors import HarnessError, InfrastructureError
from harness.host.lock_wait import acquire, is_alive

LONGEST_NAME = 255
"""Bytes of a file name (NAME_MAX)."""
MOST_FILES = 10_000
"""Number of file digests that a process remembers."""


class CacheError(InfrastructureError):
    """The cache cannot be written: the disk is full, or permission is denied."""

    cause = Cause.DISK


def default_cache_root() -> Path:
    """Return ``$WHEELGRID_CACHE``, or the platform's cache directory for this project.

    Raises ``CacheError`` without either.
    """
    chosen = os.environ.get("WHEELGRID_CACHE")
    root = Path(chosen) if chosen else user_folder(platformdirs.user_cache_path)
    if root is None:
        raise CacheError("this user has no home directory; set HOME or WHEELGRID_CACHE")
    return root


def user_folder(find: Callable[[str], Path]) -> Path | None:
    """Return this project's folder that a function of platformdirs finds; None without a home."""
    with contextlib.suppress(RuntimeError):  # of platformdirs 4.5; older ones return ~/.cache
        found = find("wheelgrid")
        return found if found.is_absolute() else None
    return None


def content_key(*parts: str) -> str:
    """Return a hash of ``parts``, in that order, as 32 hexadecimal digits."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode()
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()[:32]


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes as 64 hexadecimal digits."""
    seen = path.stat()
    return _sha256(path, seen.st_ino, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns)


@lru_cache(maxsize=MOST_FILES)
def _sha256(path: Path, *_: int) -> str:
    """Return the digest of a file, which is read again only if its metadata changes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@contextlib.contextmanager
def storing(path: Path) -> Iterator[None]:
    """Turn an ``OSError`` from writing ``path`` in the cache into a ``CacheError``."""
    try:
        yield
    except OSError as error:
        raise CacheError(
            f"{error.filename or path}: {error.strerror or error}; {_next_step(error, path)}"
        ) from error


def _next_step(error: OSError, path: Path) -> str:
    if error.errno is None:
        return "run again"
    if error.errno == errno.ENAMETOOLONG:
        return f"the name has {len(os.fsencode(path.name))} bytes, file systems allow 255"
    if error.errno not in (errno.ENOSPC, errno.EDQUOT):
        return "set WHEELGRID_CACHE to a directory that can be written"
    step = "free some space there, or set WHEELGRID_CACHE to another directory"
    return f"no more files are possible; {step}" if _lacks_inodes(path) else step


def _lacks_inodes(path: Path) -> bool:
    existing = next((each for each in path.parents if each.exists()), Path("/"))
    found = os.statvfs(existing)
    return found.f_files > 0 and found.f_favail == 0


class Cache:
    """Files by kind and name below one root directory."""

    def __init__(self, root: Path, announce: Callable[[str], None] | None = None) -> None:
        self.root = root
        self._announce = announce or _write_to_stderr
        """Reports what is waited for."""
        self._failed: dict[Path, HarnessError] = {}

    def get(self, kind: str, name: str, make: Callable[[Path], None], *, sha256: str = "") -> Path:
        """Return the entry ``<root>/<kind>/<name>``, made by ``make(path)`` if it is missing.

        One process makes it while the others wait. The entry is checked against ``sha256``, or if
        that is empty against its digest when it was made. Raises ``CacheError`` if it cannot be
        stored. Errors of ``make`` pass through and leave no file. A ``HarnessError`` of ``make``
        is remembered and raised again, so that one failure is not repeated for every cell.
        """
        entry = self.root / kind / name
        with storing(entry):
            if _is_whole(entry, sha256):  # without the lock: the cache may be read-only
                return entry
            entry.parent.mkdir(parents=True, exist_ok=True)
            with self.lock(f"{kind}-{name}"):
                if not _is_whole(entry, sha256):
                    with self._failing_once(entry):
                        self._fill(entry, make)
        return entry

    @contextlib.contextmanager
    def _failing_once(self, entry: Path) -> Iterator[None]:
        """Remember an error of making an entry and raise it at the next request."""
        if entry in self._failed:
            raise self._failed[entry]
        try:
            yield
        except CacheError:
            raise
        except HarnessError as error:
            self._failed[entry] = error
            raise

    def has(self, kind: str, name: str) -> bool:
        """Whether the entry exists and is undamaged."""
        return _is_whole(self.root / kind / name, "")

    def entries(self, kind: str) -> tuple[Path, ...]:
        """Return the files of a kind, sorted, without unfinished ones."""
        digests = (self.root / kind).glob("[!.]*.sha256")
        return tuple(
            sorted(path for digest in digests if (path := digest.with_suffix("")).is_file())
        )

    def trees(self, kind: str) -> tuple[Path, ...]:
        """Return the directories of a kind, sorted, without unfinished ones."""
        return tuple(sorted(p for p in (self.root / kind).glob("[!.]*") if p.is_dir()))

    def discard(self, kind: str, name: str) -> None:
        """Remove an entry or a tree if it exists. Raises ``CacheError``."""
        entry = self.root / kind / name
        with storing(entry), self.lock(f"{kind}-{name}"):
            if entry.is_dir():
                gone = Path(tempfile.mkdtemp(prefix=_making(), dir=entry.parent))
                entry.replace(gone / name)  # so that no process sees it half removed
                shutil.rmtree(gone)
                return
            _digest_file(entry).unlink(missing_ok=True)
            entry.unlink(missing_ok=True)

    def remove_leftovers(self, older_than: float) -> int:
        """Remove unfinished files of killed processes and return the bytes freed.

        ``older_than`` is in seconds: younger files may still be in use, and so are those of
        running processes of this machine, whatever the clock says.
        """
        left = [*self.root.glob("*/.making-*"), *self.root.glob(".making-*")]
        old = [
            path
            for path in left
            if path.stat().st_mtime < time.time() - older_than and not _is_in_use(path)
        ]
        size = sum(tree_size(path) for path in old)
        for path in old:
            shutil.rmtree(path, ignore_errors=True)
        return size

    def tree(self, kind: str, name: str, make: Callable[[Path], None]) -> Path:
        """Return the directory ``<root>/<kind>/<name>``, filled once by ``make(path)``.

        As ``get``, for many files that are read in place. It is complete or missing, and it is
        not written to afterwards.
        """
        entry = self.root / kind / name
        with storing(entry):
            if entry.is_dir():
                return entry
            entry.parent.mkdir(parents=True, exist_ok=True)
            with self.lock(f"{kind}-{name}"):
                if not entry.is_dir():
                    with self._failing_once(entry):
                        self._fill_tree(entry, make)
        return entry

    @contextlib.contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Hold the lock of that name, shared by all processes on this root.

        Reports a long wait. Raises ``CacheError``, also for a lock that is held for hours.
        """
        path = self.root / "locks" / f"{content_key(name)}.lock"
        lock = FileLock(path)
        with storing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            acquire(lock, name, self._announce)
        try:
            yield
        finally:
            lock.release()

    def _fill_tree(self, entry: Path, make: Callable[[Path], None]) -> None:
        making = Path(tempfile.mkdtemp(prefix=_making(), dir=entry.parent))
        try:
            make(making)
            making.chmod(0o755)
            making.replace(entry)
        finally:
            shutil.rmtree(making, ignore_errors=True)

    def _fill(self, entry: Path, make: Callable[[Path], None]) -> None:
        workdir = Path(tempfile.mkdtemp(prefix=_making(), dir=entry.parent))
        try:
            made = workdir / entry.name
            make(made)
            digest = workdir / "digest"
            digest.write_text(file_sha256(made) + "\n")
            made.replace(entry)
            digest.replace(_digest_file(entry))
        finally:
            shutil.rmtree(workdir, ignore_errors=True)


def _making() -> str:
    """Return how the name of an unfinished file of this process begins."""
    return f".making-{os.getpid()}-"


def _is_in_use(unfinished: Path) -> bool:
    pid = unfinished.name.split("-")[1]
    return pid.isdecimal() and is_alive(int(pid))


def _write_to_stderr(message: str) -> None:
    sys.stderr.write(f"{message}\n")


def tree_size(root: Path) -> int:
    """Return the total bytes of the files below a directory."""
    return sum(p.stat().st_size for p in root.rglob("*") if p.is_file() and not p.is_symlink())


def _digest_file(entry: Path) -> Path:
    name = f"{entry.name}.sha256"
    if len(os.fsencode(name)) > LONGEST_NAME:  # the entry's own name may be that long
        name = f".{content_key(entry.name)}.sha256"
    return entry.with_name(name)


def _is_whole(entry: Path, sha256: str) -> bool:
    try:
        return (sha256 or _digest_file(entry).read_text().strip()) == file_sha256(entry)
    except (FileNotFoundError, NotADirectoryError):
        return False
