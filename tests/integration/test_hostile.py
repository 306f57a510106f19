"""Hostile wheels beside controls, in one run natively and one under emulation.

No run is lost, no outcome of another wheel changes, no deed becomes a miss, and no container is
left behind. ``-s`` prints the table.
"""

import json
import subprocess
from pathlib import Path

import pytest

from harness.host.engine.owner import OWNER_LABEL, is_orphan
from harness.images.debian_root import native_arch
from tests.support.commands import wheelgrid
from tests.support.wheels import make_wheel

pytestmark = pytest.mark.integration

_FORGE = """
import os, sys
frame = sys._getframe()
while frame:
    for name, value in list(frame.f_locals.items()):
        if name in ("token", "tokens") and value:
            os.write(3, ('{"done": true, "token": "%s"}' % value).encode())
            os._exit(0)
    frame = frame.f_back
raise ImportError("no token in any frame")
"""
_STOP = """
import os
for pid in filter(str.isdigit, os.listdir("/proc")):
    if int(pid) != os.getpid():
        try: os.kill(int(pid), 19)
        except OSError: pass
"""
_LIMITS = """
import os, resource
for pid in sorted(map(int, filter(str.isdigit, os.listdir("/proc")))):
    if pid != os.getpid():
        for what in (resource.RLIMIT_NOFILE, resource.RLIMIT_STACK, resource.RLIMIT_AS):
            try: resource.prlimit(pid, what, (4, 4))
            except (OSError, ValueError): pass
"""
_FRAMES = """
import os, struct
answer = b'{"outcome": "pass", "stage": "call", "cause": "", "evidence": "", "log": ""}'
for fd in range(64):
    try:
        with open("/proc/1/fd/%d" % fd, "wb", 0) as file:
            file.write(3 * (struct.pack(">I", len(answer)) + answer))
    except OSError: pass
raise ImportError("after writing to process 1")
"""
_SHARED_MEMORY = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
libc.shmat.restype = ctypes.c_void_p
at = libc.shmat(libc.shmget(0, 300 << 20, 0o1600), None, 0)
if at and at != 2**64 - 1: ctypes.memset(at, 1, 200 << 20)
for key in range(1, 9): libc.msgget(key, 0o1600); libc.semget(key, 4, 0o1600)
"""
_STARVE = """
import os
for pid in map(int, filter(str.isdigit, os.listdir("/proc"))):
    for deed in (lambda: os.sched_setaffinity(pid, {0}), lambda: os.setpriority(0, pid, 19),
                 lambda: os.sched_setscheduler(pid, os.SCHED_IDLE, os.sched_param(0))):
        try: deed()
        except OSError: pass
for _ in range(60):
    if os.fork() == 0: break
while True: pass
"""
_DIRECTORIES = """
import os
os.mkdir("/tmp/d"); os.chdir("/tmp/d")
for number in range(1000000): os.mkdir(str(number))
"""
_NESTED = """
import json, resource
try: resource.prlimit(1, resource.RLIMIT_STACK, (0, 0))
except OSError: pass
json.dumps = lambda d, **_: '{"token": "%s", "done": true, "x": %s%s}' % (
    d.get("token"), "[" * 950, "]" * 950)
"""
_LATE = """
import os, time
if os.fork() == 0:
    os.setsid()
    while True:
        try: open("/tmp/left", "w").write("x")
        except OSError: pass
        time.sleep(0.01)
"""
_DEEP = """
import os
os.chdir(os.environ["HOME"])
for _ in range(3000):
    os.mkdir("d" * 200); os.chdir("d" * 200)
"""
_MODES = """
import os
os.chdir(os.environ["HOME"])
os.mkdir("shut"); os.mkdir("shut/inner"); os.symlink("/etc", "shut/link"); os.mkfifo("fifo")
open(b"\\xff" * 100, "w").close(); open("n" * 255, "w").close()
os.chmod("shut/inner", 0); os.chmod("shut", 0)
"""
_OTHERS = """
import os
others = [int(p) for p in os.listdir("/proc") if p.isdigit() and int(p) != os.getpid()]
def each(deed, *values):
    done = []
    for value in values or others:
        try: deed(value); done.append(value)
        except OSError: pass
    return done
