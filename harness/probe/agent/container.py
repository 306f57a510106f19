"""Being process 1 of a container in which strangers run.

What one cell leaves behind (processes, files) is gone before the next one starts; what
a cell does to this process's signals, memory and descriptors has no effect.
"""

import os
import shutil
import sys
import time

try:
    import _signal as signal  # the other makes an enum of every number, each time a child starts
except ImportError:
    import signal

WORK = os.environ.get("WHEELGRID_WORK", "/tmp")  # tests run the agent outside a container
SWEEPS = 200

_PR_GET_DUMPABLE, _PR_SET_DUMPABLE = 3, 4
_c_library = []  # loaded once, and inherited by every fork


def seal(dumpable):
    """Say whether another process of this user may trace this one or open its descriptors.

    A fork inherits the seal, so a child unseals itself before it runs a stranger's code.
    Returns whether it took effect. See prctl(2) and ptrace(2), "Ptrace access mode checking".
    """
    try:
        if not _c_library:
            _c_library.append(_load_c_library())
        prctl = _c_library[0].prctl
        prctl(_PR_SET_DUMPABLE, int(dumpable), 0, 0, 0)
        return prctl(_PR_GET_DUMPABLE, 0, 0, 0, 0) == int(dumpable)
    except (ImportError, OSError, AttributeError):
        return False


def unseal():
    """Undo in a fork what was done to the process that it is of, if it was."""
    if _c_library:
        seal(True)


def _load_c_library():
    try:
        import ctypes

        return ctypes.CDLL(None)
    finally:
        for name in [n for n in sys.modules if n.partition(".")[0] in ("ctypes", "_ctypes")]:
            del sys.modules[name]  # a cell's import starts from a clean interpreter


def ignore_signals():
    """Ignore what can be ignored: a cell may send process 1 anything."""
    _set_signals(signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)


def default_signals():
    """Give a child the signals that a new process has."""
    _set_signals(signal.SIG_DFL)


def _set_signals(action):
    for number in range(1, signal.NSIG):
        if number not in (signal.SIGKILL, signal.SIGSTOP):
            try:
                signal.signal(number, action)
            except (OSError, ValueError, RuntimeError):
                continue  # real-time signals that the C library keeps for itself


def kill_session(pid):
    """Kill a child and the session that it leads."""
    for kill in (os.killpg, os.kill):
        try:
            kill(pid, signal.SIGKILL)
        except OSError:
            continue


def kill_strangers(keep):
    """Kill all processes of the container but ``keep``; return whether none is left."""
    if os.getpid() != 1:
        return True
    for _ in range(SWEEPS):
        strangers = [int(p) for p in os.listdir("/proc") if p.isdigit() and int(p) not in keep]
        if not strangers:
            return True
        for pid in strangers:
            _end(pid)
        time.sleep(0.005)
    return False


def _end(pid):
    try:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, os.WNOHANG)
    except OSError:
        pass  # gone already, or not a child of ours


def sweep():
    """Empty the one writable directory; return whether nothing of a cell is left in it."""
    for name in os.listdir(WORK):
        path = os.path.join(WORK, name)
        if os.path.isdir(path) and not os.path.islink(path):
            _open_up(path)
            shutil.rmtree(path, ignore_errors=True)
        else:
            os.unlink(path)
    return not os.listdir(WORK)


def _open_up(folder):
    """Give back the permissions without which a directory cannot be emptied."""
    os.chmod(folder, 0o700)
    for root, folders, _ in os.walk(folder):
        for name in folders:
            path = os.path.join(root, name)
            if not os.path.islink(path):
                os.chmod(path, 0o700)


def limits_hit():
    """Return how often each limit of this container's cgroup was run into (version 2, else 1)."""
    return {
        "memory-limit": _counter(
            ("/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control"),
            "oom_kill",
        ),
        "pids-limit": _counter(
            ("/sys/fs/cgroup/pids.events", "/sys/fs/cgroup/pids/pids.events"), "max"
        ),
    }


def _counter(paths, key):
    for path in paths:
        try:
            with open(path) as stream:
                counters = dict(line.split()[:2] for line in stream)
            return int(counters[key])
        except (OSError, KeyError, ValueError):
            continue
    return 0
