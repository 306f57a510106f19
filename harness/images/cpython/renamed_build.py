"""Link a compiled CPython under a naming and return the interpreter's files.

The suffix table is compiled into ``dynload_shlib.c``, the triplet also into ``sysmodule.c``, and
the rest is in ``sysconfig``. So a naming costs two objects, a link and a few files. For a naming
with a name that only importlib reads, as by Fedora's patch 353, importlib is frozen again too.
"""

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from harness.core.arches import Arch
from harness.core.errors import BuildError
from harness.core.targets import Interpreter, Naming
from harness.host.cache import Cache, content_key
from harness.host.code_key import code_key
from harness.host.process import run_process
from harness.host.tararchive import unpack_tar
from harness.images.cpython.build import (
    RECORDED_BUILD_DIR,
    CPythonBuild,
    find_build,
    find_configured,
    find_inputs,
    host_python,
    link_host_python,
    native_build,
    read_member,
    read_setup,
    unpack_build,
)
from harness.images.cpython.build_env import BuildEnv, logged, make
from harness.images.cpython.modules import shared_modules
from harness.images.cpython.soabi_names import SoabiNames, named_makefile, read_last
from harness.images.cpython.sources import Source
from harness.images.cpython.stdlib import BYTECODE, stdlib, write_tree
from harness.images.debian import Workspace

_SECONDS = 120
_EXTERNAL = Path("Lib/importlib/_bootstrap_external.py")
_FROZEN = Path("Python/importlib_external.h")

# Position-independent; see -fPIC in toolchain.py.
_LINK = "LINKFORSHARED=-dynamic -pie -s -Wl,--export-dynamic"

# As Programs/_freeze_importlib.c, which does not run on this machine for a foreign arch.
_FREEZE = """
import marshal, sys
name = "<frozen importlib._bootstrap_external>"
with open(sys.argv[1], encoding="utf-8") as stream:
    code = compile(stream.read(), name, "exec", dont_inherit=True, optimize=0)
print("const unsigned char _Py_M__importlib_bootstrap_external[] = {")
print(",".join(map(str, marshal.dumps(code))))
print("};")
"""

# As sysconfig._generate_posix_vars, for another machine.
_SYSCONFIG = """
import pprint, sys, sysconfig
try:
    from sysconfig.__main__ import _parse_makefile  # from 3.13 on
except ImportError:
    from sysconfig import _parse_makefile
found = {}
_parse_makefile("Makefile", found)
with open("pyconfig.h", encoding="utf-8") as stream:
    sysconfig.parse_config_h(stream, found)
found["BLDSHARED"] = found["LDSHARED"]
print("# system configuration generated and used by the sysconfig module")
print("build_time_vars = " + pprint.pformat(found))
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class HeaderDir:
    """The headers of an interpreter for an arch and a libc."""

    root: Path
    """Directory with ``include/pythonX.Y/`` and that arch's ``pyconfig.h``."""
    digest: str


def interpreter_tree(
    interpreter: Interpreter, arch: Arch, libc: str, naming: Naming, workspace: Workspace
) -> Path:
    """Return a tar file of ``usr/local/`` with the interpreter, its library and its headers.

    It is uncompressed, owned by root and reproducible, with bytecode and without pip. Namings
    with the same names on an arch share a file. Raises as ``find_build``.
    """
    cache = workspace.cache
    names = _names(naming, arch)
    build = find_build(interpreter, arch, libc, workspace)
    key = content_key(code_key(__name__), build.inputs.key, names.builds, names.second, names.last)

    def fill(path: Path) -> None:
        native = native_build(interpreter, workspace)
        host = host_python(native, cache=cache)
        with tempfile.TemporaryDirectory(prefix=".making-", dir=cache.root) as folder:
            what = f"CPython {build.source.version} {arch.name} {libc} named {naming.id}"
            with logged(what, cache):
                _name(build, names, host, Path(folder), cache)
            write_tree(Path(folder) / "root", path)

    return cache.get("interpreters", f"{interpreter.id}-{arch.name}-{libc}-{key}.tar", fill)


def interpreter_headers(
    interpreter: Interpreter, arch: Arch, libc: str, workspace: Workspace
) -> HeaderDir:
    """Return the interpreter's headers, which are the same for every naming.

    They need ``configure`` alone. Raises as ``find_inputs``.
    """
    inputs = find_inputs(interpreter, arch, libc, workspace)
    cache = workspace.cache

    def fill(root: Path) -> None:
        folder = root / "include" / f"python{interpreter.python}"
        _write_headers(inputs.source, find_configured(inputs, workspace), folder, cache)

    root = cache.tree("interpreter-headers", inputs.key, fill)
    return HeaderDir(root=root, digest=inputs.key)


def _names(naming: Naming, arch: Arch) -> SoabiNames:
    if arch.name not in naming.builds:
        raise BuildError(
            f"naming {naming.id} has no triplet for {arch.name}; "
            f"it has: {' '.join(naming.builds)}; add it in matrix/namings.yaml"
        )
    return SoabiNames(
        builds=naming.builds[arch.name],
        second=naming.second.get(arch.name, ""),
        last=naming.last.get(arch.name, ""),
    )


