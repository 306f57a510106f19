"""Process 1 of a container that runs untrusted cells.

What a cell leaves behind (processes, files, System V memory and queues) is removed before the next
one starts. What cannot be restored, a lowered limit for one, ends the session.
"""

import errno
import os
import struct
import sys
import time

try:
    import _signal as signal  # the other makes an enum of every number, each time a child starts
except ImportError:
    import signal

WORK = os.environ.get("WHEELGRID_WORK", "/tmp")  # tests run the agent outside a container
SHARED = "/dev/shm"  # of this container alone, and only if it was asked for
SWEEPS = 20
SWEEP_SECONDS = 10.0  # after which a new container is quicker

_PR_GET_DUMPABLE, _PR_SET_DUMPABLE = 3, 4
_PTRACE_CONT = 7
_RT_SIGACTION = {"x86_64": 13, "aarch64": 134, "riscv64": 134, "ppc64le": 173, "s390x": 174}
_RT_SIGACTION_32 = 174  # on every arch here whose pointers have 32 bits
_IGNORE = struct.pack("P", 1).ljust(64, b"\0")  # the kernel's struct, which begins with SIG_IGN
_c_library = []  # the C library and what ctypes has for it: loaded once, inherited by every fork
_reserved = {}  # signal that the C library keeps for itself → its action before this module's


def seal(dumpable):
    """Set whether another process of this user may trace this one or open its descriptors.

    A fork inherits the seal; a cell's process unseals itself. Returns whether it took effect.
    See prctl(2) and ptrace(2), "Ptrace access mode checking".
    """
    try:
        if not _c_library:
            _c_library.extend(_load_c_library())
        prctl = _c_library[0].prctl
        prctl(_PR_SET_DUMPABLE, int(dumpable), 0, 0, 0)
        return prctl(_PR_GET_DUMPABLE, 0, 0, 0, 0) == int(dumpable)
    except (ImportError, OSError, AttributeError):
        return False


def unseal():
    """Undo ``seal`` in a fork, if it was done."""
    if _c_library:
        seal(True)


def _load_c_library():
    try:
        import ctypes

        library = ctypes.CDLL(None, use_errno=True)
        return (
            library,
            ctypes.get_errno,
            ctypes.create_string_buffer,
            ctypes.c_long,
            ctypes.string_at,
        )
    finally:
        for name in [n for n in sys.modules if n.partition(".")[0] in ("ctypes", "_ctypes")]:
            del sys.modules[name]  # cells start from a clean interpreter


def text_at(address):
    """Return the C string at an address of this process; empty without ctypes."""
    if not (address and _c_library):
        return ""
    return _c_library[4](address).decode("ascii", "replace")


def continue_untraced():
    """Call ptrace(2) where it has no effect, on an untraced process; raise its ``OSError``."""
    if not _c_library:
        raise OSError(errno.ENOSYS, "this interpreter has no ctypes")
    library, last_errno = _c_library[:2]
    library.ptrace(_PTRACE_CONT, os.getpid(), 0, 0)
    raise OSError(last_errno(), "ptrace")


def ignore_signals():
    """Ignore every signal that can be ignored: a cell may send any of them.

    Call it after ``seal``. A fork inherits it. An emulator that is process 1, and whose program
    dies of a signal, waits for ever: the kernel does not let process 1 die of it.
    """
    for number in _set_signals(signal.SIG_IGN):
        action = _exchange_action(number, _IGNORE)
        if action:
            _reserved.setdefault(number, action)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)


def default_signals():
    """Give a child the signals that a new process has."""
    _set_signals(signal.SIG_DFL)
    for number, action in _reserved.items():
        _exchange_action(number, action)


def _set_signals(action):
    """Set the action of all signals; return those that the C library keeps for itself."""
    refused = []
    for number in range(1, signal.NSIG):
        if number not in (signal.SIGKILL, signal.SIGSTOP):
            try:
                signal.signal(number, action)
            except (OSError, ValueError, RuntimeError):
                refused.append(number)
    return refused