"""
_KILL_LATE = """
import time
if os.fork() == 0:
    os.setsid()
    os.closerange(0, 64)
    time.sleep(0.02)
    while True: each(lambda pid: os.kill(pid, 9))
"""
_SIGNALS = """
import ctypes
for number in range(1, 65):
    if number != 9: each(lambda pid: os.kill(pid, number))
each(lambda pid: [ctypes.CDLL(None).sigqueue(pid, 40, None) for _ in range(1000)])
"""
_LINKS = """
import os
os.chdir("/tmp")
os.rename("cell", "moved"); os.symlink("/etc", "cell"); os.symlink("/proc/1", "home")
os.mkfifo("fifo"); os.mkdir("packed.zip"); os.mkdir("warm-up"); os.mkdir("a\\nb")
for number in range(1000): os.link("fifo", str(number))
os.truncate(os.open("sparse", os.O_CREAT | os.O_WRONLY), 1 << 40)
"""
_RENAME = """
import os
if os.fork() == 0:
    os.setsid(); os.closerange(0, 64); os.chdir("/tmp")
    for number in range(1000000):
        try: os.makedirs("x/y/z", exist_ok=True); os.rename("x", str(number % 50))
        except OSError: pass
"""
_POISON = """
import sys
for name in [name for name in sys.modules if name.startswith("_wheelgrid") or name == "json"]:
    for key, value in list(vars(sys.modules[name]).items()):
        if callable(value): setattr(sys.modules[name], key, lambda *_, **__: 1 / 0)
"""
_PROC = """
import glob
def write(path):
    fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    if not each(lambda value: os.write(fd, value), b"1000", b"19", b"all"): raise OSError
def read(path):
    open(path, "rb").read(1)
files = [path for pid in others for path in glob.glob("/proc/%d/*" % pid)]
open_ones = each(write, *files)
open_ones += each(read, *["/proc/%d/%s" % (p, f) for p in others for f in ("mem", "environ")])
open_ones += each(os.listdir, *["/proc/%d/fd" % pid for pid in others])
raise ImportError("open: %s" % open_ones)
"""
_MEMORY_OF_MANY = """
import os, time
for _ in range(90):
    if os.fork() == 0:
        x = bytearray(12 << 20)
        for at in range(0, len(x), 4096): x[at] = 1
        time.sleep(2); os._exit(0)
