"""Compile CPython for an arch and a libc, without the SOABI names, which ``renamed_build`` adds.

The result is the build directory in a tar file in the cache. The native build (this machine's arch
on glibc) comes first: the others reuse its configure results and run its interpreter.
"""

import os
import platform
import tarfile
import tempfile
import time
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
from harness.images.cpython.configure_cache import ANSWERS, NO_SIMD, shared_answers
from harness.images.cpython.libraries import Libraries, find_libraries
from harness.images.cpython.modules import LIBRARIES, object_flags, setup_local, shared_modules
from harness.images.cpython.sources import Source, find_source
from harness.images.cpython.toolchain import zig_target, zig_version
from harness.images.debian import SourceChoice, Workspace

CONFIGURE_SECONDS = 300
RECORDED_BUILD_DIR = "/usr/src"
"""The build directory that an interpreter records."""

_FROZEN = ("build/Python/frozen_modules/*.h", "build/Python/deepfreeze/*.c")

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
class CPythonInputs:
    """What a CPython without SOABI names is compiled from."""

    interpreter: Interpreter
    arch: Arch
    libc: str
    source: Source
    libraries: Libraries
    native: "CPythonBuild | None"
    """The native build; None for the native build itself."""
    key: str
    """Key of all inputs and of the code that builds."""

    @property
    def title(self) -> str:
        """``CPython 3.9.2 for s390x on musl``."""
        return f"CPython {self.source.version} for {self.arch.name} on {self.libc}"

    @property
    def entry(self) -> str:
        """Name of its cache entries."""
        return f"{self.interpreter.id}-{self.arch.name}-{self.libc}-{self.key}.tar"


@dataclass(frozen=True, kw_only=True, slots=True)
class CPythonBuild:
    """A compiled CPython without SOABI names."""

    inputs: CPythonInputs
    archive: Path
    """Tar file with ``build/``."""

    @property
    def source(self) -> Source:
        return self.inputs.source

    @property
    def python(self) -> str:
        """The minor version: ``3.9``, or ``3.13t`` if free-threaded."""
        return self.inputs.interpreter.python


def find_inputs(
    interpreter: Interpreter, arch: Arch, libc: str, workspace: Workspace
) -> CPythonInputs:
    """Return the inputs of a build; the libraries and the native build are compiled if missing.

    Raises ``BuildError`` with the tail and path of the log, and ``UpstreamError`` for a source that
    cannot be fetched.
    """
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
        native.inputs.key if native else "",
        *_own_options(interpreter),
    )
    return CPythonInputs(
        interpreter=interpreter,
        arch=arch,
        libc=libc,
        source=source,
        libraries=libraries,
        native=native,
        key=key,
    )


def find_build(
    interpreter: Interpreter, arch: Arch, libc: str, workspace: Workspace
) -> CPythonBuild:
    """Return the interpreter for ``arch`` and ``libc``, compiled unless it is in the cache.

    On two cores with all caches empty: 61 s for the native build of 3.11, 50 s for another arch or
    libc, and 25 s for the libraries of each. Raises as ``find_inputs``.
    """
    inputs = find_inputs(interpreter, arch, libc, workspace)
    cache = workspace.cache

    def fill(path: Path) -> None:
        configured = find_configured(inputs, workspace)
        workspace.announce(f"compiling {inputs.title}")
        with tempfile.TemporaryDirectory(prefix="build-") as folder:
            tree = inputs.source.tree(cache)
            build_env = _unpack(configured, inputs, Path(folder), tree, cache)
            with logged(inputs.title, cache):
                _compile(build_env, inputs, cache)
            _pack(build_env, path)

    return CPythonBuild(inputs=inputs, archive=cache.get("builds", inputs.entry, fill))


def find_configured(inputs: CPythonInputs, workspace: Workspace) -> Path:
    """Return a tar file with ``build/`` after ``configure``, which takes 8 s.

    Raises ``BuildError``.
    """
    cache = workspace.cache

    def fill(path: Path) -> None:
        workspace.announce(f"configuring {inputs.title}")
        with tempfile.TemporaryDirectory(prefix="build-") as folder:
            tree = inputs.source.tree(cache)
            build_env = _open(inputs, Path(folder), tree, cache)
            with logged(f"configuring {inputs.title}", cache):
                _configure(build_env, inputs, cache)
            _pack(build_env, path)

    return cache.get("configured", inputs.entry, fill)


