"""Headers and C++ runtime libraries to compile against.

In: a builder's row. Out: for a distribution's dev packages one directory tree a suite, with
all of its Pythons and arches at once, which costs little more than one; nothing in the packages is
installed or run. What no suite has comes from an interpreter that is built here.
"""

import fnmatch
import io
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache as once
from pathlib import Path

from packaging.version import Version

from harness.core.arches import Arch, find_arch
from harness.core.errors import BuildError
from harness.core.subjects import Builder
from harness.core.targets import Interpreter
from harness.host.cache import Cache, content_key
from harness.host.process import ProcessError, run_process
from harness.images.cpython import interpreter_headers
from harness.images.cpython.sources import holds
from harness.images.debian import Package, PackageSet, Workspace
from harness.images.debian.packages import contents_key

UNPACK_SECONDS = 60
KIND = "header-trees"
"""What the cache calls unpacked headers."""

_CXX = ("libstdc++-*-dev", "libstdc++6", "libgcc-s1")
"""The oldest libstdc++ of a suite asks for the oldest symbols; and what it is linked against."""
_WANTED = {
    "*-dev": ("./usr/include/*",),
    "libgcc*": ("./lib/*/libgcc_s.so.1", "./usr/lib/*/libgcc_s.so.1"),
    "*": ("./usr/lib/*/libstdc++.so.6*",),
}
"""Packages → what is taken of them; the first that matches counts."""

# From GCC 11 on libstdc++'s headers use glibc 2.32's __libc_single_threaded where the compiler
# finds a header of that name; zig has one that only says #error for older glibc. A header before
# it that always says "may have threads" is right for every glibc.
_SINGLE_THREADED = b"#pragma GCC system_header\nstatic const char __libc_single_threaded = 0;\n"


@dataclass(frozen=True, kw_only=True, slots=True)
class HeaderTree:
    """The ``usr/`` of one suite's packages, or an interpreter's headers alone."""

    digest: str
    """Stands for all that is in it."""
    unpack: Callable[[], Path]
    """Returns where it is, unpacked: has ``include/``, and for C++ ``lib/``."""

    @property
    def root(self) -> Path:
        return self.unpack()


def oldest_python(builder: Builder, arch: Arch) -> str:
    """Return the oldest Python that the builder builds with for ``arch``.

    Modules in the limited API are built with it: what is built against the oldest runs on
    all later ones. Raises ``BuildError`` for none.
    """
    pythons = [python for python, name in builder.builds if name == arch.name]
    if not pythons:
        raise BuildError(
            f"builder {builder.id} has no headers for {arch.name}; "
            "add it to a row of headers in matrix/builders.yaml"
        )
    return min(pythons, key=Version)


def cxx_suite(builder: Builder, arch: Arch) -> str:
    """Return the suite of the builder's C++ runtime on ``arch``: that of its oldest Python.

    Empty where the builder has none, because no suite gives it headers.
    """
    rows = [row for row in builder.headers if row.suite and arch.name in row.arches]
    return min(rows, key=lambda row: Version(row.python)).suite if rows else ""


def header_packages(builder: Builder, suite: str) -> PackageSet:
    """Return the packages that the builder needs of ``suite``, all fetched in one go."""
    rows = [row for row in builder.headers if row.suite == suite]
    rows.sort(key=lambda row: Version(row.python))
    names = {name for row in rows for name in row.arches}
    # Sorted: the order of the rows is no reason to fetch again.
    arches = sorted(map(find_arch, names), key=lambda arch: arch.debian)
    dev = [
        f"libpython{row.python}-dev:{arch.debian}"
        for row in rows
        for arch in arches
        if arch.name in row.arches
    ]
    cxx = [
        f"{name}:{arch.debian}"
        for arch in arches
        if cxx_suite(builder, arch) == suite
        for name in _CXX
    ]
    return PackageSet(
        suite=suite,
        arches=tuple(arch.debian for arch in arches),
        # Python.h includes crypt.h up to 3.10; it is the same file for every arch.
        names=(*dev, f"libcrypt-dev:{arches[0].debian}", *cxx),
        depends=False,
    )


