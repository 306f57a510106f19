"""The agent's code as it is sent to an interpreter, and the command that waits for it."""

import json
from base64 import b64encode
from functools import cache as once
from functools import lru_cache
from importlib.resources import files

from harness.probe import agent

_BOOTSTRAP = (
    "import json, sys; f = sys.stdin.buffer; p = f.read(int(f.readline())).decode();"
    " exec(json.loads(p)['loader']); load(p).main.main()"
)
_OPTIONS = ("-I", "-B", "-u", "-c")
# Reads without a buffer, since the bytes that follow are for the next program. The emulator is in
# no file system, where a cell could change it. What it runs and forks is emulated, what these
# execute is not.
_EMULATED = f"""
import os, sys
def take(left, write):
    while left:
        data = os.read(0, min(left, 1 << 20))
        left -= len(data) or sys.exit("the host is gone")
        write(data)
size = []
take(16, size.append)
program = os.memfd_create("emulator")
take(int(b"".join(size)), lambda data: os.write(program, data))
words = ["qemu", sys.executable, *{_OPTIONS}, sys.argv[1]]
os.execve("/proc/self/fd/%d" % program, words, os.environ)
"""


@once
def agent_sources() -> tuple[tuple[str, str], ...]:
    """Return names and sources of the agent's modules, in the order of loading."""
    folder = files(agent)
    return tuple((name, folder.joinpath(f"{name}.py").read_text("utf-8")) for name in agent.MODULES)


@lru_cache(maxsize=16)
def agent_payload(compiled: tuple[tuple[str, bytes], ...] = ()) -> bytes:
    """Return the agent's modules as JSON for its loader.

    ``compiled`` are names and ``.pyc`` files of modules for the target's release of Python.
    """
    payload = {
        "loader": files(agent).joinpath("loader.py").read_text("utf-8"),
        "modules": agent_sources(),
        "compiled": [(name, b64encode(pyc).decode()) for name, pyc in compiled],
    }
    return json.dumps(payload).encode()


def agent_command(interpreter: str, *, emulated: bool) -> tuple[str, ...]:
    """Return the command of an interpreter that reads the agent's payload from its input.

    ``emulated``: the input begins with the size and the bytes of the emulator that runs it.
    """
    scripts = (_EMULATED, _BOOTSTRAP) if emulated else (_BOOTSTRAP,)
    return (interpreter, *_OPTIONS, *scripts)
