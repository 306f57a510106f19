"""Build the libraries that CPython is linked with, as static libraries."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from harness.core.arches import Arch
from harness.host.cache import content_key
from harness.host.code_key import code_key
from harness.host.process import run_process
from harness.images.cpython.build_env import logged, open_build_env
from harness.images.cpython.libffi import libffi_arguments
from harness.images.cpython.openssl import build_openssl
from harness.images.cpython.plain_libraries import (
    PLAIN_LIBRARIES,
    PlainLibrary,
    compile_arguments,
)
from harness.images.cpython.sources import find_source
from harness.images.cpython.toolchain import zig_target, zig_version
from harness.images.debian import SourceChoice, Workspace

SECONDS = 300

SOURCES = (
    *(library.source for library in PLAIN_LIBRARIES),
    SourceChoice(name="libffi", suites=("trixie", "bookworm")),
    # The last release with 1.1.1; see openssl.py.
    SourceChoice(name="openssl", suites=("bullseye",)),
)
"""The source packages of the libraries."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Libraries:
    """The libraries for an arch and a libc."""

    root: Path
    """Read-only directory with ``include/`` and ``lib/``."""
    key: str
    """Key of all inputs and of the code that builds them."""


def find_libraries(arch: Arch, libc: str, workspace: Workspace) -> Libraries:
    """Return the libraries for ``arch`` and ``libc``, compiled unless they are in the cache.

    25 s on two cores with all caches empty. Raises ``BuildError`` with the tail and path of the
    log, and ``UpstreamError`` for a source that cannot be fetched.
    """
    cache = workspace.cache
    sources = {choice.name: find_source(choice, workspace) for choice in SOURCES}
    key = content_key(
        *(source.digest for source in sources.values()),
        zig_target(arch, libc),
        zig_version(),
        code_key(__name__),
    )

    def make(root: Path) -> None:
        workspace.announce(f"compiling {', '.join(sources)} for {arch.name} on {libc}")
        with tempfile.TemporaryDirectory(prefix="libraries-") as folder:
            build_env = open_build_env(Path(folder), arch, libc, cache)
            trees = {name: source.tree(cache) for name, source in sources.items()}
            (root / "include").mkdir()
            (root / "lib").mkdir()
            with logged(f"{'-'.join(sources)} {arch.name} {libc}", cache):
                for library in PLAIN_LIBRARIES:
                    _build_plain(root, library, arch, trees[library.source.name], build_env.env)
                words = libffi_arguments(root / "include", arch, trees["libffi"])
                _archive(root, "libffi.a", ("-O2", *words), build_env.env)
                build_openssl(root, arch, trees["openssl"], build_env.env)

    root = cache.tree("libraries", f"{arch.name}-{libc}-{key}", make)
    return Libraries(root=root, key=key)


def _build_plain(
    folder: Path, library: PlainLibrary, arch: Arch, source: Path, env: dict[str, str]
) -> None:
    headers = source / library.header_folder
    for pattern in library.headers:
        for header in headers.glob(pattern):
            place = folder / "include" / header.relative_to(headers)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(header.read_bytes())
    words = tuple(compile_arguments(library, arch, source))
    _archive(folder, library.name, words, env)


def _archive(folder: Path, name: str, arguments: tuple[str, ...], env: dict[str, str]) -> None:
    """Compile each source to an object, then archive all objects."""
    objects = folder / f"{name}.objects"
    objects.mkdir()
    # Hidden: otherwise the interpreter exports the symbols, and a wheel with its own libffi or
    # zlib (cffi, Pillow) binds to them.
    command = ("cc", "-c", "-fvisibility=hidden", *arguments)
    run_process(command, timeout=SECONDS, cwd=objects, env=env, merge=True)
    found = sorted(path.name for path in objects.glob("*.o"))
    library = str(folder / "lib" / name)
    run_process(("ar", "rcs", library, *found), timeout=SECONDS, cwd=objects, env=env, merge=True)
    for path in objects.iterdir():
        path.unlink()
    objects.rmdir()
