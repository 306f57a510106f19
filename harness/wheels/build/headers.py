"""Provide the headers and C++ runtime libraries that wheels are compiled against.

The dev packages of one suite are unpacked into one tree, for all Pythons and arches of the
builder; nothing is installed or run. Headers that no suite has come from a CPython build.
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
"""Kind of the cache entries."""

_CXX = ("libstdc++-*-dev", "libstdc++6", "libgcc-s1")
"""libstdc++'s headers, and the libraries to link against."""
_WANTED = {
    "*-dev": ("./usr/include/*",),
    "libgcc*": ("./lib/*/libgcc_s.so.1", "./usr/lib/*/libgcc_s.so.1"),
    "*": ("./usr/lib/*/libstdc++.so.6*",),
}
"""Package glob → files to unpack; the first matching glob counts."""

# From GCC 11 on libstdc++'s headers use glibc 2.32's __libc_single_threaded if its header exists.
# zig's header of that name is an #error for older glibc. This one precedes it and always says
# "may have threads", which is right for every glibc.
_SINGLE_THREADED = b"#pragma GCC system_header\nstatic const char __libc_single_threaded = 0;\n"


@dataclass(frozen=True, kw_only=True, slots=True)
class HeaderTree:
    """The ``usr/`` of one suite's packages, or an interpreter's headers alone."""

    digest: str
    """Digest of its contents."""
    unpack: Callable[[], Path]
    """Unpacks it and returns its root, with ``include/``, and ``lib/`` for C++."""

    @property
    def root(self) -> Path:
        return self.unpack()


def oldest_python(builder: Builder, arch: Arch, least: str = "3.0") -> str:
    """Return the oldest Python from ``least`` on that the builder builds with for ``arch``.

    Limited-API modules are built with it, to run on all later ones. Raises ``BuildError`` if
    the builder has none.
    """
    builds = [python for python, name in builder.builds if name == arch.name]
    pythons = [python for python in builds if _age(python)[1] >= Version(least)]
    if not pythons:
        since = f" of Python {least} or later" if builds else ""
        raise BuildError(
            f"builder {builder.id} has no headers{since} for {arch.name}; "
            "add it to a row of headers in matrix/builders.yaml"
        )
    return min(pythons, key=_age)


def _age(python: str) -> tuple[bool, Version]:
    """Order minor versions by age, the free-threaded last: they have no limited API (PEP 703)."""
    return python.endswith("t"), Version(python.removesuffix("t"))


def cxx_suite(builder: Builder, arch: Arch) -> str:
    """Return the suite of the builder's C++ runtime on ``arch``: that of its oldest Python.

    Empty if the builder has no suite for the arch.
    """
    rows = [row for row in builder.headers if row.suite and arch.name in row.arches]
    return min(rows, key=lambda row: _age(row.python)).suite if rows else ""


def header_packages(builder: Builder, suite: str) -> PackageSet:
    """Return the packages of ``suite`` that the builder needs, for all its arches."""
    rows = [row for row in builder.headers if row.suite == suite]
    rows.sort(key=lambda row: _age(row.python))
    names = {name for row in rows for name in row.arches}
    # Sorted, so that the order of the rows does not change the set's key.
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
        # Python.h includes crypt.h up to 3.10; the file is the same for every arch.
        names=(*dev, f"libcrypt-dev:{arches[0].debian}", *cxx),
        depends=False,
    )


def python_headers(builder: Builder, python: str, arch: Arch, workspace: Workspace) -> HeaderTree:
    """Return the headers that the builder compiles against.

    Raises ``BuildError``, and ``UpstreamError`` if they cannot be downloaded.
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
    """Look up the build once per process: its cache key hashes all its inputs."""
    found = interpreter_headers(interpreter, arch, libc, workspace)
    return HeaderTree(digest=found.digest, unpack=lambda: found.root)


def header_tree(builder: Builder, suite: str, workspace: Workspace) -> HeaderTree:
    """Return the headers of all the builder's Pythons and arches of ``suite``.

    Safe to call from parallel processes. Raises ``BuildError`` and ``UpstreamError``.
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
    """Return the tree of the packages' wanted files.

    Takes about 4 s: the packages are read each time, to check the cached tree. Raises
    ``BuildError``.
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
    """Add a package's wanted files: path below the root → bytes, or link target.

    ``/lib`` becomes ``/usr/lib``, as on merged-usr systems.
    """
    patterns = next(p for name, p in _WANTED.items() if fnmatch.fnmatch(package.name, name))
    try:
        data = run_process(("dpkg-deb", "--fsys-tarfile", deb), timeout=UNPACK_SECONDS)
    except ProcessError as error:
        raise BuildError(
            f"{package.title} cannot be unpacked: {error}\n`wheelgrid doctor` checks for "
            "mmdebstrap, which installs dpkg-deb"
        ) from error
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        for member in tar:
            if not any(fnmatch.fnmatch(member.name, pattern) for pattern in patterns):
                continue
            name = member.name.removeprefix("./")
            name = f"usr/{name}" if name.startswith("lib/") else name
            if ".." in name.split("/"):
                raise BuildError(f"{package.title} has {member.name}, a path out of its root")
            if member.issym():
                links[name] = member.linkname
            elif member.isfile() and (stream := tar.extractfile(member)):
                files[name] = stream.read()
