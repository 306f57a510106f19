"""Make the agent's modules from the JSON that came over standard input."""

import binascii
import json
import marshal
import sys
import types
from importlib import _bootstrap_external

PACKAGE = "_wheelgrid_agent"


def load(payload, only=None):
    """Return the agent's package; ``payload`` is JSON with "modules": pairs of name and source.

    It may have them "compiled" too: pairs of name and a ``.pyc`` file in base64, of which those
    are taken that are for this interpreter. ``only`` names the modules to make, in place of all.
    """
    frame = json.loads(payload)
    compiled = dict(frame["compiled"])
    package = types.ModuleType(PACKAGE)
    package.__path__ = []
    package.payload = payload
    sys.modules[PACKAGE] = package
    for name, source in frame["modules"]:
        if only is not None and name not in only:
            continue
        full_name = PACKAGE + "." + name
        module = types.ModuleType(full_name)
        module.__package__ = PACKAGE
        sys.modules[full_name] = module
        setattr(package, name, module)
        exec(_code(name, source, compiled.get(name, "")), module.__dict__)
    return package


def _code(name, source, compiled):
    """Return a module's code; under emulation, compiling all takes longer than to start Python."""
    pyc = binascii.a2b_base64(compiled)
    if pyc[:4] == _bootstrap_external.MAGIC_NUMBER:
        return marshal.loads(pyc[16:])  # noqa: S302 - the host's; after the header of PEP 552
    return compile(source, "<agent>/" + name + ".py", "exec")
