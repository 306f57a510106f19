"""The layer with the shared library that every Alpine image has and Debian's musl lacks: zlib.

Alpine's package manager needs it, so auditwheel lets a wheel expect it (its musllinux policy).
"""

import tempfile
from pathlib import Path

from harness.core.arches import Arch
from harness.host.cache import content_key
from harness.host.code_key import code_key
from harness.host.process import run_process
from harness.images.cpython.build_env import logged, open_build_env
from harness.images.cpython.plain_libraries import ZLIB, compile_arguments
from harness.images.cpython.sources import find_source
from harness.images.cpython.stdlib import write_tree
from harness.images.cpython.toolchain import zig_target, zig_version
from harness.images.debian import Workspace

KIND = "alpine-bases"
_PLACE = "usr/lib/libz.so.1"
"""Not below ``lib/``, which is a symbolic link in the base."""
_SECONDS = 300


def alpine_base_layer(arch: Arch, workspace: Workspace) -> Path:
    """Return a tar file with ``/usr/lib/libz.so.1`` for ``arch``, compiled unless it is cached.

    Raises ``BuildError``, and ``UpstreamError`` for a source that cannot be fetched.
    """
    cache = workspace.cache
    source = find_source(ZLIB.source, workspace)
    key = content_key(source.digest, zig_target(arch, "musl"), zig_version(), code_key(__name__))

    def make(path: Path) -> None:
        with tempfile.TemporaryDirectory(prefix="zlib-") as name:
            root, tree = Path(name) / "root", source.tree(cache)
            build_env = open_build_env(Path(name), arch, "musl", cache)
            (root / _PLACE).parent.mkdir(parents=True)
            words = (
                *("cc", "-shared", "-s", "-Wl,-soname,libz.so.1", "-o", str(root / _PLACE)),
                *(f"-Wl,--version-script={tree / 'zlib.map'}", "-Wl,--undefined-version"),
                *compile_arguments(ZLIB, arch, tree),
            )
            with logged(f"zlib {arch.name} musl", cache):
                run_process(words, timeout=_SECONDS, env=build_env.env, merge=True)
            write_tree(root, path)

    return cache.get(KIND, f"{arch.name}-{key}.tar", make)
