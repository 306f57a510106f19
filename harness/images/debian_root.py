"""Debian root file systems by mmdebstrap: a recipe and package files in, a tar file out.

A root for musl has none of glibc: Debian's musl, its static busybox, and nothing else.

No maintainer script runs and nothing is downloaded: packages are extracted, and the few things
that their scripts would have made are made by hooks on the host. The one foreign program that is
run is ``ldconfig`` (40 ms); a host's own does not read foreign libraries.
"""

import platform
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.core.arches import Arch, find_arch
from harness.core.causes import Cause
from harness.core.errors import ImageError
from harness.host.cache import content_key
from harness.host.process import ProcessError, run_process
from harness.images.debian import PackageSet
from harness.images.debian.apt_index import MERGED_USR

BASE_PACKAGES = ("base-files", "base-passwd", "coreutils", "dash", "libc-bin")
"""What every root needs before anything a target asks for: directories, nobody, a shell."""
MUSL_PACKAGES = ("busybox-static", "musl")
"""The same where musl is the libc: the packages above would bring glibc along."""

_EPOCH = "1577836800"  # 2020-01-01: files newer than that are dated so, see archive.CREATED
_ASSEMBLE_SECONDS = 600

# Read in from outside: the user name space that mmdebstrap may work in cannot see a home folder.
_EXTRACT = """
set -eu
for deb in "$1"/debs/*; do
    dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$1" --keep-directory-symlink -f -
done
rm -r "$1/debs"
"""

# What base-passwd's, dash's (before bookworm) and libc-bin's scripts do; the host's own
# resolv.conf and hostname, which mmdebstrap copies, would make roots differ by machine. Documents
# are removed here because dpkg's path-exclude doubles the time of the extraction.
_FINISH = """
set -eu
cp "$1/usr/share/base-passwd/passwd.master" "$1/etc/passwd"
cp "$1/usr/share/base-passwd/group.master" "$1/etc/group"
[ -e "$1/bin/sh" ] || ln -s dash "$1/bin/sh"
: > "$1/etc/resolv.conf"
echo localhost > "$1/etc/hostname"
chroot "$1" /sbin/ldconfig
cd "$1/usr/share"
if [ -d ca-certificates ]; then  # pip from 24.2 on does not start without the bundle
    find ca-certificates -name '*.crt' | LC_ALL=C sort | xargs cat > certificates
    mv certificates "$1/etc/ssl/certs/ca-certificates.crt"
fi
rm -rf doc/* info/* lintian/* locale/* man/*
"""

# What base-files and base-passwd would make, whose dependencies bring glibc. Debian's list of
# library directories goes, so that musl looks where it does on Alpine: in its own default ones.
_FINISH_MUSL = """
set -eu
cd "$1"
rm -rf etc/ld-musl-* usr/bin/ld-musl-config usr/share/*
mkdir -p home mnt proc root run sys usr/local/bin
mkdir -p -m 1777 tmp var/tmp
echo root:x:0:0:root:/root:/bin/sh > etc/passwd
echo nobody:x:65534:65534:nobody:/:/sbin/nologin >> etc/passwd
echo root:x:0:root > etc/group
echo nobody:x:65534: >> etc/group
: > etc/resolv.conf
echo localhost > etc/hostname
chroot . /bin/busybox --install -s /bin
for loader in lib/ld-musl-*.so.1; do ln -s "${loader#lib/}" "lib/libc.musl-$alpine.so.1"; done
"""

# What py3compile does, for every interpreter there is. One process a tree, not
# compileall's -j: which process compiles a file shows in the bytes (bpo-34093). -B keeps the
# compiler's own imports from writing time-stamped files; the seed orders frozensets
# before Python 3.11 (bpo-37596).
_COMPILE = """
set -eu
export PYTHONHASHSEED=0
for python in "$1"/usr/bin/python3.[0-9] "$1"/usr/bin/python3.[0-9][0-9]; do
  [ -x "$python" ] || continue
  name=${python##*/}
  for tree in "$name" python3; do
    chroot "$1" "$name" -B -m compileall -q -f \
      --invalidation-mode unchecked-hash "/usr/lib/$tree" &
  done
done
wait
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """What a root is asked to be; the packages are those named, not their dependencies."""

    suite: str
    arch: Arch
    packages: tuple[str, ...]
    """Sorted, with what every root of the libc needs; see ``write_recipe``."""
    libc: str = "glibc"

    @property
    def native(self) -> bool:
        """Whether this machine runs its interpreter without emulation."""
        return self.arch == native_arch()

    @property
    def finish(self) -> str:
        """Shell commands that do on the host what the packages' scripts would have done."""
        if self.libc == "glibc":
            return _FINISH
        return f"alpine={self.arch.alpine}\n{_FINISH_MUSL}"

    @property
    def wanted(self) -> PackageSet:
        """What it is made of."""
        return PackageSet(
            suite=self.suite, arches=(self.arch.debian,), names=self.packages, depends=True
        )

    @property
    def key(self) -> str:
        """Stand for the recipe and for everything this module does with it."""
        steps = (_EXTRACT, self.finish, _COMPILE if self.native else "", _EPOCH)
        return content_key(self.suite, self.arch.name, *self.packages, *steps)


def write_recipe(
    suite: str, arch: Arch, packages: tuple[str, ...], *, libc: str = "glibc"
) -> Recipe:
    """Return the recipe for a root that has ``packages`` and what every root of the libc needs."""
    base = BASE_PACKAGES if libc == "glibc" else MUSL_PACKAGES
    return Recipe(suite=suite, arch=arch, packages=tuple(sorted({*base, *packages})), libc=libc)


def native_arch() -> Arch:
    """Return this machine's architecture."""
    return find_arch(platform.machine())


def assemble_root(recipe: Recipe, debs: Sequence[Path], root: Path) -> None:
    """Write the root file system of the package files ``debs`` as a tar file at ``root``.

    A native root has its Python modules compiled. Takes 3 to 10 s. Raises ``ImageError``.
    """
    hooks = (_EXTRACT, recipe.finish, *([_COMPILE] if recipe.native else []))
    with tempfile.TemporaryDirectory(prefix="debs-") as folder:
        place = Path(folder, "debs")
        place.mkdir()
        for number, deb in enumerate(debs):
            shutil.copyfile(deb, place / f"{number:04}.deb")
        argv = [
            *("mmdebstrap", "--variant=extract", "--format=tar", f"--arch={recipe.arch.debian}"),
            # Nobody is asked for anything: all that goes in is here.
            *("--skip=update", """--setup-hook=: > "$1/etc/apt/sources.list" """),
            f"--hook-dir={MERGED_USR}",
            f"--extract-hook=copy-in {place} /",
            *(f"--extract-hook={hook}" for hook in hooks),
            *("", str(root), "deb [trusted=yes] copy:/nowhere ./"),
        ]
        try:
            run_process(
                argv, timeout=_ASSEMBLE_SECONDS, env={"SOURCE_DATE_EPOCH": _EPOCH}, merge=True
            )
        except ProcessError as error:
            raise ImageError(
                f"{recipe.wanted.title} cannot be assembled: {error}\n`wheelgrid doctor` tells "
                "whether mmdebstrap, emulation and disk space are there",
                cause=Cause.ASSEMBLE,
            ) from error
