"""Image layers with pip, installed from its wheel and compiled by the native interpreter.

Bytecode is the same on every arch. Without it pip takes seconds to start under emulation.
"""

import tempfile
import zipfile
from pathlib import Path

from harness.core.causes import Cause
from harness.core.errors import ImageError
from harness.core.targets import Interpreter
from harness.host.cache import content_key, file_sha256
from harness.host.code_key import code_key
from harness.host.process import ProcessError, run_process
from harness.images.cpython.build import host_python, native_build
from harness.images.cpython.stdlib import BYTECODE, write_tree
from harness.images.debian import Workspace

KIND = "installers"
_COMPILE_SECONDS = 120


def installer_layer(wheel: Path, interpreter: Interpreter, workspace: Workspace) -> Path:
    """Return a tar file of ``usr/local/`` with the wheel installed and compiled.

    Raises ``ImageError`` if it does not compile and ``BuildError`` if the native interpreter
    cannot be built.
    """
    cache = workspace.cache
    site = f"usr/local/lib/python{interpreter.python}/site-packages"
    key = content_key(code_key(__name__), site, file_sha256(wheel))

    def make(path: Path) -> None:
        native = native_build(interpreter, workspace)
        host = host_python(native, cache=cache)
        with tempfile.TemporaryDirectory(prefix=".making-", dir=cache.root) as name:
            root = Path(name) / "root"
            with zipfile.ZipFile(wheel) as archive:
                archive.extractall(root / site)
            _compile(host, root, site)
            write_tree(root, path)

    return cache.get(KIND, f"{wheel.stem}-{interpreter.id}-{key}.tar", make)


def _compile(host: Path, root: Path, site: str) -> None:
    place = ("-s", root, "-p", "/", root / site)
    try:
        # The bytes depend on the order of frozensets before 3.11 (bpo-37596).
        run_process(
            (host, *BYTECODE, *place), timeout=_COMPILE_SECONDS, env={"PYTHONHASHSEED": "0"}
        )
    except ProcessError as error:
        raise ImageError(f"pip does not compile: {error}", cause=Cause.INTERPRETER) from error
