"""One CPython compiled for one arch and libc: everything but the names, which flavours add.

In: an interpreter's row, an arch, a libc. Out: its build directory in a tar file, kept by
content. The machine's own arch on glibc comes first: it answers configure's questions for
the others, and its interpreter runs what a build needs run.
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
"""Where an interpreter says that it was built."""

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
    """A compiled CPython without a name."""

    interpreter: Interpreter
    arch: Arch
    libc: str
    source: Source
    archive: Path
    """Tar file with ``build/``."""
    libraries: Libraries
    key: str
    """Stands for everything it is made of and by."""


def find_build(
    interpreter: Interpreter, arch: Arch, libc: str, workspace: Workspace
) -> CPythonBuild:
    """Return the interpreter compiled for ``arch`` and ``libc``, compiled when first asked for.

    Of two cores and with every cache empty, zig's too: 61 s for this machine's own 3.11 on
    glibc, 50 s for another arch or libc, and 25 s once for the libraries of each. Raises
    ``BuildError`` with the end of the log and the path of all of it, and ``UpstreamError`` for
    a source that cannot be fetched.
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
                # PAX keeps fractions of seconds, by which make knows what is newer.
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
    """Return the interpreter of a native build as a program that this machine runs.

    It takes the standard library from the source, so it is for builds alone.
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
    """Return what the interpreter is compiled from."""
    return SourceChoice(
        name=interpreter.source, suites=(interpreter.suite, *interpreter.other_suites)
    )


def read_setup(source: Path) -> str:
    """Return the text of a release's own list of modules, see ``setup_local``."""
    setup = source / "Modules/Setup.stdlib.in"
    return (setup if setup.exists() else setup.with_name("Setup")).read_text()


def unpack_build(build: CPythonBuild, root: Path, source: Path, cache: Cache) -> BuildEnv:
    """Unpack a build at ``root``, ready for more work with the source at ``source``."""
    unpack_tar(build.archive, root)
    return _open(root, build.arch, build.libc, source, build.libraries, cache)


def _open(
    root: Path, arch: Arch, libc: str, source: Path, libraries: Libraries, cache: Cache
) -> BuildEnv:
    """Make a build environment with what a build directory refers to beside itself."""
    build_env = open_build_env(root, arch, libc, cache)
    (root / "source").symlink_to(source)
    (root / "libraries").symlink_to(libraries.root)
    return build_env


def native_arch() -> Arch:
    """Return this machine's architecture."""
    return find_arch(platform.machine())


def native_build(interpreter: Interpreter, workspace: Workspace) -> CPythonBuild:
    """Return the build that this machine runs: its arch on glibc, see ``find_build``."""
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
    """Take the directory's name out of the Makefile, and leave that as old as it is.

    It is another one every time, and sysconfig says what a Makefile says (abs_builddir).
    """
    makefile = build_env.build / "Makefile"
    times = makefile.stat()
    makefile.write_text(makefile.read_text().replace(str(build_env.root), RECORDED_BUILD_DIR))
    os.utime(makefile, ns=(times.st_atime_ns, times.st_mtime_ns))


def link_host_python(build_env: BuildEnv, host: Path) -> str:
    """Put a native build's interpreter beside the build, and return its name for the Makefile.

    A relative one, since sysconfig says what a Makefile says.
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
            raise BuildError(f"{build.archive} has no {member}; delete it and run this again")
        return stream.read().decode()
