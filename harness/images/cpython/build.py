"""Compile CPython for an arch and a libc, without the SOABI names, which ``renamed_build`` adds.

The result is the build directory in a tar file in the cache. The native build (this machine's arch
on glibc) comes first: the others reuse its configure results and run its interpreter.
"""

import os
import platform
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

from packaging.version import Version

from harness.core.arches import Arch, find_arch
from harness.core.errors import BuildError
from harness.core.targets import Interpreter
from harness.host.cache import Cache, content_key
from harness.host.code_key import code_key
from harness.host.process import run_process
from harness.host.tararchive import unpack_tar
from harness.images.cpython.build_env import BuildEnv, logged, make, open_build_env
from harness.images.cpython.configure_cache import ANSWERS, shared_answers
from harness.images.cpython.libraries import Libraries, find_libraries
from harness.images.cpython.modules import LIBRARIES, fast_objects, setup_local, shared_modules
from harness.images.cpython.sources import Source, find_source
from harness.images.cpython.toolchain import zig_target, zig_version
from harness.images.debian import SourceChoice, Workspace

CONFIGURE_SECONDS = 300
RECORDED_BUILD_DIR = "/usr/src"
"""The build directory that an interpreter records."""

_CONFIGURE = (
    "--quiet",
    "--config-cache",
    "--prefix=/usr/local",
    "--disable-shared",
    "--without-ensurepip",
    *("CC=cc", "CXX=c++", "AR=ar", "RANLIB=true", "READELF=true", "OPT="),
    f"ZLIB_CFLAGS=-I{LIBRARIES}/include",
    f"ZLIB_LIBS={LIBRARIES}/lib/libz.a",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class CPythonBuild:
    """A compiled CPython without SOABI names."""

    interpreter: Interpreter
    arch: Arch
    libc: str
    source: Source
    archive: Path
    """Tar file with ``build/``."""
    libraries: Libraries
    key: str
    """Key of all inputs and of the code that builds it."""


def find_build(
    interpreter: Interpreter, arch: Arch, libc: str, workspace: Workspace
) -> CPythonBuild:
    """Return the interpreter for ``arch`` and ``libc``, compiled unless it is in the cache.

    On two cores with all caches empty: 61 s for the native build of 3.11, 50 s for another arch or
    libc, and 25 s for the libraries of each. Raises ``BuildError`` with the tail and path of the
    log, and ``UpstreamError`` for a source that cannot be fetched.
    """
    cache = workspace.cache
    source = find_source(source_choice(interpreter), workspace)
    libraries = find_libraries(arch, libc, workspace)
    native = None
    if (arch, libc) != (native_arch(), "glibc"):
        native = native_build(interpreter, workspace)
    key = content_key(
        source.digest,
        libraries.key,
        zig_target(arch, libc),
        zig_version(),
        code_key(__name__),
        native.key if native else "",
    )

    def fill(path: Path) -> None:
        workspace.announce(f"compiling CPython {source.version} for {arch.name} on {libc}")
        with tempfile.TemporaryDirectory(prefix="build-") as folder:
            build_env = _open(Path(folder), arch, libc, source.tree(cache), libraries, cache)
            with logged(f"CPython {source.version} {arch.name} {libc}", cache):
                _compile(build_env, source, native, interpreter.python, cache)
            with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
                # PAX keeps fractions of seconds, which make compares.
                tar.add(build_env.build, "build")

    archive = cache.get("builds", f"{interpreter.id}-{arch.name}-{libc}-{key}.tar", fill)
    return CPythonBuild(
        interpreter=interpreter,
        arch=arch,
        libc=libc,
        source=source,
        libraries=libraries,
        archive=archive,
        key=key,
    )


def host_python(build: CPythonBuild, *, cache: Cache) -> Path:
    """Return the executable of a native build.

    It uses the standard library in the source tree, so it is for builds only.
    """

    def make(root: Path) -> None:
        name = f"python{build.interpreter.python}"
        (root / "bin").mkdir()
        unpack_tar(build.archive, root, only="build/host-python")
        (root / "build/host-python").replace(root / "bin" / name)
        (root / "build").rmdir()
        (root / "lib").mkdir()
        (root / "lib" / name).symlink_to(build.source.tree(cache) / "Lib")

    root = cache.tree("host-pythons", build.key, make)
    return root / "bin" / f"python{build.interpreter.python}"


def source_choice(interpreter: Interpreter) -> SourceChoice:
    """Return the source package of the interpreter."""
    return SourceChoice(
        name=interpreter.source, suites=(interpreter.suite, *interpreter.other_suites)
    )


def read_setup(source: Path) -> str:
    """Return the text of a release's list of modules, see ``setup_local``."""
    setup = source / "Modules/Setup.stdlib.in"
    return (setup if setup.exists() else setup.with_name("Setup")).read_text()


def unpack_build(build: CPythonBuild, root: Path, source: Path, cache: Cache) -> BuildEnv:
    """Unpack a build at ``root`` and link it with the source at ``source``."""
    unpack_tar(build.archive, root)
    return _open(root, build.arch, build.libc, source, build.libraries, cache)


def _open(
    root: Path, arch: Arch, libc: str, source: Path, libraries: Libraries, cache: Cache
) -> BuildEnv:
    """Open a build environment and link the source and the libraries in it."""
    build_env = open_build_env(root, arch, libc, cache)
    (root / "source").symlink_to(source)
    (root / "libraries").symlink_to(libraries.root)
    return build_env


def native_arch() -> Arch:
    """Return this machine's architecture."""
    return find_arch(platform.machine())


def native_build(interpreter: Interpreter, workspace: Workspace) -> CPythonBuild:
    """Return the build for this machine's arch on glibc, see ``find_build``."""
    return find_build(interpreter, native_arch(), "glibc", workspace)


def _compile(
    build_env: BuildEnv, source: Source, native: CPythonBuild | None, python: str, cache: Cache
) -> None:
    build = build_env.build
    (build / "Modules").mkdir(parents=True)
    setup = read_setup(source.tree(cache))
    (build / "Modules/Setup.local").write_text(setup_local(setup))
    command = ["../source/configure", *_CONFIGURE, *ANSWERS]
    if native:
        host = host_python(native, cache=cache)
        answers = shared_answers(
            _read(native, "build/config.cache"),
            arch=build_env.arch == native.arch,
            libc=build_env.libc == native.libc,
        )
        (build / "config.cache").write_text(answers)
        command += _cross_options(build_env, native, link_host_python(build_env, host), python)
    run_process(command, timeout=CONFIGURE_SECONDS, cwd=build, env=build_env.env, merge=True)
    with (build / "Makefile").open("a") as makefile:
        makefile.write(fast_objects())
    objects = [f"Modules/{name}.o" for name in shared_modules(setup)]
    make(build_env, f"libpython{python}.a", "Programs/python.o", *objects)
    if native is None:
        make(build_env, "python")
        (build / "python").replace(build / "host-python")
    _replace_build_dir(build_env)


def _replace_build_dir(build_env: BuildEnv) -> None:
    """Replace the temporary build directory in the Makefile and keep the file's time.

    sysconfig reports the Makefile's values (abs_builddir), which must not vary.
    """
    makefile = build_env.build / "Makefile"
    times = makefile.stat()
    makefile.write_text(makefile.read_text().replace(str(build_env.root), RECORDED_BUILD_DIR))
    os.utime(makefile, ns=(times.st_atime_ns, times.st_mtime_ns))


def link_host_python(build_env: BuildEnv, host: Path) -> str:
    """Link a native build's interpreter beside the build and return its path for the Makefile.

    The path is relative, since sysconfig reports the Makefile's values.
    """
    (build_env.root / "host").symlink_to(host.parent.parent)
    return f"../host/bin/{host.name}"


def _cross_options(build_env: BuildEnv, native: CPythonBuild, host: str, python: str) -> list[str]:
    arch = build_env.arch
    triplet = arch.musl_triplet if build_env.libc == "musl" else arch.gnu_triplet
    options = [f"--build={native.arch.gnu_triplet}", f"--host={triplet}"]
    if Version(python) < Version("3.11"):
        return [*options, f"PYTHON_FOR_BUILD={host}"]
    return [*options, f"--with-build-python={host}"]


def _read(build: CPythonBuild, member: str) -> str:
    with tarfile.open(build.archive) as tar:
        stream = tar.extractfile(member)
        if stream is None:
            raise BuildError(f"{build.archive} has no {member}; delete it and run again")
        return stream.read().decode()
