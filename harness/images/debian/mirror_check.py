"""Check that the mirrors have the files that the locks name, for the doctor."""

import itertools
import time
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from harness.host.doctor.check import Check, MachinePart
from harness.host.download import Downloader
from harness.images.debian.mirrors import MIRRORS, find_mirrors, host_of
from harness.images.debian.package_lock import SuiteLock
from harness.images.debian.packages import SOURCE, Package

SECONDS = 2.5
"""Time for requests; the number of files checked by then is reported."""
_AT_A_TIME = 16
_ANSWER_SECONDS = 1.0
_NAME = "debian mirror"


def check_mirror(locks: Mapping[str, SuiteLock], arches: Collection[str]) -> Check:
    """Send HEAD requests for the locked files of ``arches`` (Debian's names).

    Takes at most ``SECONDS`` and the time of one answer.
    """
    wanted = {*arches, "all", SOURCE}
    rows = [[f for f in lock.files if f.arch in wanted] for lock in locks.values()]
    # Suites alternate, so that each is checked before the time is up.
    turns = (file for turn in itertools.zip_longest(*rows) for file in turn)
    files = [file for file in turns if file is not None]
    mirrors = find_mirrors()
    if not mirrors.mirrors:
        return _check(ok=False, detail="none is known", remedy=f"set {MIRRORS}")
    end = time.monotonic() + SECONDS
    downloader = Downloader()

    def ask(file: Package) -> bool | None:
        answers: list[bool | None] = []
        for address in mirrors.addresses(file)[: len(mirrors.mirrors)]:
            left = end - time.monotonic()
            if left <= 0:
                return None
            answers.append(downloader.exists(address, timeout=min(left, _ANSWER_SECONDS)))
            if answers[-1]:
                return True
        return False if False in answers else None

    with ThreadPoolExecutor(_AT_A_TIME) as pool:
        answers = tuple(pool.map(ask, files))
    hosts = ", ".join(map(host_of, mirrors.mirrors))
    return locked_files_check(hosts, tuple(zip(files, answers, strict=True)))


def locked_files_check(hosts: str, answers: Sequence[tuple[Package, bool | None]]) -> Check:
    """Return the check for whether mirrors have each file; None for no answer."""
    asked = [(file, there) for file, there in answers if there is not None]
    gone = [file for file, there in asked if not there]
    if answers and not asked:
        return _check(
            ok=False,
            detail=f"{hosts}: no answer",
            remedy=f"only cached packages can be used; set {MIRRORS} to another mirror",
        )
    if gone:
        first, more = gone[0], len(gone) - 1
        also = f", and {more} more" if more else ""
        return _check(
            ok=False,
            detail=f"{hosts} lacks {first.title} for {first.arch}{also}",
            remedy="runs resolve it from today's index; `wheelgrid pins --update` renews the lock",
        )
    if len(asked) < len(answers):
        return _check(
            ok=True,
            detail=f"{hosts}: {len(asked)} of {len(answers)} locked files checked, none missing",
        )
    return _check(ok=True, detail=f"{hosts} has all {len(asked)} locked files")


def _check(*, ok: bool, detail: str, remedy: str = "") -> Check:
    return Check(
        part=MachinePart.MIRROR, name=_NAME, ok=ok, detail=detail, remedy=remedy, blocking=False
    )
