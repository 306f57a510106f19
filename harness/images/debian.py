"""Debian root file systems by mmdebstrap: a recipe in, a tar file and the packages in it out.

A root for musl has none of glibc: Debian's musl, its static busybox, and nothing else.

No maintainer script runs: packages are extracted, and the few things that their
scripts would have made are made by hooks on the host. The one foreign program that is
run is ``ldconfig`` (40 ms); a host's own does not read foreign libraries. The mirror is
mmdebstrap's own default.
"""

import platform
import re
from dataclasses import dataclass
from pathlib import Path

from harness.arches import Arch, find_arch
from harness.cache import content_key
from harness.errors import ImageError
from harness.process import ProcessError, run_process

BASE_PACKAGES = ("base-files", "base-passwd", "coreutils", "dash", "libc-bin")
"""What every root needs before anything a target asks for: directories, nobody, a shell."""
MUSL_PACKAGES = ("busybox-static", "musl")
"""The same where musl is the libc: the packages above would bring glibc along."""

_EPOCH = "1577836800"  # 2020-01-01: files newer than that are dated so, see archive.CREATED
_RESOLVE_SECONDS = 120
_ASSEMBLE_SECONDS = 600

# The release pocket alone: it changes at point releases only, so roots stay the same for
# months, and it is never half-synchronised as the other pockets' mirrors may be.
_RELEASE_POCKET = r"""sed -i -E '/-(security|updates)/d' "$1/etc/apt/sources.list" """

_MERGED_USR = "/usr/share/mmdebstrap/hooks/merged-usr"

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

_INSTALLED = re.compile(r"^Inst (?P<name>\S+) \((?P<version>\S+) ", re.MULTILINE)


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Package:
    """A binary package of the distribution."""

    name: str
    version: str


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
    def key(self) -> str:
        """Stand for the recipe and for everything this module does with it."""
        steps = (_RELEASE_POCKET, self.finish, _COMPILE if self.native else "", _EPOCH)
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


def resolve_packages(recipe: Recipe) -> tuple[Package, ...]:
    """Return what the archive would put into the root now, dependencies included, by name.

    Takes 3-5 s, the download of the package index. Raises ``ImageError``.
    """
    return _bootstrap(recipe, "--format=null", output="-", timeout=_RESOLVE_SECONDS)


def assemble_root(recipe: Recipe, root: Path) -> tuple[Package, ...]:
    """Write the root file system as a tar file at ``root``; return the packages in it, by name.

    A native root has its Python modules compiled. Takes about 10 s. Raises ``ImageError``.
    """
    hooks = [recipe.finish, *([_COMPILE] if recipe.native else [])]
    return _bootstrap(
        recipe,
        "--format=tar",
        *(f"--include={package}" for package in recipe.packages),
        *(f"--extract-hook={hook}" for hook in hooks),
        output=str(root),
        timeout=_ASSEMBLE_SECONDS,
    )


def parse_simulation(text: str) -> tuple[Package, ...]:
    """Return the packages that ``apt-get --simulate install`` says it would install, by name.

    Raises ``ImageError`` when there is none: a key without versions would be wrong in silence.
    """
    found = [Package(name=m["name"], version=m["version"]) for m in _INSTALLED.finditer(text)]
    if not found:
        raise ImageError(
            "apt names no package that it would install; its output has changed, see "
            "parse_simulation in harness/images/debian.py",
            cause="infra:assemble",
        )
    return tuple(sorted(found))


def _bootstrap(recipe: Recipe, *options: str, output: str, timeout: float) -> tuple[Package, ...]:
    """Run mmdebstrap; return the packages that apt found for the recipe while it ran."""
    named = " ".join(recipe.packages)
    report = f'APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" apt-get --simulate install {named}'
    argv = [
        "mmdebstrap",
        "--variant=extract",
        f"--arch={recipe.arch.debian}",
        # A mirror that lags behind or is frozen is past its date and as well signed.
        '--aptopt=Acquire::Check-Valid-Until "false"',
        '--aptopt=Acquire::Retries "2"',
        f"--setup-hook={_RELEASE_POCKET}",
        f"--hook-dir={_MERGED_USR}",
        f"--extract-hook={report}",
        *options,
        recipe.suite,
        output,
    ]
    try:
        # mmdebstrap sends what hooks print to its standard error.
        said = run_process(argv, timeout=timeout, env={"SOURCE_DATE_EPOCH": _EPOCH}, merge=True)
    except ProcessError as error:
        raise _failure(recipe, error) from error
    return parse_simulation(said.decode("utf-8", "replace"))


def _failure(recipe: Recipe, error: ProcessError) -> ImageError:
    what = f"Debian {recipe.suite} for {recipe.arch.debian} cannot be assembled: {error}"
    return ImageError(
        f"{what}\n`wheelgrid doctor` tells whether mmdebstrap, emulation, disk space "
        "and the Debian archive are there",
        cause="infra:assemble",
    )
