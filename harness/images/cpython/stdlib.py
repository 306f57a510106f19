"""The compiled standard library of a release, which is the same on every arch.

It keeps only the tests that replicas are tested with.
"""

import shutil
import tarfile
import tempfile
from pathlib import Path

from harness.host.cache import Cache, content_key, file_sha256
from harness.host.code_key import code_key
from harness.host.process import run_process
from harness.images.cpython.build_env import EPOCH
from harness.images.cpython.sources import Source

SECONDS = 300

BYTECODE = (
    *("-S", "-B", "-m", "compileall", "-q", "-f"),
    *("--invalidation-mode", "unchecked-hash"),
    *("-x", "badsyntax"),  # test files with intended syntax errors
)
"""compileall with unchecked hashes: file times do not matter then."""

_LEFT_OUT = ("__pycache__", "ensurepip", "idlelib", "lib2to3", "tkinter", "turtledemo", "msilib")
_TESTS = (
    *("__init__.py", "__main__.py", "regrtest.py", "libregrtest", "support", "archivetestdata"),
    *("archiver_tests.py", "badsyntax_3131.py", "badsyntax_pep3120.py", "encoded_modules"),
    *("imp_dummy.py", "lock_tests.py", "test_imp.py", "test_import"),
    *("test_import.py", "test_importlib", "test_py_compile.py", "test_sysconfig.py"),
    *("test_zipfile", "test_zipfile.py", "zip_cp437_header.zip", "zipdir.zip", "ziptestdata"),
)
"""Kept files in ``test/``, if the release has them."""


def stdlib(source: Source, python: str, host: Path, *, cache: Cache) -> Path:
    """Return the release's library as a tar file, with bytecode compiled by ``host``.

    Raises ``ProcessError`` if it does not compile.
    """
    key = content_key(code_key(__name__), source.digest, python, file_sha256(host))

    def fill(path: Path) -> None:
        with tempfile.TemporaryDirectory(prefix="stdlib-") as name:
            root = Path(name) / "library"
            shutil.copytree(source.tree(cache) / "Lib", root, ignore=_ignored, symlinks=True)
            where = ("-s", root, "-p", f"/usr/local/lib/python{python}")
            # The bytes depend on the order of frozensets before 3.11 (bpo-37596).
            run_process(
                (host, *BYTECODE, *where, root), timeout=SECONDS, env={"PYTHONHASHSEED": "0"}
            )
            write_tree(root, path)

    return cache.get("stdlibs", f"python{python}-{key}.tar", fill)


def write_tree(root: Path, path: Path) -> None:
    """Write the files below ``root`` as a tar file: sorted, owned by root, dated 2020-01-01."""

    def plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
        member.uid = member.gid = 0
        member.uname = member.gname = ""
        member.mtime = int(EPOCH)
        member.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
        return member

    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
        for child in sorted(root.iterdir()):
            tar.add(child, child.name, filter=plain)  # add() sorts what is below


def _ignored(folder: str, names: list[str]) -> set[str]:
    left_out = set(names) & set(_LEFT_OUT)
    if Path(folder).name == "test" and Path(folder).parent.name == "Lib":
        left_out |= set(names) - set(_TESTS)
    elif Path(folder).name == "Lib":
        left_out |= {name for name in names if name.endswith((".orig", ".rej"))}
    elif Path(folder).name in {"distutils", "unittest", "ctypes", "sqlite3"}:
        left_out |= set(names) & {"tests", "test"}
    return left_out
