"""Source packages of the distribution: a name and a suite in, the unpacked upstream tree out.

``apt-get source`` fetches them, run by mmdebstrap in a root of its own: the release's
signature, the index's and every file's checksum are verified there.
"""

import shutil
import tarfile
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from harness.cache import Cache, file_sha256
from harness.errors import BuildError
from harness.process import ProcessError, run_process

FETCH_SECONDS = 300

_FETCH = """
set -eu
mkdir -m 777 "$1/sources"
cd "$1/sources"
export APT_CONFIG="$MMDEBSTRAP_APT_CONFIG"
apt-get -qq -o APT::Sandbox::User=root source --download-only "$WHEELGRID_SOURCE"
"""

ARCHIVE: tuple[str, ...] = ()
"""Lines of a sources.list in place of mmdebstrap's own mirror, for tests."""

_NEXT_STEP = (
    "is mmdebstrap installed, and the network there? wheelgrid doctor tells; what was fetched "
    "before is kept"
)
_ANOTHER_CHECKSUM = (
    "a file has another checksum than the release's own list says, so it is not used: the mirror "
    "is being renewed, or something between here and it changes files; try again later"
)

# The release pocket alone: the same sources for everybody.
_SOURCES = "/-(security|updates)/d;p;s/^deb /deb-src /"

_RECIPE = (
    "mmdebstrap",
    "--variant=custom",
    "--format=null",
    # A mirror that lags is still signed.
    '--aptopt=Acquire::Check-Valid-Until "false"',
    '--aptopt=Acquire::Languages "none"',
    '--aptopt=Acquire::Retries "3"',
    f"--setup-hook=sed -i -E {_SOURCES!r} $1/etc/apt/sources.list",
    f"--customize-hook={_FETCH}",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceTree:
    """An unpacked upstream source."""

    root: Path
    """Its top directory, read-only for everybody."""
    version: str
    """Upstream's: ``3.9.2``."""
    digest: str
    """SHA-256 of the upstream archive."""


def source_tree(
    package: str, suite: str, *, cache: Cache, announce: Callable[[str], None]
) -> SourceTree:
    """Return the upstream source of the suite's package, fetched and unpacked once.

    Raises ``BuildError`` when it cannot be had or a checksum is wrong.
    """
    archive = cache.get(
        "sources", f"{suite}-{package}.orig", lambda at: _fetch(package, suite, at, announce)
    )
    digest = file_sha256(archive)
    root = cache.tree("source-trees", digest[:32], lambda at: _unpack(archive, at))
    top = next(path for path in root.iterdir() if path.is_dir())
    return SourceTree(root=top, version=top.name.rpartition("-")[2], digest=digest)


def _fetch(package: str, suite: str, path: Path, announce: Callable[[str], None]) -> None:
    announce(f"fetching the source of {package} from Debian {suite}")
    with tempfile.TemporaryDirectory(prefix="source-") as name:
        copy = f"--customize-hook=copy-out /sources {name}"
        try:
            run_process(
                (*_RECIPE, copy, suite, "-", *ARCHIVE),
                timeout=FETCH_SECONDS,
                env={"WHEELGRID_SOURCE": package},
                merge=True,
            )
        except ProcessError as error:
            mismatch = "Hash Sum mismatch" in error.output
            next_step = _ANOTHER_CHECKSUM if mismatch else _NEXT_STEP
            raise BuildError(
                f"the source of {package} in Debian {suite} cannot be had: {error}\n{next_step}"
            ) from error
        found = [p for p in Path(name, "sources").glob("*.orig.tar.*") if p.suffix != ".asc"]
        if len(found) != 1:
            raise BuildError(f"the source of {package} in Debian {suite} has no upstream archive")
        shutil.move(found[0], path)


def _unpack(archive: Path, root: Path) -> None:
    with tarfile.open(archive) as tar:
        tar.extractall(root, filter="data")
