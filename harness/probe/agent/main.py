"""Answer the host's frames: a passport when it says hello, a verdict for every cell."""

import gc
import os
import shutil
import sys
import time

from .child import Limits
from .compiler import compile_wheels
from .container import WORK, ignore_signals, kill_strangers, seal, sweep
from .frames import read_frame, write_frame
from .importer import import_afresh, import_and_call
from .installer import Installer, install_afresh, pack, unpack
from .judgement import installed, judge_import, judge_install
from .passport import read_passport


def main():
    """Serve until the host is gone."""
    ignore_signals()
    # The protocol keeps the real standard output; nothing else may write to it.
    stdout = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    try:
        Agent(sys.stdin.buffer, stdout).serve()
    except (EOFError, BrokenPipeError):
        pass  # the host is gone, and with it the need for this container


class Agent:
    """One session's state: the streams to the host and the installer."""

    def __init__(self, stdin, stdout):
        self.stdin = stdin
        self.stdout = stdout
        self.installer = Installer()

    def serve(self):
        while True:
            frame = read_frame(self.stdin)
            answers = {
                "hello": self.hello,
                "probe": self.probe,
                "install": self.install_only,
                "compile": self.compile,
            }
            write_frame(self.stdout, *answers[frame["op"]](frame))

    def hello(self, frame):
        sealed = frame["seal"] and seal(False)
        if not frame["warm"]:
            return (dict(read_passport(), sealed=sealed, installer="", tags=[]),)
        self.installer.start()
        facts = dict(read_passport(), sealed=sealed)
        _spare_forks()
        facts.update(self.installer.ready())
        return (facts,)

    def probe(self, job):
        start = time.time()
        folder, files = lay_out(job["files"], job["blobs"])
        verdict = self.verdict(job, folder, files[: job["wheels"]])
        verdict["clean"] = self.clean()
        verdict["seconds"] = round(time.time() - start, 3)
        return (verdict,)

    def install_only(self, job):
        """Answer with what pip makes of a wheel for a machine that accepts these tags."""
        start = time.time()
        folder, wheels = lay_out(job["files"], job["blobs"])
        site = os.path.join(folder, "site")
        result = self.install(
            wheels, site, folder, Limits(job["timeout"], job["quiet"]), job["tags"]
        )
        good = installed(result)
        answer = {} if good else judge_install(result, "subject")
        packed = pack(site) if good else b""
        answer["clean"] = self.clean()
        answer["seconds"] = round(time.time() - start, 3)
        return answer, packed

    def compile(self, job):
        """Answer with the bytecode of wheels, which no stranger's code has run for."""
        folder, wheels = lay_out(job["files"], job["blobs"])
        bytecode = compile_wheels(wheels, folder, Limits(job["timeout"], job["quiet"]))
        return {"clean": self.clean()}, bytecode

    def clean(self):
        """Leave nothing of a cell; return whether that was had."""
        return kill_strangers({1, os.getpid(), self.installer.pid}) and sweep()

    def verdict(self, job, folder, wheels):
        limits = Limits(job["timeout"], job["quiet"])
        site = os.path.join(folder, "site")
        install = {"session": self.install, "unpacked": unpack, "fresh": install_afresh}[job["way"]]
        failed = put_in_place(install, wheels, site, folder, limits)
        if failed:
            return failed
        run = import_afresh if job["way"] == "fresh" else import_and_call
        return judge_import(run(site, job["imports"], job["call"], limits, folder))

    def install(self, wheels, site, folder, limits, tags=()):
        """Install; when a cell before this one killed the installer, with a new one."""
        result = self.installer.install(wheels, site, folder, limits, tags)
        if result is None:
            result = self.installer.install(wheels, site, folder, limits, tags)
        return result


def _spare_forks():
    """Keep what the agent is made of out of what a fork collects garbage in."""
    if hasattr(gc, "freeze"):  # from 3.7 on
        gc.freeze()


def lay_out(names, blobs):
    """Write what came with a frame into the cell's directory; return that and the files."""
    folder = os.path.join(WORK, "cell")
    os.makedirs(os.path.join(folder, "home"))
    files = [os.path.join(folder, name) for name in names]
    for path, blob in zip(files, blobs):
        with open(path, "wb") as stream:
            stream.write(blob)
    return folder, files


def put_in_place(install, wheels, site, folder, limits):
    """Install the wheels, the subject last; return the verdict on what fails, else None.

    All at once, which a second start would only make slower; one after the other where that
    fails, to tell whose fault it is.
    """
    if wheels[1:]:
        if installed(install(wheels, site, folder, limits)):
            return None
        shutil.rmtree(site, ignore_errors=True)
    for whose, files in (("companion", wheels[:-1]), ("subject", wheels[-1:])):
        result = install(files, site, folder, limits) if files else None
        if files and not installed(result):
            return judge_install(result, whose)
    return None
