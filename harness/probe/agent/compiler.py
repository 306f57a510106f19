"""The bytecode of wheels' sources, compiled where this interpreter runs natively.

An emulated one takes half of a large import to compile, and any of the same release would
come to the same. The files are checked by the hash of their source (PEP 552), so that an
import takes none that does not belong to what it finds.
"""

import os
import zipfile

from .child import run_child
from .importer import BYTECODE
from .installer import unpack
from .judgement import installed


def compile_wheels(wheels, folder, limits):
    """Return a zip of ``.pyc`` files by their paths in a site directory; empty where none is."""
    site = os.path.join(folder, "site")
    archive = os.path.join(folder, BYTECODE)

    def body(reports):
        with zipfile.ZipFile(archive, "w") as out:  # stored: to unpack it is to be quick
            for path in _sources(site):
                _compile(path, site, out)
        reports({"status": 0, "done": True})

    if not installed(unpack(wheels, site, folder, limits)):
        return b""
    if not installed(run_child(body, limits, folder)):
        return b""
    with open(archive, "rb") as stream:
        return stream.read()


def _sources(site):
    for root, folders, names in os.walk(site):
        folders.sort()
        for name in sorted(names):
            if name.endswith(".py"):
                yield os.path.join(root, name)


def _compile(path, site, out):
    import importlib.util
    import py_compile

    compiled = importlib.util.cache_from_source(path)
    try:
        mode = py_compile.PycInvalidationMode.CHECKED_HASH
        py_compile.compile(path, compiled, doraise=True, invalidation_mode=mode)
    except (py_compile.PyCompileError, AttributeError, OSError):
        return  # a template, or no such mode before 3.7: the import compiles what it needs
    info = zipfile.ZipInfo(os.path.relpath(compiled, site))
    with open(compiled, "rb") as stream:
        out.writestr(info, stream.read())
