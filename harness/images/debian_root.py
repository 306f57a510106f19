"""Assemble Debian root file systems from package files with mmdebstrap.

No maintainer script runs and nothing is downloaded. Packages are extracted, and hooks on the host
do the few necessary steps of the scripts. The only foreign program that runs is ``ldconfig``
(40 ms), since the host's does not read foreign libraries. A root for musl has only Debian's musl
and its static busybox.
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
"""Packages of every root with glibc: directories, the user nobody, a shell."""
MUSL_PACKAGES = ("busybox-static", "musl")
"""Packages of every root with musl. Those of ``BASE_PACKAGES`` depend on glibc."""

_EPOCH = "1577836800"  # 2020-01-01: the date of newer files, see image_archive.CREATED
_ASSEMBLE_SECONDS = 600

# The packages are copied in, since mmdebstrap's user namespace may not read a home directory.
_EXTRACT = """
set -eu
for deb in "$1"/debs/*; do
    dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$1" --keep-directory-symlink -f -
done
rm -r "$1/debs"
"""

# The steps of the scripts of base-passwd, dash (before bookworm) and libc-bin. resolv.conf and
# hostname are overwritten, since mmdebstrap copies the host's. Documents are removed here because
# dpkg's path-exclude doubles the time of the extraction.
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

# The files of base-files and base-passwd, which depend on glibc. Debian's list of library
# directories is removed, so that musl searches its default directories as on Alpine.
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

# As py3compile, for every interpreter. One process per tree instead of compileall's -j, since the
# bytes depend on which process compiles a file (bpo-34093). -B keeps the compiler's own imports
# from writing time-stamped files; the seed orders frozensets before Python 3.11 (bpo-37596).
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
    """The description of a root. ``packages`` does not include dependencies."""

    suite: str
    arch: Arch
    packages: tuple[str, ...]
    """Sorted, with the base packages of the libc; see ``write_recipe``."""
    libc: str = "glibc"

    @property
    def native(self) -> bool:
        """Whether the arch is this machine's."""
        return self.arch == native_arch()

    @property
    def finish(self) -> str:
        """Shell commands for the host that replace the packages' scripts."""
        if self.libc == "glibc":
            return _FINISH
        return f"alpine={self.arch.alpine}\n{_FINISH_MUSL}"

    @property
    def wanted(self) -> PackageSet:
        """The packages with their dependencies."""
        return PackageSet(
            suite=self.suite, arches=(self.arch.debian,), names=self.packages, depends=True
        )

    @property
    def key(self) -> str:
        """Key of the recipe and of the commands that assemble it."""
        steps = (_EXTRACT, self.finish, _COMPILE if self.native else "", _EPOCH)
        return content_key(self.suite, self.arch.name, *self.packages, *steps)


def write_recipe(
    suite: str, arch: Arch, packages: tuple[str, ...], *, libc: str = "glibc"
) -> Recipe:
    """Return the recipe for a root with ``packages`` and the base packages of the libc."""
    base = BASE_PACKAGES if libc == "glibc" else MUSL_PACKAGES
    return Recipe(suite=suite, arch=arch, packages=tuple(sorted({*base, *packages})), libc=libc)


def native_arch() -> Arch:
    """Return this machine's architecture."""
    return find_arch(platform.machine())


def assemble_root(recipe: Recipe, debs: Sequence[Path], root: Path) -> None:
    """Write the root file system of the package files ``debs`` as a tar file at ``root``.

    Python modules of a native root are compiled. Takes 3 to 10 s. Raises ``ImageError``.
    """
    hooks = (_EXTRACT, recipe.finish, *([_COMPILE] if recipe.native else []))
    with tempfile.TemporaryDirectory(prefix="debs-") as folder:
        place = Path(folder, "debs")
        place.mkdir()
        for number, deb in enumerate(debs):
            shutil.copyfile(deb, place / f"{number:04}.deb")
        argv = [
            *("mmdebstrap", "--variant=extract", "--format=tar", f"--arch={recipe.arch.debian}"),
            # Everything is copied in, so there is no index to update.
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
                f"{recipe.wanted.title} cannot be assembled: {error}\n"
                "run `wheelgrid doctor` to check mmdebstrap, emulation and disk space",
                cause=Cause.ASSEMBLE,
            ) from error