def host_python(build: CPythonBuild, *, cache: Cache) -> Path:
    """Return the executable of a native build.

    It uses the standard library in the source tree, so it is for builds only.
    """

    def make(root: Path) -> None:
        name = f"python{build.python}"
        (root / "bin").mkdir()
        unpack_tar(build.archive, root, only="build/host-python")
        (root / "build/host-python").replace(root / "bin" / name)
        (root / "build").rmdir()
        (root / "lib").mkdir()
        (root / "lib" / name).symlink_to(build.source.tree(cache) / "Lib")

    root = cache.tree("host-pythons", build.inputs.key, make)
    return root / "bin" / f"python{build.python}"


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
    return _unpack(build.archive, build.inputs, root, source, cache)


def _unpack(
    archive: Path, inputs: CPythonInputs, root: Path, source: Path, cache: Cache
) -> BuildEnv:
    unpack_tar(archive, root)
    return _open(inputs, root, source, cache)


def _pack(build_env: BuildEnv, path: Path) -> None:
    """Write the build directory to a tar file, without its temporary path."""
    _replace_build_dir(build_env)
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
        # PAX keeps fractions of seconds, which make compares.
        tar.add(build_env.build, "build")


def _open(inputs: CPythonInputs, root: Path, source: Path, cache: Cache) -> BuildEnv:
    """Open a build environment and link the source and the libraries in it."""
    build_env = open_build_env(root, inputs.arch, inputs.libc, cache)
    (root / "source").symlink_to(source)
    (root / "libraries").symlink_to(inputs.libraries.root)
    return build_env


def native_arch() -> Arch:
    """Return this machine's architecture."""
    return find_arch(platform.machine())


def native_build(interpreter: Interpreter, workspace: Workspace) -> CPythonBuild:
    """Return the build for this machine's arch on glibc, see ``find_build``."""
    return find_build(interpreter, native_arch(), "glibc", workspace)


def _own_options(interpreter: Interpreter) -> tuple[str, ...]:
    gil = ("--disable-gil",) if interpreter.free_threaded else ()
    simd = NO_SIMD if Version(interpreter.version) >= Version("3.14") else ()
    return (*gil, *simd)


def _configure(build_env: BuildEnv, inputs: CPythonInputs, cache: Cache) -> None:
    build, native = build_env.build, inputs.native
    (build / "Modules").mkdir(parents=True)
    setup = read_setup(inputs.source.tree(cache))
    (build / "Modules/Setup.local").write_text(setup_local(setup))
    command = ["../source/configure", *_CONFIGURE, *_own_options(inputs.interpreter), *ANSWERS]
    if native:
        answers = shared_answers(
            read_member(native.archive, "build/config.cache").decode(),
            arch=inputs.arch == native.inputs.arch,
            libc=inputs.libc == native.inputs.libc,
        )
        (build / "config.cache").write_text(answers)
        host = link_host_python(build_env, host_python(native, cache=cache))
        command += _cross_options(inputs, native, host)
    run_process(command, timeout=CONFIGURE_SECONDS, cwd=build, env=build_env.env, merge=True)
    with (build / "Makefile").open("a") as makefile:
        makefile.write(object_flags())


def _compile(build_env: BuildEnv, inputs: CPythonInputs, cache: Cache) -> None:
    build, native = build_env.build, inputs.native
    if native:
        link_host_python(build_env, host_python(native, cache=cache))
        _copy_frozen(native, build)
    modules = shared_modules(read_setup(inputs.source.tree(cache)))
    objects = [f"Modules/{name}.o" for name in modules]
    library = f"libpython{inputs.interpreter.python}.a"
    make(build_env, library, "Programs/python.o", *objects)
    if native is None:
        make(build_env, "python")
        (build / "python").replace(build / "host-python")


def _copy_frozen(native: CPythonBuild, build: Path) -> None:
    """Copy the native build's frozen modules, which are the same on every arch.

    All have the same time, so that none is out of date.
    """
    now = time.time()
    for pattern in _FROZEN:
        unpack_tar(native.archive, build.parent, only=pattern)
        for path in build.parent.glob(pattern):
            os.utime(path, (now, now))


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


def _cross_options(inputs: CPythonInputs, native: CPythonBuild, host: str) -> list[str]:
    arch = inputs.arch
    triplet = arch.musl_triplet if inputs.libc == "musl" else arch.gnu_triplet
    options = [f"--build={native.inputs.arch.gnu_triplet}", f"--host={triplet}"]
    if Version(native.inputs.interpreter.version) < Version("3.11"):
        return [*options, f"PYTHON_FOR_BUILD={host}"]
    return [*options, f"--with-build-python={host}"]


def read_member(archive: Path, name: str) -> bytes:
    """Return a file of a build. Raises ``BuildError`` if there is none."""
    with tarfile.open(archive) as tar:
        stream = tar.extractfile(name)
        if stream is None:
            raise BuildError(f"{archive} has no {name}; delete it and run again")
        return stream.read()
