"""Build environments: a directory with a compiler for an arch and a libc, and build logs."""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.core.arches import Arch
from harness.core.errors import BuildError
from harness.host.cache import Cache, storing
from harness.host.process import ProcessError, run_process
from harness.images.cpython.toolchain import write_wrappers

MAKE_SECONDS = 900
EPOCH = "1577836800"  # 2020-01-01, as all files in images


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildEnv:
    """A build directory; ``bin/`` has the compiler's wrappers."""

    root: Path
    arch: Arch
    libc: str
    zig: Path
    """Cache of the runtimes that zig compiles once per target."""

    @property
    def build(self) -> Path:
        """The directory in which make runs."""
        return self.root / "build"

    @property
    def env(self) -> dict[str, str]:
        """Environment variables of all commands."""
        return {
            "PATH": f"{self.root / 'bin'}:{os.environ.get('PATH', '')}",
            "SOURCE_DATE_EPOCH": EPOCH,
            "PYTHONHASHSEED": "0",
            "LC_ALL": "C",
            "ZIG_GLOBAL_CACHE_DIR": str(self.zig / "global"),
            # Not kept: it holds configure's many small programs.
            "ZIG_LOCAL_CACHE_DIR": str(self.root / "zig"),
        }


def open_build_env(root: Path, arch: Arch, libc: str, cache: Cache) -> BuildEnv:
    """Write the compiler's wrappers into ``root``. Raises ``BuildError`` without a compiler."""
    write_wrappers(root / "bin", arch, libc)
    return BuildEnv(root=root, arch=arch, libc=libc, zig=cache.root / "zig")


def make(build_env: BuildEnv, *arguments: str) -> None:
    """Run make in the build directory on all cores. Raises ``ProcessError``."""
    command = ("make", f"-j{os.cpu_count() or 1}", *arguments)
    run_process(command, timeout=MAKE_SECONDS, cwd=build_env.build, env=build_env.env, merge=True)


@contextlib.contextmanager
def logged(what: str, cache: Cache) -> Iterator[None]:
    """Turn a ``ProcessError`` into a ``BuildError`` that names the log with the full output."""
    try:
        yield
    except ProcessError as error:
        log = cache.root / "logs" / f"{what.replace(' ', '-').replace('/', '-')}.log"
        with storing(log):
            log.parent.mkdir(parents=True, exist_ok=True)
            log.write_text(f"{' '.join(error.argv)}\n{error.output}")
        raise BuildError(
            f"{what} does not compile ({error.argv[0]}: {error.reason})\n{error.tail}\n"
            f"full log: {log}"
        ) from error
