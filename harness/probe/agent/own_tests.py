"""Run a project's own tests in the environment of an installed wheel, and judge how they ended.

The command runs in a new process, in a folder with the files that were sent, as in a virtual
environment: its interpreter finds the wheel, what the tests require, and the system's packages.
"""

import errno
import os
import re
import shutil
import stat
import sys
import sysconfig
import zipfile

from .child import REPORTS, run_child, sign, storable
from .importer import put_files
from .outcomes import cell_report, how_it_ended

FILES = "tests.zip"  # the archive of the files that were sent
PACKAGES = "tests-packages.zip"  # the archive of what the tests require, as installed
BYTECODE = "tests-bytecode.zip"  # and of its bytecode
JUNIT = "junit.xml"
JUNIT_LIMIT = (8 << 20) + 1  # bytes of it that are sent; the host reads one less
NO_COMMAND = 127  # status of a report on a command that does not start (sh)
LAST_LINES = 6  # of the runner's output, in evidence
LINE_LIMIT = 300  # characters of each
NEARLY_FULL = 64  # the part of the disk that, if no more is free, makes it full
_NO_ROOM = re.compile(r"\[Errno %d\]|No space left on device" % errno.ENOSPC)
_SYSTEM = ("site-packages", "dist-packages")
_SCRIPT = """#!%s
import importlib, sys
module, _, names = %r.partition(":")
found = importlib.import_module(module)
for name in names.split("."):
    found = getattr(found, name)
sys.exit(found())
"""


def run_tests(site, command, limits, folder, tell):
    """Run the command in a process of its own; ``tell`` gets the last line of its output."""

    def body(tokens):
        os.set_inheritable(REPORTS, False)
        try:
            environment = make_environment(site, folder)
            os.chdir(_unpacked(os.path.join(folder, FILES), os.path.join(folder, "project")))
        except OSError as error:
            sign(tokens.pop(), {"status": error.errno or 1, "failed": str(error)})
            return 1
        program = shutil.which(command[0], path=environment["PATH"])
        try:
            if program:
                os.execve(program, [program] + command[1:], environment)
            failed = "there is no command %r" % command[0]
        except OSError as error:
            failed = "%r does not start: %s" % (command[0], error.strerror)
        sign(tokens.pop(), {"status": NO_COMMAND, "failed": failed})
        return 1

    return run_child(body, limits, folder, tell)


def make_environment(site, folder):
    """Make a virtual environment in ``folder``; return the variables of a process in it."""
    venv = os.path.join(folder, "venv")
    scripts = os.path.join(venv, "bin")
    os.makedirs(scripts)
    library = sysconfig.get_path("purelib", "posix_prefix", {"base": venv, "platbase": venv})
    os.makedirs(library)
    for archive in (PACKAGES, BYTECODE):
        path = os.path.join(folder, archive)
        if os.path.exists(path):
            put_files(path, library, os.makedirs)
            os.unlink(path)
    base = getattr(sys, "_base_executable", None) or sys.executable
    with open(os.path.join(venv, "pyvenv.cfg"), "w") as stream:
        home = os.path.dirname(base)
        stream.write("home = %s\ninclude-system-site-packages = false\n" % home)
    system = [path for path in sys.path if path.endswith(_SYSTEM)]
    with open(os.path.join(library, "wheelgrid.pth"), "w") as stream:
        calls = "; ".join("site.addsitedir(%r)" % path for path in [site] + system)
        stream.write("import site; %s\n" % calls)
    for place in system + [site, library]:
        _write_scripts(place, scripts)
    for name in ("python", "python3", "python%d.%d" % sys.version_info[:2]):
        os.symlink(base, os.path.join(scripts, name))
    path = [scripts, os.path.join(site, "bin"), os.environ.get("PATH", os.defpath)]
    junit = os.path.join(folder, JUNIT)
    more = {"VIRTUAL_ENV": venv, "PATH": ":".join(path), "WHEELGRID_JUNIT": junit}
    return dict(os.environ, PYTEST_ADDOPTS="--junitxml=" + junit, **more)


def _unpacked(archive, place):
    """Unpack an archive of the host, if it was sent, to ``place``, and return that."""
    os.makedirs(place, exist_ok=True)
    if os.path.exists(archive):
        with zipfile.ZipFile(archive) as files:
            for info in files.infolist():
                path = files.extract(info, place)
                if info.external_attr >> 16 & 0o100:
                    os.chmod(path, 0o755)  # noqa: S103 - read by no other user
        os.unlink(archive)
    return place


