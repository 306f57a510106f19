"""Open an imported wheel's other libraries, and resolve its entry points, in forks of the importer.

What the package has loaded counts there, as it does for the package. What happens in a fork, a
crash for one, does not touch the process that reports.
"""

import importlib
import json
import os
import select
import time

from .child import REPORTS
from .container import kill_session

# As they are before a package is imported, which may replace them (gevent does).
_fork, _pipe, _read, _write, _waitpid = os.fork, os.pipe, os.read, os.write, os.waitpid
_dup2, _setsid = os.dup2, os.setsid
_close, _exit, _select, _now = os.close, os._exit, select.select, time.monotonic

DEATHS = 5  # of forks, after which what is left is not tried
ALONE = 20  # libraries that are tried again, each in a fork of its own
ERROR_LIMIT = 600  # characters of what a library, an entry point or a program reports
ERRORS_LIMIT = 24 << 10  # characters of JSON of all of them
LINES_LIMIT = 1 << 20  # bytes that a fork may report
SAID = 4096  # bytes of a fork's output that are kept
_POLL = 0.02  # seconds between looks at a fork
_EMULATOR = "qemu: uncaught target signal"  # what it says of a process after its last words
_BEGINS = b"\0"  # in a fork's output, before that of each task


def open_libraries(site, places, seconds, until, begin):
    """Open each library that is not loaded yet, as ctypes does.

    ``begin`` is called with each. Returns path → error of those that fail, and how many were not
    tried. One that fails is tried again after all the others, which it may need, and then alone:
    two libraries may be good, and not go together.
    """
    try:
        from _ctypes import dlopen
    except ImportError:
        return {}, 0  # nor can the package open them
    loaded = _loaded_files()
    paths = {place: os.path.normpath(os.path.join(site, place)) for place in places}
    places = [
        place
        for place in places
        if os.path.isfile(paths[place]) and os.path.realpath(paths[place]) not in loaded
    ]

    def open_one(place):
        dlopen(paths[place], 0)  # ctypes.DEFAULT_MODE; _ctypes adds RTLD_NOW

    failed, untried = _each(places, open_one, seconds, until, begin, again=True)
    together = places[1:]  # one that is the only one was alone already
    for place in list(failed)[:ALONE] if together else ():
        error, left = _each([place], open_one, seconds, until, begin)
        if not error and not left:
            del failed[place]
        elif error and failed[place].startswith("ended:"):
            failed[place] = error[place]
    return failed, untried


def resolve_entries(entries, seconds, until, begin):
    """Import what each entry point names (``module:attribute``); return as ``open_libraries``.

    As the scripts of installers do: ``from module import attribute``, which also imports a module
    of that name. Source: ``SCRIPT_TEMPLATE`` in ``distlib/scripts.py``.
    """

    def resolve(entry):
        module, _, names = entry.partition(":")
        first, *others = names.split(".")
        found = importlib.import_module(module)
        if first and not hasattr(found, first) and hasattr(found, "__path__"):
            _import_below(module, first)
        for name in [first, *others] if first else ():
            found = getattr(found, name)

    return _each(entries, resolve, seconds, until, begin)


def _import_below(package, name):
    """Import a module of a package, if the package has it."""
    try:
        importlib.import_module("%s.%s" % (package, name))
    except ModuleNotFoundError as error:
        if error.name != "%s.%s" % (package, name):
            raise


def limited(errors):
    """Return pairs of name and error that fit into a report."""
    pairs, room = [], ERRORS_LIMIT
    for name, error in errors.items():
        pair = [name, error[:ERROR_LIMIT]]
        room -= len(json.dumps(pair))
        if room > 0:
            pairs.append(pair)
    return pairs


def last_words(said):
    """Return the last two lines that a process printed, as an error ends with them."""
    lines = said.decode("utf-8", "backslashreplace").splitlines()
    own = [line for line in lines if line.strip() and not line.startswith(_EMULATOR)]
    return ": " + "; ".join(own[-2:]) if own else ""


def signal_name(number):
    """Return the name of a signal."""
    import signal

    try:
        return signal.Signals(number).name
    except ValueError:
        return "signal %d" % number


def _loaded_files():
    """Return the files that this process has mapped (proc_pid_maps(5))."""
    try:
        with open("/proc/self/maps") as maps:
            return {line.split(None, 5)[5].rstrip("\n") for line in maps if "/" in line}
    except OSError:
        return set()


