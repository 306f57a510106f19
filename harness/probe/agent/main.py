"""The agent: answer the host's frames with a passport, and with a report on every cell."""

import gc
import os
import shutil
import sys
import time

from .child import Result, StageLimits, limits_hit
from .compiler import compile_wheels
from .container import (
    WORK,
    ignore_signals,
    kill_others,
    remove_ipc,
    resource_limits,
    seal,
    sweep,
)
from .frames import read_frame, receive_file, write_frame
from .helper import Helper, process_state, serve_orders
from .importer import BYTECODE, import_afresh, import_and_call, import_traced
from .installer import (
    install_afresh,
    library_folder,
    measure,
    pack,
    serve_installer,
    site_of,
    unpack,
)
from .outcomes import (
    blames_disk,
    cell_report,
    import_report,
    install_report,
    installed,
    with_starts,
)
from .own_tests import JUNIT, is_full, read_junit, report_tests, run_tests
from .passport import read_passport
from .starter import start_programs

SLACK = 20.0  # seconds that a helper may take beyond the limits that it enforces itself
START = 170.0  # seconds that an installer may take to load pip


def main():
    """Serve until the host is gone."""
    for name in [each for each in os.environ if each.startswith("PIP_")]:
        if name != "PIP_CONFIG_FILE":
            del os.environ[name]  # an image's options, PIP_REQUIRE_VIRTUALENV or PIP_NO_BINARY
    # The protocol keeps the real standard output; nothing else may write to it.
    stdout = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    try:
        Agent(sys.stdin.buffer, stdout).serve()
    except (EOFError, BrokenPipeError):
        pass  # the host is gone


class Agent:
    """One session: the streams to the host and the two helpers."""

    def __init__(self, stdin, stdout):
        self.stdin = stdin
        self.stdout = stdout
        self.sealed = seal(False)
        ignore_signals()
        if hasattr(gc, "freeze"):  # from 3.7 on: forks need not copy what the agent consists of
            gc.freeze()
        self.runner = Helper(serve_runner)
        self.installer = Helper(serve_installer)
        self.pids = (os.getpid(), self.runner.pid, self.installer.pid)
        self.limits = resource_limits(self.pids)
        self.state = process_state()
        self.same = True
        self.warm = False  # whether the installer has loaded pip
        self.token, self.turn = "", 0

    def serve(self):
        """Answer frames; each answer carries the session's token and its number."""
        answers = {
            "hello": self.hello,
            "probe": self.probe,
            "install": self.install_only,
            "compile": self.compile,
        }
        while True:
            frame = read_frame(self.stdin)
            self.token = frame.get("token", self.token)
            answer, blob = answers[frame["op"]](frame)
            self.write(answer, blob)
            if blob:
                os.unlink(blob)
            self.turn += 1

    def write(self, answer, blob=None):
        write_frame(self.stdout, dict(answer, token=self.token, turn=self.turn), blob)

    def tell(self, line):
        """Tell the host how far the frame is that it waits for."""
        self.write({"progress": line})

    def hello(self, frame):
        if frame["warm"]:
            self.installer.send({})  # pip loads while the facts are read
        facts = dict(read_passport(), sealed=self.sealed, installer="", tags=[])
        if frame["warm"]:
            facts.update(self.installer.answer(START) or {"failed": "it does not answer"})
            self.warm = True
        return facts, None

    def probe(self, job):
        start = time.monotonic()
        folder, files, room = self.receive(job)
        answer = self.install_and_import(job, folder, files[: job["wheels"]]) if room else no_room()
        junit = None
        if job["tests"] and answer["outcome"] == "pass":
            tested, junit = self.test(job["tests"], folder)
            answer.update(tested)
        answer["clean"] = self.clean(junit)
        answer["seconds"] = round(time.monotonic() - start, 3)
        return answer, junit

    def test(self, tests, folder):
        """Run the project's own tests; return the report, and the path of a JUnit report or None.

        What the import left running is ended first, and what the tests left before their report
        is read.
        """
        kill_others(set(self.pids))
        self.tell("")
        limits = StageLimits(tests["timeout"], tests["timeout"])
        order = {"site": site_of(folder), "command": tests["command"]}
        result = self.run("test", limits, folder, **order)
        kill_others(set(self.pids))
        junit = read_junit(folder)
        report = report_tests(result, tests["command"], is_full(WORK), junit)
        if not junit:
            return report, None
        path = os.path.join(WORK, JUNIT)
        try:
            shutil.rmtree(folder, ignore_errors=True)  # the disk may be full
            with open(path, "wb") as stream:
                stream.write(junit)
        except OSError:
            return report, None
        return report, path

    def install_only(self, job):
        """Answer with what pip makes of a wheel for a machine that accepts these tags."""
        start = time.monotonic()
        folder, wheels, room = self.receive(job)
        site = site_of(folder)
        answer, packed = {}, None
        limits = StageLimits(job["timeout"], job["quiet"])
        result = self.install(wheels, site, folder, limits, job["tags"]) if room else None
        if installed(result):
            packed = pack_aside(site)
        else:
            failure = self.failure(result, "subject", wheels, limits, folder)
            answer["report"] = failure if room else no_room()
        answer["clean"] = self.clean(packed)
        answer["seconds"] = round(time.monotonic() - start, 3)
        return answer, packed

    def compile(self, job):
        """Answer with the bytecode of wheels; nothing of them is run."""
        start = time.monotonic()
        folder, wheels, room = self.receive(job)
        limits = StageLimits(job["timeout"], job["quiet"])
        result = self.run("compile", limits, folder, wheels=wheels) if room else None
        packed = None
        if installed(result):
            packed = os.path.join(WORK, BYTECODE)
            os.rename(os.path.join(folder, BYTECODE), packed)
        return {
            "clean": self.clean(packed),
            "seconds": round(time.monotonic() - start, 3),
        }, packed

    def receive(self, frame):
        """Write a frame's blobs to the cell's folder; return it, them, and whether they fit."""
        folder = os.path.join(WORK, "cell")
        os.makedirs(os.path.join(folder, "home"))
        files = [os.path.join(folder, name) for name in frame["files"]]
        fits = [receive_file(self.stdin, *each) for each in zip(frame["blobs"], files)]
        return folder, files, all(fits)

    def install_and_import(self, job, folder, wheels):
        """Install, import and call; return the report."""
        limits = StageLimits(job["timeout"], job["quiet"])
        site = site_of(folder)
        install = {
            "session": self.install,
            "unpacked": lambda *args: self.run("unpack", limits, folder, wheels=args[0], site=site),
            "fresh": lambda *args: self.run("install", limits, folder, wheels=args[0], site=site),
        }[job["mode"]]
        failed = self.put_in_place(install, wheels, site, folder, limits)
        if failed:
            return failed
        before = limits_hit()
        how = "import afresh" if job["mode"] == "fresh" else "import"
        cell = {name: job[name] for name in ("imports", "submodules", "call", "late")}
        cell.update(site=site, trace=job["trace"])
        report = import_report(self.run(how, limits, folder, **cell), hit_since(before))
        programs = job["late"]["programs"]
        if report["outcome"] != "pass" or not programs:
            return report
        before, seconds = limits_hit(), job["late"]["program_seconds"]
        result = self.run("start", limits, folder, site=site, programs=programs, seconds=seconds)
        return with_starts(report, result, programs, hit_since(before))

    def put_in_place(self, install, wheels, site, folder, limits):
        """Install the wheels, the subject last; return the report on what fails, else None.

        All are installed at once, which saves a start of pip. If that fails, one after the other,
        to tell whose fault it is.
        """
        if wheels[1:]:
            if installed(install(wheels, site, folder, limits)):
                return None
            shutil.rmtree(library_folder(site), ignore_errors=True)
        for whose, files in (("companion", wheels[:-1]), ("subject", wheels[-1:])):
            result = install(files, site, folder, limits) if files else None
            if files and not installed(result):
                return self.failure(result, whose, wheels, limits, folder)
        return None

    def failure(self, result, whose, wheels, limits, folder):
        """Return the report on an install that failed."""
        full = self.run("measure", limits, folder, wheels=wheels) if blames_disk(result) else None
        too_large = full is not None and full.said == {"status": 1, "done": True}
        return install_report(result, whose, too_large)

    def install(self, wheels, site, folder, limits, tags=()):
        """Install with the pip that is loaded; ``tags``, if given, replace those it accepts."""
        if not self.warm:
            self.installer.ask({}, START)
            self.warm = True
        order = {"wheels": wheels, "site": site, "folder": folder, "limits": limits, "tags": tags}
        return self.result(self.installer, order, limits.timeout)

    def run(self, how, limits, folder, **order):
        """Have the runner do something in a fork of it."""
        order = dict(order, how=how, limits=limits, folder=folder)
        forks = 2 if how == "compile" else 1
        return self.result(self.runner, order, forks * limits.timeout)

    def result(self, helper, order, seconds):
        """Return what a helper answers; None if it is gone or takes much longer than that."""
        answer = helper.ask(order, seconds + SLACK, self.tell)
        if answer is None:
            return None
        self.same = answer["same"] and self.same
        return Result(**{name: answer[name] for name in Result._fields})

    def clean(self, keep=None):
        """Remove what a cell left, but the file ``keep``; return whether all is as before it."""
        try:
            done = [helper.resume() for helper in (self.runner, self.installer)]
            done += [kill_others(set(self.pids)), remove_ipc(), sweep(keep)]
            same = self.same and process_state() == self.state
            return all(done) and same and resource_limits(self.pids) == self.limits
        except (OSError, MemoryError, RecursionError):
            return False  # too few descriptors, for one


