"""Compile wheels' sources where this interpreter runs natively.

An emulated interpreter spends half of a large import on compiling, and every interpreter of the
release gives the same bytecode. Its files carry the hash of their source (PEP 552), so that an
import uses none that does not belong to the source it finds.
"""

import os
import zipfile

from .child import run_child, sign
from .importer import BYTECODE
from .installer import site_of, unpack
from .outcomes import installed


def compile_wheels(wheels, folder, limits):
    """Write a zip of ``.pyc`` files, by their paths in a site directory, into ``folder``."""
    site = site_of(folder)

    def body(tokens):
        with zipfile.ZipFile(os.path.join(folder, BYTECODE), "w") as out:
            for path in _sources(site):
                _compile(path, site, out)
        sign(tokens.pop(), {"status": 0})

    unpacked = unpack(wheels, site, folder, limits)
    return run_child(body, limits, folder) if installed(unpacked) else unpacked


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
