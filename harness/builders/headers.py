"""Headers and C++ runtime libraries to compile against.

In: a builder's row. Out: for a distribution's dev packages one directory tree a suite, with
all of its Pythons and arches at once, which costs little more than one; ``mmdebstrap``
fetches the packages and checks the distribution's signatures, and nothing in them is
installed or run. What no suite has comes from an interpreter that is built here.
"""

import shutil
import tarfile
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache as once
from pathlib import Path

from packaging.version import Version

from harness.arches import Arch, find_arch
from harness.cache import Cache, content_key, file_sha256, storing
from harness.errors import BuildError
from harness.interpreters import interpreter_headers
from harness.model import Builder, Interpreter
from harness.process import ProcessError, run_process

FETCH_SECONDS = 300

# The oldest libstdc++ of a suite asks for the oldest symbols. From GCC 11 on its headers
# use glibc 2.32's __libc_single_threaded where the compiler finds a header of that name;
# zig has one that only says #error for older glibc. A header before it that always says
# "may have threads" is right for every glibc.
_EXTRACT = r"""
set -eu
cd "$1"
export APT_CONFIG="$MMDEBSTRAP_APT_CONFIG"
packages="$WHEELGRID_PACKAGES"
if [ -n "$WHEELGRID_CXX" ]; then
    cxx=$(apt-cache search --names-only '^libstdc\+\+-[0-9]+-dev$' |
        cut -d' ' -f1 | sort -V | head -n 1)
    for arch in $WHEELGRID_CXX; do
        packages="$packages $cxx:$arch libstdc++6:$arch libgcc-s1:$arch"
    done
fi
mkdir debs
(cd debs && apt-get -qq -o APT::Sandbox::User=root download $packages)
for deb in debs/*.deb; do
    case $deb in
        *-dev_*) wanted=./usr/include ;;
        *libgcc*) wanted='./*/libgcc_s.so.1' ;;
        *) wanted='./usr/lib/*/libstdc++.so.6*' ;;
    esac
    dpkg-deb --fsys-tarfile "$deb" |
        tar -x --wildcards --transform='s,^\./lib/,./usr/lib/,' "$wanted"
done
rm -r debs
for headers in usr/include/c++/*; do
    [ -d "$headers" ] || continue
    mkdir -p "$headers/sys"
    printf '#pragma GCC system_header\nstatic const char __libc_single_threaded = 0;\n' \
        >"$headers/sys/single_threaded.h"
done
"""

_RECIPE = (
    "mmdebstrap",
    "--variant=custom",
    "--format=tar",
    # A mirror that lags is still signed.
    '--aptopt=Acquire::Check-Valid-Until "false"',
    '--aptopt=Acquire::Languages "none"',
    # The release pocket alone: the same packages for everybody.
    """--setup-hook=sed -i -E "/-(security|updates)/d" "$1/etc/apt/sources.list" """,
    f"--customize-hook={_EXTRACT}",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class HeaderTree:
    """The unpacked ``usr/`` of one suite, or an interpreter's headers alone."""

    root: Path
    """Has ``include/``, and for C++ ``lib/``."""
    digest: str
    """Stands for all that is in it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SuitePackages:
    """What is fetched from one suite, in one go."""

    suite: str
    arches: tuple[str, ...]
    """Debian's names; the first is the one that apt calls native."""
    packages: tuple[str, ...]
    cxx_arches: tuple[str, ...]
    """Those whose C++ headers and runtime libraries come from this suite."""


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


def suite_packages(builder: Builder, suite: str) -> SuitePackages:
    """Return what the builder needs of ``suite``."""
    rows = [row for row in builder.headers if row.suite == suite]
    rows.sort(key=lambda row: Version(row.python))
    names = {name for row in rows for name in row.arches}
    # Sorted: the order of the rows is no reason to fetch again.
    arches = sorted(map(find_arch, names), key=lambda arch: arch.debian)
    dev = (
        f"libpython{row.python}-dev:{arch.debian}"
        for row in rows
        for arch in arches
        if arch.name in row.arches
    )
    return SuitePackages(
        suite=suite,
        arches=tuple(arch.debian for arch in arches),
        # Python.h includes crypt.h up to 3.10; it is the same file for every arch.
        packages=(*dev, f"libcrypt-dev:{arches[0].debian}"),
        cxx_arches=tuple(arch.debian for arch in arches if cxx_suite(builder, arch) == suite),
    )


def python_headers(
    builder: Builder,
    python: str,
    arch: Arch,
    *,
    cache: Cache,
    announce: Callable[[str], None],
) -> HeaderTree:
    """Return the headers that the builder compiles against. Raises ``BuildError``."""
    row = builder.headers_for(python, arch.name)
    if row is None:
        raise BuildError(
            f"builder {builder.id} has no headers of Python {python} for {arch.name}; "
            "add it to headers in matrix/builders.yaml"
        )
    if row.interpreter is None:
        return header_tree(builder, row.suite, cache=cache, announce=announce)
    return _kit_headers(row.interpreter, arch, builder.libc, cache, announce)


@once
def _kit_headers(
    interpreter: Interpreter, arch: Arch, libc: str, cache: Cache, announce: Callable[[str], None]
) -> HeaderTree:
    """Ask once a process: to find a kit is to hash all that it is made of."""
    found = interpreter_headers(interpreter, arch, libc, cache=cache, announce=announce)
    return HeaderTree(root=found.root, digest=found.digest)


def header_tree(
    builder: Builder, suite: str, *, cache: Cache, announce: Callable[[str], None]
) -> HeaderTree:
    """Return the headers of all the builder's Pythons and arches of ``suite``.

    Fetched once; any number of processes may ask at once. Raises ``BuildError``.
    """
    wanted = suite_packages(builder, suite)
    key = content_key(*_RECIPE, suite, *wanted.arches, *wanted.packages, *wanted.cxx_arches)
    root = cache.root / "header-trees" / key
    stamp = root / "digest"
    with cache.lock(f"header-tree-{key}"):
        if not stamp.is_file():
            archive = cache.get("headers", f"{key}.tar", lambda at: _fetch(wanted, at, announce))
            with storing(root):
                _unpack(archive, root)
        return HeaderTree(root=root / "usr", digest=stamp.read_text())


def _fetch(wanted: SuitePackages, archive: Path, announce: Callable[[str], None]) -> None:
    announce(f"fetching headers of {wanted.suite} for {' '.join(wanted.arches)}")
    command = (*_RECIPE, f"--architectures={','.join(wanted.arches)}", wanted.suite, archive)
    settings = {
        "WHEELGRID_PACKAGES": " ".join(wanted.packages),
        "WHEELGRID_CXX": " ".join(wanted.cxx_arches),
        "SOURCE_DATE_EPOCH": "0",
    }
    try:
        run_process(command, timeout=FETCH_SECONDS, env=settings, merge=True)
    except ProcessError as error:
        raise BuildError(
            f"headers of {wanted.suite} cannot be had: {error}\n"
            "is mmdebstrap installed, and the network there? wheelgrid doctor tells"
        ) from error


def _unpack(archive: Path, root: Path) -> None:
    root.parent.mkdir(parents=True, exist_ok=True)
    making = Path(tempfile.mkdtemp(prefix=".making-", dir=root.parent))
    try:
        with tarfile.open(archive) as tar:
            usr = (member for member in tar if member.name.startswith("./usr/"))
            tar.extractall(making, members=usr, filter="data")
        (making / "digest").write_text(file_sha256(archive))
        shutil.rmtree(root, ignore_errors=True)
        making.replace(root)
    finally:
        shutil.rmtree(making, ignore_errors=True)