def _name(build: CPythonBuild, names: SoabiNames, host: Path, folder: Path, cache: Cache) -> None:
    """Link the build under its names and write the file tree at ``folder / "root"``."""
    tree = build.source.tree(cache)
    source = _edited_source(build, tree, names, host, folder) if names.last else tree
    build_env = unpack_build(build, folder / "build", source, cache)
    link_host_python(build_env, host)
    _rename(build_env.build / "Makefile", names, build.python)
    suffix = f".{names.soabi(build.python)}.so"
    modules = [f"{name}{suffix}" for name in shared_modules(read_setup(tree))]
    make(build_env, "python", _LINK)
    make(build_env, *(f"Modules/{module}" for module in modules))
    modules += _build_testcapi(build_env, suffix)
    prefix = folder / "root/usr/local"
    home = prefix / "lib" / f"python{build.python}"
    home.mkdir(parents=True)
    unpack_tar(stdlib(build.source, build.python, host, cache=cache), home)
    if names.last:
        _replace_source(source / _EXTERNAL, home / "importlib" / _EXTERNAL.name, host)
    (home / "lib-dynload").mkdir()
    for module in modules:
        shutil.copy(build_env.build / "Modules" / module, home / "lib-dynload")
    free_threaded = build.inputs.interpreter.free_threaded
    _write_sysconfig(build_env, names, host, home, free_threaded=free_threaded)
    config = home / f"config-{build.python}-{names.builds}"
    config.mkdir()
    (config / "Makefile").write_text(
        _without_build_dir(build_env, (build_env.build / "Makefile").read_text())
    )
    _write_headers(build.source, build.archive, prefix / "include" / home.name, cache)
    (prefix / "bin").mkdir()
    shutil.copy(build_env.build / "python", prefix / "bin" / home.name)
    for link in ("python3", "python"):
        (prefix / "bin" / link).symlink_to(home.name)


def _build_testcapi(build_env: BuildEnv, suffix: str) -> list[str]:
    """Build ``_testcapi``, which releases up to 3.11 use to test the import of extensions."""
    source = build_env.root / "source/Modules/_testcapimodule.c"
    if source.with_name("_testcapi").is_dir():  # newer: _testsinglephase replaces it
        return []
    name = f"_testcapi{suffix}"
    includes = ("-I.", "-I../source/Include", "-shared")
    command = ("cc", *includes, str(source), "-o", f"Modules/{name}")
    run_process(command, timeout=_SECONDS, cwd=build_env.build, env=build_env.env, merge=True)
    return [name]


def _edited_source(
    build: CPythonBuild, tree: Path, names: SoabiNames, host: Path, folder: Path
) -> Path:
    """Return a copy of the source whose importlib reads the last name too."""
    root = folder / "source"
    shutil.copytree(tree, root, copy_function=os.link, symlinks=True)
    text = (root / _EXTERNAL).read_text()
    (root / _EXTERNAL).unlink()  # a hard link: writing would change the cache entry
    (root / _EXTERNAL).write_text(read_last(text, names, build.python))
    if (root / _FROZEN).exists():  # from 3.11 on the Makefile freezes it
        (root / _FROZEN).unlink()
        frozen = run_process((host, "-S", "-c", _FREEZE, root / _EXTERNAL), timeout=_SECONDS)
        (root / _FROZEN).write_bytes(frozen)
    return root


def _rename(makefile: Path, names: SoabiNames, python: str) -> None:
    """Write the names into the Makefile and keep its time, so that no object is out of date."""
    times = makefile.stat()
    makefile.write_text(named_makefile(makefile.read_text(), names, python))
    os.utime(makefile, ns=(times.st_atime_ns, times.st_mtime_ns))
    for name in ("dynload_shlib", "sysmodule"):
        (makefile.parent / "Python" / f"{name}.o").unlink()
    for library in makefile.parent.glob("libpython*.a"):
        library.unlink()


def _replace_source(source: Path, place: Path, host: Path) -> None:
    shutil.copy(source, place)
    _compile_file(place, host)


def _write_sysconfig(
    build_env: BuildEnv, names: SoabiNames, host: Path, home: Path, *, free_threaded: bool
) -> None:
    found = run_process(
        (host, "-S", "-c", _SYSCONFIG), timeout=_SECONDS, cwd=build_env.build, env=build_env.env
    ).decode()
    text = _without_build_dir(build_env, found)
    flags = "t" if free_threaded else ""
    place = home / f"_sysconfigdata_{flags}_linux_{names.builds}.py"
    place.write_text(text)
    _compile_file(place, host)


def _without_build_dir(build_env: BuildEnv, text: str) -> str:
    """Return the text with a fixed path instead of the temporary build directory."""
    return text.replace(str(build_env.root), RECORDED_BUILD_DIR)


def _compile_file(path: Path, host: Path) -> None:
    run_process((host, *BYTECODE, "-s", path.parent, "-p", "/", path), timeout=_SECONDS)


def _write_headers(source: Source, archive: Path, folder: Path, cache: Cache) -> None:
    shutil.copytree(source.tree(cache) / "Include", folder)
    (folder / "pyconfig.h").write_bytes(read_member(archive, "build/pyconfig.h"))