def _each(tasks, do, seconds, until, begin, again=False):
    """Do each task in a fork; return task → error of those that fail, and how many are left.

    One fork does all. If it ends early, another one does all but what it was at.
    """
    failed, tasks = {}, list(tasks)
    for _ in range(DEATHS):
        fork = _Fork(tasks, do, again, until)
        try:
            ended = fork.watch(seconds, begin)
        finally:
            fork.close()
        failed = {task: error for task, error in failed.items() if task not in fork.done}
        failed.update(fork.errors)
        left = [task for task in tasks if task not in fork.done]
        if not ended or fork.at is None:
            return failed, len(left)
        if fork.at in left:
            failed[fork.at] = "ended: " + ended
            left.remove(fork.at)
        if not left:
            return failed, 0
        # What was opened before may be what the others need.
        tasks = [task for task in tasks if task != fork.at] if again else left
    return failed, len(left)


class _Fork:
    """A fork that does tasks in order, and the reader of its reports."""

    def __init__(self, tasks, do, again, until):
        self.tasks = tasks
        self.until = until
        self.errors = {}
        self.done = set()
        self.at = None  # the task that it began last
        self.rest = b""
        self.begun = self.size = 0
        self.said = b""
        self.reports, end = _pipe()
        self.output, output_end = _pipe()
        self.pid = _fork()
        if self.pid == 0:
            _do_all(tasks, do, again, until, end, output_end)
        _close(end)
        _close(output_end)

    def watch(self, seconds, begin):
        """Read until it is done; return how it ended, if it ended before it was."""
        heard, begun, gone, status = _now(), 0, 0, 0
        while True:
            more = self.take(0 if gone else _POLL)
            if self.begun != begun:
                heard, begun = _now(), self.begun
                begin(self.at)
            if gone and not more:
                break
            if not gone:
                gone, status = self.look()
            if not gone and _now() > min(heard, self.until + seconds) + seconds:
                kill_session(self.pid)
                _waitpid(self.pid, 0)
                return "it did not return within %d s" % seconds
        words = last_words(self.said.rpartition(_BEGINS)[2])
        if os.WIFSIGNALED(status):
            return "killed by %s%s" % (signal_name(os.WTERMSIG(status)), words)
        if self.at in self.done or self.at is None:
            return ""  # it did all, or had no time for the rest
        return "the process exited with status %d%s" % (os.WEXITSTATUS(status), words)

    def close(self):
        kill_session(self.pid)  # what it started
        _close(self.reports)
        _close(self.output)

    def look(self):
        """Return whether it is gone, and its wait status."""
        try:
            return _waitpid(self.pid, os.WNOHANG)
        except OSError:
            return self.pid, 0  # the package has a handler that waits for all

    def take(self, wait):
        """Read what there is; return whether there may be more reports at once."""
        ready = _select([self.reports, self.output], [], [], wait)[0]
        said = _read(self.output, 65536) if self.output in ready else b""
        self.said = (self.said + said)[-SAID:]
        if self.reports not in ready:
            if ready and not said:
                time.sleep(wait)  # it has closed its output
            return False
        data = _read(self.reports, 65536)
        self.size += len(data)
        if not data or self.size > LINES_LIMIT:
            time.sleep(wait)
            return False
        *lines, self.rest = (self.rest + data).split(b"\n")
        for line in lines:
            try:
                index, error = json.loads(line.decode("ascii"))
                task = self.tasks[index]
            except (ValueError, TypeError, IndexError):
                continue  # a library wrote it
            if error is None:
                self.at = task
                self.done.discard(task)
                self.begun += 1
                continue
            self.done.add(task)
            self.errors[task] = str(error)
            if not error:
                del self.errors[task]
        return True


def _do_all(tasks, do, again, until, end, output):
    """Be the fork; never returns."""
    try:
        own = os.getpid()
        _setsid()  # a library may kill its process group
        _dup2(end, REPORTS)  # what it opens reaches no other report
        for standard in (1, 2):
            _dup2(output, standard)

        def tell(index, error):
            if os.getpid() != own:
                _exit(0)  # a library forked when it was opened
            _write(REPORTS, b"\n" + json.dumps([index, error]).encode("ascii") + b"\n")

        left = range(len(tasks))
        while left:
            failed = []
            for index in left:
                if _now() > until:
                    _exit(0)
                _write(output, _BEGINS)
                tell(index, None)
                error = _error(do, tasks[index])
                if error:
                    failed.append(index)
                tell(index, error)
            left = failed if again and len(failed) < len(left) else []
    finally:
        _exit(0)


def _error(do, task):
    try:
        do(task)
    except BaseException as error:
        try:
            text = "%s: %s" % (type(error).__name__, error)
        except BaseException:
            text = type(error).__name__
        return text.encode("utf-8", "backslashreplace").decode("utf-8")[:ERROR_LIMIT]
    return ""