def _write_scripts(place, scripts):
    """Write the console scripts of all projects in ``place`` to the folder ``scripts``."""
    for name in os.listdir(place) if os.path.isdir(place) else ():
        points = os.path.join(place, name, "entry_points.txt")
        if name.endswith(".dist-info") and os.path.isfile(points):
            with open(points, encoding="utf-8", errors="replace") as stream:
                for script, call in _console_scripts(stream):
                    _write_script(os.path.join(scripts, script), call)


def _console_scripts(lines):
    """Yield name and ``module:attribute`` of each console script that ``lines`` declare."""
    section = ""
    for line in lines:
        name, found, call = line.partition("=")
        if line.startswith("["):
            section = line.strip()
        elif section == "[console_scripts]" and found and "/" not in name:
            yield name.strip(), call.partition("[")[0].strip()


def _write_script(path, call):
    if ":" not in call or os.path.basename(path) in ("", ".", ".."):
        return
    with open(path, "w") as stream:
        stream.write(_SCRIPT % (os.path.join(os.path.dirname(path), "python"), call))
    os.chmod(path, 0o755)  # noqa: S103 - read by no other user


def read_junit(folder):
    """Return the JUnit report, at most ``JUNIT_LIMIT`` bytes, and empty if there is none.

    Tests wrote it: it may be a link, a pipe, or endless.
    """
    try:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
        with open(os.open(os.path.join(folder, JUNIT), flags), "rb") as stream:
            if stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                return stream.read(JUNIT_LIMIT)
    except OSError:
        pass
    return b""


def is_full(folder):
    """Whether nearly nothing is free on the disk of a cell."""
    disk = os.statvfs(folder)
    return disk.f_bavail < disk.f_blocks // NEARLY_FULL or disk.f_favail == 0


def expects_junit(command):
    """Whether the command is pytest, which writes a report unless it is told another place."""
    words = [os.path.basename(word) for word in command[:3]]
    runs = words[0] in ("pytest", "py.test") or words[1:] == ["-m", "pytest"]
    return runs and not any(word.startswith("--junit") for word in command)


def report_tests(result, command, full, junit):
    """Return the report on a test run.

    ``full``: whether the disk is full now. ``junit``: whether there is a JUnit report.
    """
    if result is None:
        evidence = "the tests killed or stopped the process that ran them"
        return cell_report("crashed", "test", "signal", evidence, "")
    outcome, cause, evidence = _judged(result, full)
    if outcome == "pass" and expects_junit(command) and not junit:
        outcome = "test-failed"
        evidence = "the runner ended with status 0 and without its report"
    if outcome not in ("pass", "miss"):
        evidence = "\n".join([evidence] + last_lines(result.log)).strip()
    return cell_report(outcome, "test", cause, evidence, result.log)


def _judged(result, full):
    """Return outcome, cause and the first line of evidence."""
    if not result.said and result.ended == "exit" and result.status == 0:
        return "pass", "", ""
    miss = _at_our_limit(result, result.said or {}, full)
    if miss:
        return ("miss",) + miss
    if result.ended in ("timeout", "quiet"):
        return "timeout", "timeout", how_it_ended(result)
    if result.ended == "output":
        return "test-failed", "endless-output", how_it_ended(result)
    if result.status < 0:
        return "crashed", "signal", how_it_ended(result)
    said = (result.said or {}).get("failed", "")
    return "test-failed", "", said or "exit status %d" % result.status


def _at_our_limit(result, said, full):
    """Return cause and evidence if the tests did not start, or met a limit of the container."""
    if said.get("status") == NO_COMMAND:
        return "infra:test-command", said.get("failed", "")
    if said.get("status") == errno.ENOSPC:
        return "infra:space", "the tests and what they require do not fit into /tmp"
    if "memory-limit" in result.hit:
        return "infra:memory", "the tests need more memory than the container has"
    if "pids-limit" in result.hit:
        return "infra:processes", "the tests start more processes than the container allows"
    if full or _NO_ROOM.search(result.log):
        return "infra:space", "the tests filled the disk of the container"
    return None


def last_lines(log):
    """Return the last lines of output that say something."""
    lines = [line.rstrip() for line in log.splitlines() if line.strip(" \t-=_*.")]
    return [storable(line[:LINE_LIMIT]) for line in lines[-LAST_LINES:]]
