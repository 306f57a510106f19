"""The checks of the doctor. All of them run at the same time."""

import ctypes.util
import errno
import os
import platform
import shutil
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path

import requests
from pypi_simple import PyPISimple

from harness.core.arches import Arch
from harness.core.errors import EngineError
from harness.host.cache import Cache, default_cache_root
from harness.host.compiler_check import MISSING, has_compiler
from harness.host.doctor.check import FIX, Check, MachinePart
from harness.host.doctor.emulation import check_emulation
from harness.host.doctor.host import SYSTEM_PATH
from harness.host.engine.api import EngineInfo
from harness.host.engine.docker import connect
from harness.host.process import ProcessError, run_process

NETWORK_SECONDS = 5
VERSION_SECONDS = 20
ROOMY = 5 << 30
"""Bytes that a run of the whole matrix needs at most, in the cache and in the engine each."""
KEYRINGS = Path("/usr/share/keyrings")
ENGINE_LIMITS = ("memory", "pids", "cpu")
WITHOUT_COMPILER = "no fixture wheel and no replica, but wheels on pulled and assembled images"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
"""Its names in Debian, in older Ubuntu and on CI runners."""


def run_checks(
    arches: tuple[Arch, ...], *, cache: Cache | None = None, tests: bool = False
) -> tuple[Check, ...]:
    """Check this machine for a matrix with ``arches``.

    ``tests`` adds requirements of the project's own tests. Takes a second, or some five if the
    network does not answer. Does not raise for a missing requirement.
    """
    store = cache or Cache(default_cache_root())
    questions = [
        *(partial(check_emulation, arch, store) for arch in arches),
        partial(check_assembler),
        partial(check_compiler),
        partial(check_disk, "cache", store.root),
        partial(check_network),
        *([partial(check_test_registry), partial(check_browser)] if tests else []),
    ]
    with ThreadPoolExecutor(len(questions) + 1) as pool:
        engine = pool.submit(check_engine)
        others = pool.map(lambda question: question(), questions)
        return (*engine.result(), *others)


def check_engine() -> tuple[Check, ...]:
    """Check that the container engine answers, and its features."""
    try:
        with closing(connect()) as engine:
            info = engine.info()
    except EngineError as error:
        detail, _, remedy = str(error).partition("; ")
        return (
            Check(part=MachinePart.ENGINE, name="engine", ok=False, detail=detail, remedy=remedy),
        )
    here = info.kernel == platform.release() and Path(info.data_root).is_dir()
    disk = (check_disk("engine", Path(info.data_root)),) if here else ()
    return (*engine_checks(info), *disk)


def engine_checks(info: EngineInfo) -> tuple[Check, ...]:
    """Return the checks for an engine that answered."""
    rootless = ", rootless" if info.rootless else ""
    missing = [name for name in ENGINE_LIMITS if name not in info.limits]
    copies = info.storage_driver == "vfs"
    return (
        Check(
            part=MachinePart.ENGINE,
            name="engine",
            ok=True,
            detail=f"docker {info.version} (API {info.api_version}) on "
            f"{info.arch}, kernel {info.kernel}{rootless}",
        ),
        Check(
            part=MachinePart.ENGINE_FEATURES,
            name="storage driver",
            ok=not copies,
            detail=info.storage_driver + (" copies every layer: slow and big" if copies else ""),
            remedy="put the engine's data on ext4 or xfs, so that it uses overlay2",
            blocking=False,
        ),
        Check(
            part=MachinePart.ENGINE_FEATURES,
            name="limits",
            ok=not missing,
            detail=f"cannot enforce: {', '.join(missing)}" if missing else ", ".join(ENGINE_LIMITS),
            remedy="enable the kernel's controllers (boot with `cgroup_enable=memory`)",
            blocking=False,
        ),
    )