def python_headers(builder: Builder, python: str, arch: Arch, workspace: Workspace) -> HeaderTree:
    """Return the headers that the builder compiles against.

    Raises ``BuildError``, and ``UpstreamError`` where they cannot be fetched.
    """
    row = builder.headers_for(python, arch.name)
    if row is None:
        raise BuildError(
            f"builder {builder.id} has no headers of Python {python} for {arch.name}; "
            "add it to headers in matrix/builders.yaml"
        )
    if row.interpreter is None:
        return header_tree(builder, row.suite, workspace)
    return _build_headers(row.interpreter, arch, builder.libc, workspace)


@once
def _build_headers(
    interpreter: Interpreter, arch: Arch, libc: str, workspace: Workspace
) -> HeaderTree:
    """Ask once a process: to find a build is to hash all that it is made of."""
    found = interpreter_headers(interpreter, arch, libc, workspace)
    return HeaderTree(digest=found.digest, unpack=lambda: found.root)


def header_tree(builder: Builder, suite: str, workspace: Workspace) -> HeaderTree:
    """Return the headers of all the builder's Pythons and arches of ``suite``.

    Unpacked once; any number of processes may ask at once. Raises ``BuildError`` and
    ``UpstreamError``.
    """
    return _suite_headers(header_packages(builder, suite), workspace)


@once
def _suite_headers(wanted: PackageSet, workspace: Workspace) -> HeaderTree:
    taken, debs = workspace.upstream.fetch(wanted)
    digest = content_key(contents_key(taken.packages), str(_WANTED), str(_SINGLE_THREADED))

    @once
    def unpack() -> Path:
        return _whole_tree(digest, taken.packages, debs, workspace.cache) / "usr"

    return HeaderTree(digest=digest, unpack=unpack)


def _whole_tree(
    key: str, packages: tuple[Package, ...], debs: tuple[Path, ...], cache: Cache
) -> Path:
    """Return the directory with what is wanted of packages, as they have it.

    Takes some 4 s, since it is held against the packages. Raises ``BuildError``.
    """
    files: dict[str, bytes] = {}
    links: dict[str, str] = {}
    for package, deb in zip(packages, debs, strict=True):
        _read_deb(package, deb, files, links)
    for folder in {name.split("/c++/")[1].split("/")[0] for name in files if "/c++/" in name}:
        files[f"usr/include/c++/{folder}/sys/single_threaded.h"] = _SINGLE_THREADED

    def unpack(root: Path) -> None:
        for name, data in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(data)
        for name, target in links.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).symlink_to(target)

    root = cache.tree(KIND, key, unpack)
    if not holds(root, files, links):
        cache.discard(KIND, key)
        root = cache.tree(KIND, key, unpack)
    return root


def _read_deb(package: Package, deb: Path, files: dict[str, bytes], links: dict[str, str]) -> None:
    """Add what is wanted of a package file: names below the root → bytes, or where a link leads.

    ``/lib`` is ``/usr/lib``, as on every merged system.
    """
    patterns = next(p for name, p in _WANTED.items() if fnmatch.fnmatch(package.name, name))
    try:
        data = run_process(("dpkg-deb", "--fsys-tarfile", deb), timeout=UNPACK_SECONDS)
    except ProcessError as error:
        raise BuildError(
            f"{package.title} cannot be unpacked: {error}\n`wheelgrid doctor` tells whether "
            "mmdebstrap, which brings dpkg-deb, is there"
        ) from error
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        for member in tar:
            if not any(fnmatch.fnmatch(member.name, pattern) for pattern in patterns):
                continue
            name = member.name.removeprefix("./")
            name = f"usr/{name}" if name.startswith("lib/") else name
            if ".." in name.split("/"):
                raise BuildError(f"{package.title} has the file {member.name}; it is not unpacked")
            if member.issym():
                links[name] = member.linkname
            elif member.isfile() and (stream := tar.extractfile(member)):
                files[name] = stream.read()