time.sleep(2)
"""
_FULL = "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device"

DEEDS = {
    "surrogate": (r'raise ImportError("\udcff is no text")', {"import-failed"}),
    "surrogate_output": (r"import sys; sys.stdout.buffer.write(b'\xed\xb3\xbf')", {"pass"}),
    "forge": (_FORGE, {"import-failed"}),
    "stop_all": (_STOP, {"pass"}),
    "limits": (_LIMITS, {"pass"}),
    "frames": (_FRAMES, {"import-failed"}),
    "shared_memory": (_SHARED_MEMORY, {"pass"}),
    "late_fork": (_LATE, {"pass"}),
    "deep": (_DEEP, {"pass"}),
    "modes": (_MODES, {"pass"}),
    "starve": (_STARVE, {"timeout", "import-failed", "crashed"}),
    "directories": (_DIRECTORIES, {"import-failed", "timeout", "crashed"}),
    "nested": (_NESTED, {"import-failed", "crashed"}),
    "message_queue": (
        "import ctypes; assert ctypes.CDLL(None).mq_open(b'/q', 0o102, 0o600, None) >= 0",
        {"import-failed"},
    ),
    "kill_parent": ("import os; os.kill(os.getppid(), 9)", {"crashed"}),
    "memory": ("x = []\nwhile True: x.append(bytearray(1 << 20))", {"crashed", "import-failed"}),
    "bomb": ("import os\nfor _ in range(10000): os.fork()", {"import-failed", "crashed"}),
    "kill_late": (_OTHERS + _KILL_LATE, {"pass"}),
    "signals": (_OTHERS + _SIGNALS, {"pass", "crashed"}),  # an emulator may die of one
    "links": (_LINKS, {"pass"}),
    "rename": (_RENAME, {"pass"}),
    "poison": (_POISON, {"import-failed"}),
    "proc": (_OTHERS + _PROC, {"import-failed"}),
    "memory_of_many": (_MEMORY_OF_MANY, {"pass", "crashed", "import-failed"}),
    "at_exit": ("import atexit, os; atexit.register(os.kill, -1, 9)", {"pass"}),
    "path_file": ("", {"crashed"}),
    "shadow": ("", {"import-failed"}),  # its own pip, which nobody else meets
    "full_disk": ("", {"install-failed"}),
    "title": (r'print("\x1b]0;pwned\x07 www.evil.example @all `x`"); raise ImportError("\x1b[31m")',
              {"import-failed"}),
}  # fmt: skip
FILES = {
    "path_file": {"a.pth": "import os; os.kill(os.getppid(), 9)\n"},
    "shadow": {
        "json.py": "1/0", "_wheelgrid_agent/__init__.py": "1/0", "pip/__init__.py": "1/0",
        "site.zip": "no zip", "order.json": "[]", "bytecode.zip": "no zip",
        "shadow-1.0.data/scripts/python3": "#!python\n1/0",
    },
    "full_disk": {f"../\n{_FULL}\n": ""},
}  # fmt: skip
"""Further files of a wheel."""


@pytest.mark.parametrize("arch", [native_arch().name, "s390x"])
def test_hostile_wheels_change_no_other_result(tmp_path: Path, arch: str) -> None:
    """A control between all deeds passes each time."""
    wheels = []
    for name, (code, _) in DEEDS.items():
        wheels.append(make_wheel(tmp_path, name, code, files=FILES.get(name)))
        wheels.append(make_wheel(tmp_path, f"{name}_control", ""))
    here = ("--images", "assembled", "--target", "debian-12", "--arch", arch)
    options = ("--store", tmp_path / "store.db", "--out", tmp_path / "grid", "--timeout", "20")
    ended = wheelgrid("check", *wheels, *here, *options, timeout=900)
    assert ended.status == 1, ended.said
    assert "\x1b]0;" not in ended.said
    run = json.loads((tmp_path / "grid" / "run.json").read_bytes())
    seen = {
        cell["subject"].removesuffix("-1.0").replace("-", "_"): cell["observation"]
        for cell in run["cells"]
    }
    rows = [f"{name:24} {o['outcome']:14} {o['cause']:14} {o['evidence'][:60]!r}"
            for name, o in seen.items() if not name.endswith("_control")]  # fmt: skip
    print(f"\n{arch}", *rows, sep="\n")  # noqa: T201 - for -s
    assert {name: seen[name]["outcome"] for name in seen if name.endswith("_control")} == {
        f"{name}_control": "pass" for name in DEEDS
    }
    wrong = {n: seen[n] for n, (_, right) in DEEDS.items() if seen[n]["outcome"] not in right}
    assert wrong == {}
    assert "no token" in seen["forge"]["evidence"]
    assert "open: []" in seen["proc"]["evidence"]
    assert _orphans() == []


def _orphans() -> list[str]:
    """Return the owners of containers that no process owns any more."""
    form = '{{.Label "' + OWNER_LABEL + '"}}'
    command = ["docker", "ps", "-a", "--format", form, "--filter", f"label={OWNER_LABEL}"]
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [owner for owner in listed.splitlines() if is_orphan(owner, running=True)]