def _exchange_action(number, action):
    """Set a signal's action past the C library; return the one before, None if that fails."""
    call = _RT_SIGACTION.get(os.uname().machine) if sys.maxsize >> 32 else _RT_SIGACTION_32
    if call is None or not _c_library:
        return None
    library, _, make_buffer, c_long = _c_library[:4]
    before = make_buffer(64)
    arguments = (c_long(call), c_long(number), action, before, c_long(8))  # 8 bytes have 64 signals
    return before.raw if library.syscall(*arguments) == 0 else None


def kill_session(pid):
    """Kill a child and the session that it leads."""
    for kill in (os.killpg, os.kill):
        try:
            kill(pid, signal.SIGKILL)
        except OSError:
            continue


def kill_others(keep):
    """Kill all processes of the container but ``keep``; return whether none is left.

    Processes that fork faster than they are found are killed at once, and ``keep`` with them:
    kill(2) with -1 reaches every process before another can fork.
    """
    if os.getpid() != 1:
        return True
    for _ in range(SWEEPS):
        others = [int(p) for p in os.listdir("/proc") if p.isdigit() and int(p) not in keep]
        if not others:
            return True
        for pid in others:
            _end(pid)
        time.sleep(0.005)
    os.kill(-1, signal.SIGKILL)
    return False


def _end(pid):
    try:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, os.WNOHANG)
    except OSError:
        pass  # gone already, or not a child of this process


def sweep(keep=None):
    """Empty the writable directories, but for the file ``keep``; return whether that worked."""
    shared = [SHARED] if os.getpid() == 1 and os.path.isdir(SHARED) else []
    return all(_sweep(folder, keep) for folder in [WORK] + shared)


def _sweep(folder, keep):
    """Empty one directory.

    Directories are emptied at the top: their subdirectories move up before they are removed. So
    neither depth nor the length of a path matters.
    """
    prefix = ".%s-" % os.urandom(8).hex()
    moved = 0
    deadline = time.monotonic() + SWEEP_SECONDS
    names = _left(folder, keep)
    while names:
        for name in names:
            path = os.path.join(folder, name)
            if not _is_folder(path):
                os.unlink(path)
                continue
            os.chmod(path, 0o700)
            for inner in os.listdir(path):
                below = os.path.join(path, inner)
                if _is_folder(below):
                    os.chmod(below, 0o700)
                    os.rename(below, os.path.join(folder, prefix + str(moved)))
                    moved += 1
                else:
                    os.unlink(below)
            os.rmdir(path)
            if time.monotonic() > deadline:
                return False
        names = _left(folder, keep)
    return True


def _left(folder, keep):
    return [name for name in os.listdir(folder) if keep != os.path.join(folder, name)]


def _is_folder(path):
    return os.path.isdir(path) and not os.path.islink(path)


_IPC = (("shm", "shmctl", 3), ("msg", "msgctl", 3), ("sem", "semctl", 4))
_IPC_RMID = 0


def remove_ipc():
    """Remove System V shared memory, queues and semaphores; return whether none is left."""
    for kind, control, arguments in _IPC:
        for number in _ipc_ids(kind):
            if _c_library:
                getattr(_c_library[0], control)(*[number, 0, _IPC_RMID, 0][:arguments])
        if _ipc_ids(kind):
            return False
    return True


def _ipc_ids(kind):
    """Return the ids of one kind; none outside of a container, where they are other programs'."""
    if os.getpid() != 1:
        return []
    try:
        with open("/proc/sysvipc/" + kind) as table:
            return [int(line.split()[1]) for line in table.readlines()[1:]]
    except OSError:
        return []  # a kernel without System V IPC


def resource_limits(pids):
    """Return the resource limits of processes and how they are scheduled, as procfs has them."""
    limits = []
    for pid in pids:
        with open("/proc/%d/limits" % pid) as table:
            limits.append(table.read())
        with open("/proc/%d/status" % pid) as table:
            limits += [line for line in table if line.startswith("Cpus_allowed_list")]
        with open("/proc/%d/stat" % pid) as table:
            fields = table.read().rpartition(")")[2].split()
            limits.append((fields[16], fields[38]))  # fields 19 nice and 41 policy of proc(5)
    return limits


def limits_hit():
    """Return how often each limit of this container's cgroup was reached (version 2, else 1)."""
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
