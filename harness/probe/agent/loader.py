"""Make the agent's modules from the JSON that came over standard input."""

import json
import sys
import types

PACKAGE = "_wheelgrid_agent"


def load(payload, only=None):
    """Return the agent's package; ``payload`` is JSON with "modules": pairs of name and source.

    ``only`` names the modules to make, in place of all.
    """
    package = types.ModuleType(PACKAGE)
    package.__path__ = []
    package.payload = payload
    sys.modules[PACKAGE] = package
    for name, source in json.loads(payload)["modules"]:
        if only is not None and name not in only:
            continue
        full_name = PACKAGE + "." + name
        module = types.ModuleType(full_name)
        module.__package__ = PACKAGE
        sys.modules[full_name] = module
        setattr(package, name, module)
        exec(compile(source, "<agent>/" + name + ".py", "exec"), module.__dict__)
    return package