def check_assembler() -> Check:
    """Look for mmdebstrap, Debian's archive keys and make."""
    check = partial(Check, part=MachinePart.ASSEMBLER, name="mmdebstrap", blocking=False)
    try:
        version = run_process(["mmdebstrap", "--version"], timeout=VERSION_SECONDS)
    except ProcessError as error:
        missing = error.reason == os.strerror(errno.ENOENT)
        why = "it is not installed" if missing else error.reason
        detail = f"no image can be assembled: {why}"
        return check(ok=False, detail=detail, remedy=f"{FIX}, or use `--images registry`")
    if not any(KEYRINGS.glob("debian-archive-keyring.*")):
        return check(ok=False, detail=f"no debian-archive-keyring in {KEYRINGS}", remedy=FIX)
    if shutil.which("make") is None:
        return check(ok=False, detail="no make: no replica can be built", remedy=FIX)
    return check(ok=True, detail=f"{version.decode().split()[-1]}, debian-archive-keyring, make")


def check_compiler() -> Check:
    """Check that zig runs, which builds the fixture wheels and replicas."""
    check = partial(Check, part=MachinePart.COMPILER, name="zig", blocking=False)
    if not has_compiler():
        detail, _, remedy = MISSING.partition("; ")
        return check(ok=False, detail=f"{detail}: {WITHOUT_COMPILER}", remedy=remedy)
    try:
        version = run_process([sys.executable, "-m", "ziglang", "version"], timeout=VERSION_SECONDS)
    except ProcessError as error:
        remedy = f"{sys.executable} -m pip install --force-reinstall ziglang"
        return check(ok=False, detail=str(error), remedy=remedy)
    return check(ok=True, detail=version.decode().strip())


def check_disk(what: str, path: Path) -> Check:
    """Measure the free space on the file system of ``path``, which need not exist."""
    there = next(folder for folder in (path, *path.absolute().parents) if folder.exists())
    free = shutil.disk_usage(there).free
    return Check(
        part=MachinePart.DISK,
        name=f"disk {what}",
        ok=free >= ROOMY,
        detail=f"{free / (1 << 30):.1f} GiB free for {path}",
        remedy=f"a whole run may need {ROOMY >> 30} GiB there",
        blocking=False,
    )


def check_network() -> Check:
    """Request one short page from the package index."""
    check = partial(Check, part=MachinePart.NETWORK, name="package index", blocking=False)
    start = time.monotonic()
    try:
        with PyPISimple() as index:
            index.get_project_page("junit-xml", timeout=NETWORK_SECONDS)
    except requests.RequestException as error:
        return check(
            ok=False,
            detail=f"does not answer: {type(error).__name__}",
            remedy="only cached wheels can be used; set HTTPS_PROXY for a proxy, "
            "and REQUESTS_CA_BUNDLE for a private certificate authority",
        )
    return check(ok=True, detail=f"answers in {time.monotonic() - start:.1f} s")


def check_test_registry() -> Check:
    """Look for the programs that the integration tests run: servers, gpg, a runtime, Slurm."""
    slurm = ("slurmctld", "slurmd", "sbatch", "munged")
    servers = ("sshd", "ssh", "openssl", "systemd-analyze")
    wanted = ("docker-registry", "gpg", "gpg-agent", "crun", *servers, *slurm)
    missing = [program for program in wanted if shutil.which(program, path=SYSTEM_PATH) is None]
    return Check(
        part=MachinePart.TEST_REGISTRY,
        name="docker-registry",
        ok=not missing,
        detail=f"not installed: {', '.join(missing)}; the tests need it"
        if missing
        else ", ".join(wanted),
        remedy=FIX + " --tests",
    )


def check_browser() -> Check:
    """Look for the browser for the tests of the HTML page, and for its driver's library."""
    found = find_browser()
    library = ctypes.util.find_library("atomic")
    missing = [name for name, there in (("chromium", found), ("libatomic", library)) if not there]
    return Check(
        part=MachinePart.BROWSER,
        name="chromium",
        ok=not missing,
        detail=f"not installed: {', '.join(missing)}; the tests of the HTML page need it"
        if missing
        else str(found),
        remedy=FIX + " --tests",
        blocking=False,
    )


def find_browser() -> str | None:
    """Return the path of the first installed of ``BROWSERS``."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)