def serve_runner(stream):
    """Be the helper that is a clean interpreter: run each order in a fork."""

    def tell(line):
        write_frame(stream, {"progress": line})

    def run(order):
        limits, folder = StageLimits(*order["limits"]), order["folder"]
        if order["how"] in ("import", "import afresh"):
            return run_imports(order, limits, folder)
        if order["how"] == "start":
            cell = [order[name] for name in ("site", "programs", "seconds")]
            return start_programs(*cell, limits, folder)
        if order["how"] == "compile":
            return compile_wheels(order["wheels"], folder, limits)
        if order["how"] == "test":
            return run_tests(order["site"], order["command"], limits, folder, tell)
        if order["how"] == "measure":
            return measure(order["wheels"], folder, limits)
        install = unpack if order["how"] == "unpack" else install_afresh
        return install(order["wheels"], order["site"], folder, limits)

    serve_orders(stream, run)


def run_imports(order, limits, folder):
    """Import what an order names, in a fork or in an interpreter of its own."""
    run_cell = import_traced if order["trace"] else import_and_call
    if order["how"] == "import afresh":
        run_cell = import_afresh
    cell = [order[name] for name in ("site", "imports", "submodules", "call", "late")]
    return run_cell(cell, limits, folder)


def hit_since(before):
    """Return the container's limits that were reached since they were counted."""
    after = limits_hit()
    return [name for name in sorted(after) if after[name] > before[name]]


def pack_aside(site):
    """Return the path of a zip of ``site``; None if there is no room for it."""
    path = os.path.join(WORK, "packed.zip")
    try:
        pack(site, path)
    except OSError:
        return None
    return path


def no_room():
    """Return the report on wheels that do not fit into the container."""
    return cell_report("miss", "install", "infra:space", "the wheels do not fit into /tmp", "")
